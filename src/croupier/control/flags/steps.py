"""What changed of the flags, step by step, for as long as clients may ask for it. Used by ``FlagBook``."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MOST_KEYS: Final = 100_000
"""So many changes are remembered; whoever missed more gets everything anew, which is shorter by then."""


@dataclass(frozen=True, slots=True)
class Step:
    """These keys changed. ``revision`` counts steps of this process; ``version`` is the ruleset's afterwards, ``at``
    when it was committed (epoch seconds).
    """

    revision: int
    since: int
    version: int
    at: float
    keys: tuple[str, ...]


@dataclass(slots=True)
class Steps:
    """The newest steps; ``version`` and ``revision`` are where they begin: changes up to there are forgotten."""

    version: int = 0
    revision: int = 0
    _steps: list[Step] = field(default_factory=list)
    _keys: int = 0

    def add(self, step: Step) -> None:
        """Remember it, and forget the oldest where there are too many."""
        self._steps.append(step)
        self._keys += len(step.keys) + 1
        if self._keys <= MOST_KEYS:
            return
        gone = 0
        while self._keys > MOST_KEYS // 2:
            oldest = self._steps[gone]
            self._keys -= len(oldest.keys) + 1
            self.version, self.revision = oldest.version, oldest.revision
            gone += 1
        del self._steps[:gone]

    def after_version(self, version: int) -> list[Step] | None:
        """The steps to versions above this one; ``None`` where some are forgotten."""
        if version < self.version:
            return None
        return self._steps[bisect_right(self._steps, version, key=lambda step: step.version) :]

    def time_of(self, version: int) -> float | None:
        """When the version was committed, if that is remembered."""
        place = bisect_left(self._steps, version, key=lambda step: step.version)
        if version <= self.version or place == len(self._steps):
            return None
        return self._steps[place].at

    def after_revision(self, revision: int) -> list[Step] | None:
        """The steps after this one; ``None`` where some are forgotten."""
        if revision < self.revision:
            return None
        return self._steps[bisect_right(self._steps, revision, key=lambda step: step.revision) :]


def keys_of(steps: Iterable[Step]) -> list[str]:
    """The keys that changed, each once."""
    return list(dict.fromkeys(key for step in steps for key in step.keys))
