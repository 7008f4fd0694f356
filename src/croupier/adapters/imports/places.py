"""The places at which GrowthBook puts players, and what each place gets. Called by ``growthbook``.

Found place by place with GrowthBook's own arithmetic, and so with its rounding; neighbours that get the same are one
part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias

from croupier.adapters.imports.conditions import both, present, text_of
from croupier.adapters.imports.mongo import PLAYER
from croupier.adapters.imports.report import Impossible, list_of
from croupier.core.flags.cel.syntax import Node
from croupier.core.flags.model import Bucketing, Rule, Share
from croupier.core.segments import BUCKETS

PLACES: Final = {1: 1_000, 2: 10_000}
"""How many there are in each version of the hash."""

Parts: TypeAlias = tuple[tuple[str | None, int], ...]
"""What the places get, in their order: a variant or, for ``None``, what the rules below say; and for how many."""


@dataclass(frozen=True, slots=True)
class Dealing:
    """How players are put at places, and what each place gets."""

    version: int
    seed: str
    by: str
    parts: Parts

    @property
    def algorithm(self) -> str:
        return f"growthbook.{self.version}"

    @property
    def path(self) -> tuple[str, ...]:
        return (self.by,) if self.by else ("targetingKey",)

    def points(self, places: int) -> int:
        """So many places as a share in basis points."""
        return places * BUCKETS // PLACES[self.version]


def share_of(when: Node, first: Dealing, then: Dealing, places: int, parts: Parts) -> Rule:
    """A rule for the first places by one hash, whom another deals among the parts."""
    named = [(name, count) for name, count in parts if name is not None]
    total, several = sum(count for _, count in named), len({name for name, _ in named}) > 1
    points = first.points(places)
    if points == BUCKETS and not several:
        when = both(when, present(first.path))  # who cannot be dealt goes on, whatever the share
    # In halves of a place, one half early: so no rounding puts the last place of a part into the next one.
    weights = [2 * count for _, count in named]
    weights[0], weights[-1] = weights[0] - 1, weights[-1] + 1 + 2 * (PLACES[then.version] - total)
    serve = [Share(name, weight) for (name, _), weight in zip(named, weights, strict=True)]
    bucketing = Bucketing(first.algorithm, first.seed, then.seed, first.by)
    return Rule(text_of(when), points, tuple(serve) if several else (Share(named[0][0], 1),), bucketing=bucketing)


def filled(parts: Parts, variant: str) -> Parts:
    return _joined([(variant if name is None else name, count) for name, count in parts])


def _joined(parts: Sequence[tuple[str | None, int]]) -> Parts:
    """Neighbours that get the same are one part."""
    runs = groupby(parts, key=lambda part: part[0])
    return tuple((name, sum(count for _, count in run)) for name, run in runs)


def parts_of(version: int, ranges: Sequence[tuple[float, float]], names: Sequence[str | None]) -> Parts:
    """What each place gets, found as GrowthBook finds it, and so with its rounding."""
    places = PLACES[version]
    pairs = list(zip(ranges, names, strict=True))
    found = []
    for place in range(places):
        inside = (name for (start, end), name in pairs if start <= place / places < end)
        found.append((next(inside, None), 1))
    return _joined(found)


def weighted(count: int, coverage: float, weights: Any) -> list[tuple[float, float]]:
    """Each variation's range: its weight, of which the coverage counts. Weights that are none are equal."""
    given = [number_of(each) for each in weights] if isinstance(weights, list) else []
    if len(given) != count or min(given) < 0 or not 0.99 <= sum(given) <= 1.01:
        given = [1 / count] * count
    ranges, start = [], 0.0
    for weight in given:
        ranges.append((start, start + min(max(coverage, 0.0), 1.0) * weight))
        start += weight
    return ranges


def range_of(given: Any) -> tuple[float, float]:
    start, end = list_of(given, "a range")
    return number_of(start), number_of(end)


def number_of(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Impossible(f"{given!r} is no part of its players")
    return given


def version_of(given: Any) -> int:
    if given not in PLACES:
        raise Impossible(f"it hashes by version {given}")
    return int(given)


def key_of(attribute: Any) -> str:
    name = str(attribute or PLAYER)
    if "." in name:
        raise Impossible(f"it deals players by '{name}', whose name has a dot")
    return "" if name == PLAYER else name
