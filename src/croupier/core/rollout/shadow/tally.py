"""Outcomes of many comparisons as one report: by path (ids collapsed) and field, with a few redacted examples.

Bounded whatever comes in: paths and fields beyond the limit are counted together. Called by the process that compares.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from croupier.core.rollout.shadow.differ import Outcome, Pair
from croupier.core.rollout.shadow.report import Difference, ShadowReport

MOST: Final = 200
"""Different places that are kept apart."""
OTHERS: Final = ("(other paths)", "(other fields)")
_EXAMPLES: Final = 3
_LONGEST: Final = 60
_SEGMENTS: Final = 8

_ID: Final = re.compile(
    r"\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?=[^/]*\d)[A-Za-z0-9._~:-]{12,}|[^/]*[@%][^/]*"
)
_SECRET: Final = re.compile(
    r"auth|bearer|birth|card|cookie|credential|csrf|cvc|cvv|email|iban|jwt|key|mail|name|nonce|otp|pan\b|pass|phone|"
    r"pin\b|secret|session|signature|ssn|token",
    re.IGNORECASE,
)
_OF_PEOPLE: Final = re.compile(
    r"account|address|bic\b|city|customer|dob\b|document|ip\b|ip_?addr|login|mobile|msisdn|nick|owner|player|postal|"
    r"postcode|street|swift|tax|\btel|user|zip",
    re.IGNORECASE,
)
"""Fields that say who somebody is; what is below them may be shown."""
_TELLING: Final = re.compile(
    r"eyJ[\w-]+\.|\d{9,}|[^\s@\"]+@[^\s@\"]+\.|[A-Za-z0-9+/_=-]{32,}|\+\d[\d ()/-]{6,}|(\d{1,3}\.){3}\d{1,3}|"
    r"\d{4}([ -]\d{4}){2,}"
)
"""Values that look like a token, a number of a card or an account, an address, or a telephone's number."""


def template(path: str, said: Collection[str] = ()) -> str:
    """The path without its query, with ``{id}`` for parts that name one thing: ``/rounds/{id}/bets``. Whatever the
    request ``said`` in its headers, too, names its player, say.
    """
    parts = path.partition("?")[0].split("/")
    shown = ["{id}" if part in said or _ID.fullmatch(part) else part[:_LONGEST] for part in parts[: _SEGMENTS + 1]]
    return "/".join(shown) + ("/…" if len(parts) > _SEGMENTS + 1 else "")


def example(field: str, pair: Pair) -> Pair | None:
    """What may be shown of two values: nothing of a field that looks secret, nothing that looks like a secret."""
    if (
        _SECRET.search(field)
        or _OF_PEOPLE.search(field.rpartition(".")[2])
        or any(_TELLING.search(value) for value in pair)
    ):
        return None
    return _short(pair[0]), _short(pair[1])


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"


class Tally:
    """What was compared so far. Not thread-safe; ``report`` may be asked for at any time."""

    def __init__(self) -> None:
        self._compared = self._differing = self._noisy = 0
        self._skipped: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], list[Pair]] = {}

    def add(self, path: str, outcome: Outcome, said: Collection[str] = ()) -> None:
        """One comparison; ``said`` as in ``template``."""
        self._compared += 1
        self._differing += bool(outcome.fields)
        self._noisy += outcome.noisy
        for field, pair in outcome.fields:
            at = template(path, said), field
            at = at if at in self._counts or len(self._counts) < MOST else OTHERS
            self._counts[at] += 1
            kept = self._examples.setdefault(at, [])
            shown = example(field, pair) if len(kept) < _EXAMPLES and at != OTHERS else None
            if shown is not None and shown not in kept:
                kept.append(shown)

    def skip(self, reason: str) -> None:
        """One request that was not compared."""
        self._skipped[reason] += 1

    def report(self, step: int = 0) -> ShadowReport:
        """All of it, the most frequent difference first."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        differences = (Difference(*at, count, tuple(self._examples[at])) for at, count in ranked)
        skipped = tuple(sorted(self._skipped.items()))
        return ShadowReport(step, self._compared, self._differing, self._noisy, skipped, tuple(differences))


def merged(reports: Iterable[ShadowReport]) -> ShadowReport:
    """Several reports of one step as one: of a process that died, and of the one that took over."""
    total = ShadowReport(0)
    for report in reports:
        skipped = Counter(dict(total.skipped)) + Counter(dict(report.skipped))
        found = {(each.path, each.field): each for each in total.differences}
        for each in report.differences:
            known = found.get((each.path, each.field), replace(each, count=0))
            found[each.path, each.field] = replace(known, count=known.count + each.count)
        ranked = sorted(found.values(), key=lambda each: (-each.count, each.path, each.field))
        total = ShadowReport(
            report.step,
            total.compared + report.compared,
            total.differing + report.differing,
            total.noisy + report.noisy,
            tuple(sorted(skipped.items())),
            tuple(ranked[: MOST + 1]),
        )
    return total
