"""Aborts that wait for the store, kept in memory; it outlives a reconciler as the file on disk outlives a process."""

from collections.abc import Sequence

from croupier.control.ports import Intent


class MemorySpool:
    """``Spool`` without a disk."""

    def __init__(self) -> None:
        self._pending: dict[str, Intent] = {}

    def add(self, intent: Intent) -> None:
        """Keep it; the first of a rollout counts."""
        self._pending.setdefault(intent.rollout, intent)

    def pending(self) -> Sequence[Intent]:
        """What still has to be recorded."""
        return tuple(self._pending.values())

    def remove(self, rollout: str) -> None:
        """It is recorded, or it no longer means anything."""
        self._pending.pop(rollout, None)
