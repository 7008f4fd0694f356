"""Aborts and kills that wait for the store, kept in memory: they outlive a reconciler as a file outlives a process."""

from collections.abc import Sequence

from croupier.control.ports import Intent, KillIntent


class MemorySpool:
    """``Spool`` without a disk."""

    def __init__(self) -> None:
        self._pending: dict[str, Intent] = {}

    def add(self, intent: Intent) -> None:
        """Keep it; the first of its key counts."""
        self._pending.setdefault(intent.key, intent)

    def pending(self) -> Sequence[Intent]:
        """What still has to be recorded."""
        return tuple(self._pending.values())

    def remove(self, key: str) -> None:
        """It is recorded, or it no longer means anything."""
        self._pending.pop(key, None)


class MemoryKillSpool:
    """``KillSpool`` without a disk."""

    def __init__(self) -> None:
        self._pending: dict[KillIntent, None] = {}

    def add(self, intent: KillIntent) -> None:
        """Keep it; the same one twice is one."""
        self._pending.setdefault(intent)

    def pending(self) -> Sequence[KillIntent]:
        """What still has to be recorded, oldest first."""
        return tuple(self._pending)

    def remove(self, intent: KillIntent) -> None:
        """This one is recorded, or no longer means anything."""
        self._pending.pop(intent, None)
