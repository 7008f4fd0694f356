"""Versions kept running for a while after they were left, so that going back is instant. Used by the reconciler.

What it is told comes from the record (``kept``), so that a restart of the control plane stops nothing early.
"""

from dataclasses import dataclass, field
from typing import Final

from croupier.control.fleet import Fleet
from croupier.control.ports import VersionKey
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.undo import kept_until

_GRACE_S: Final = 2.0
"""An undo may be asked for until the last moment, and must find the version running."""


@dataclass(slots=True)
class Lingering:
    """Remembers until when (epoch seconds) a version that was left keeps running."""

    _until: dict[VersionKey, float] = field(default_factory=dict)

    def note(self, fleet: Fleet) -> None:
        """Take note of rollouts that have just ended."""
        for stored in fleet.rollouts.values():
            if (left := _left_behind(stored.value)) is not None:
                key, until = left
                self._until[key] = max(until, self._until.get(key, until))

    def keys(self, now: float) -> set[VersionKey]:
        """Versions that still linger."""
        self._until = {key: until for key, until in self._until.items() if until > now}
        return set(self._until)


def _left_behind(state: RolloutState) -> tuple[VersionKey, float] | None:
    """The version that an ended rollout left behind, and until when it is kept. A superseded canary is kept by nobody:
    another one has taken its place.
    """
    timing = state.plan.timing
    if state.ended_at is None or state.phase is Phase.SUPERSEDED:
        return None
    if state.phase is Phase.SUCCEEDED:
        until = kept_until(state)
        return (VersionKey(state.service, state.stable), until + _GRACE_S) if state.stable and until else None
    return VersionKey(state.service, state.canary), state.ended_at + timing.keep_canary_s
