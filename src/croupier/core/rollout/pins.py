"""What is begun on one version and ends there, whatever the weights say meanwhile: rounds, orders, sessions. Pure.

An id may name its version itself (``r-17@1.1.0``): then the data plane needs to know versions, not ids. Of ids that
cannot, it learns those that the weights might lead elsewhere. Called by ``control.pinning``; carried by the routes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

MOST_IDS: Final = 1_000
"""Ids of a service that the data plane learns; beyond, some follow the weights. With ten times as many a request costs
the same, but to hand them over and to read them back takes seconds, and an abort would wait for that.
"""
_STEP_S: Final = 60.0
"""The clock is looked at every few seconds."""


@dataclass(frozen=True, slots=True, order=True)
class PinnedId:
    """An id of this kind, and the version that it goes to."""

    kind: str
    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Pins:
    """What outranks the weights. ``versions``: ids that name one of these go there. ``ids``: so do these, by kind and
    id. Both sorted.
    """

    versions: tuple[str, ...] = ()
    ids: tuple[PinnedId, ...] = ()

    @property
    def targets(self) -> frozenset[str]:
        """Versions that pinned requests may go to."""
        return frozenset(self.versions) | {each.version for each in self.ids}


NO_PINS: Final = Pins()


@dataclass(frozen=True, slots=True)
class Open:
    """What is known of the open rounds of a version: how many there are, and until when (epoch seconds) the last of
    them counts.
    """

    count: int = 0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known of a service's open rounds, by version, and the ids that do not name their version."""

    versions: Mapping[str, Open] = field(default_factory=dict)
    unnamed: tuple[PinnedId, ...] = ()


def pins(
    versions: tuple[str, ...],
    default: str | None,
    known: Known,
    *,
    served: Pins = NO_PINS,
    gone: Collection[str] = (),
    barred: Collection[str] = (),
) -> Pins:
    """What has to outrank the weights that give traffic to ``versions``.

    A version that has traffic or open rounds keeps its ids; so does one of ``served`` until it is ``gone``: a round may
    have been begun there that nobody knows of yet. Nothing leads to a version that is ``barred``. Where all of it would
    go to the ``default`` anyway there are none.
    """
    busy = {version for version, found in known.versions.items() if found.count}
    kept = (set(versions) | busy | (set(served.versions) - set(gone))) - set(barred)
    if kept <= {default}:
        return NO_PINS
    ids = tuple(sorted(each for each in known.unnamed if each.version in kept)[:MOST_IDS])
    return Pins(tuple(sorted(kept)), ids)


def steps_over(now: float, last: float | None, jumped: float) -> float:
    """By how much a clock is ahead of the time that really passed: a step of more than a minute, either way, is a wrong
    clock, and ages nothing. ``last`` is the look before; ``jumped`` what was found until then.
    """
    if last is None or 0.0 <= now - last <= _STEP_S:
        return jumped
    return jumped + (now - last)
