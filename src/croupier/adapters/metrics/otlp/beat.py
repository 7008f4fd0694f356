"""How regularly a process pushes, and so when it is late. Pure; the ledger has one per instance.

Only our clock is used: when pushes arrived, not when they say they were made.
"""

from array import array

from croupier.adapters.metrics.otlp.settings import OtlpSettings

_SAME_S = 0.5
"""Batches of one collection come right after each other."""
_LOOKED_AT = 5
_AWAY = 2 / 3
"""Of the time after which it is late: it has not told of two of its usual intervals, or it would be late by three."""


class Beat:
    """The last pushes of one process that told anything new."""

    def __init__(self, settings: OtlpSettings, at: float) -> None:
        self._settings = settings
        self._gaps: array[float] = array("d")
        self.last = at
        self.late_s = self._late_s()
        """After so long without a push it is late."""
        self._back_at = at

    def heard(self, at: float) -> None:
        gap = at - self.last
        self.last = at
        if gap >= _SAME_S:
            self._gaps.append(gap)
            del self._gaps[:-_LOOKED_AT]
            self.late_s = self._late_s()

    def _late_s(self) -> float:
        limits = self._settings
        # The median, so that a pause does not make the next one seem usual.
        usual = sorted(self._gaps)[len(self._gaps) // 2] if self._gaps else limits.usual_interval_s
        return min(max(limits.silent_after_pushes * usual, limits.silent_at_least_s), limits.silent_at_most_s)

    def unheard(self, until: float) -> None:
        """Nobody was heard up to now: that it was not says nothing of it."""
        self._back_at = until

    def is_away(self, now: float) -> bool:
        """Its next push tells of much more than a usual one."""
        return now - self.last > _AWAY * self.late_s

    def is_late(self, now: float) -> bool:
        return now - self.last > self.late_s

    def is_gone(self, now: float) -> bool:
        """It was late for as long again: nobody waits for it any more."""
        return now - max(self.last, self._back_at) > 2 * self.late_s
