"""Flags that should be gone: owners are warned before the end, unrenewed flags revert if so declared, debt is listed.

A periodic task. Both are recorded, so that the owner, the page and the journal see the same; a replica that was faster
leaves nothing to do.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from croupier.control.flags.recording import Changed, Decided, Happening, Recorder
from croupier.control.recording import CONTROLLER, Who
from croupier.core.flags.events import FlagReverted, FlagWarned
from croupier.core.flags.model import FlagType, OnExpiry
from croupier.core.flags.state import FlagState
from croupier.errors import CroupierError

_DAY_S: Final = 86_400.0

log = logging.getLogger("croupier.flags")


class Debt(StrEnum):
    """Why a flag should be removed (or renewed)."""

    EXPIRED = "expired"
    """Nobody renewed it in time; it goes on as it is."""
    REVERTED = "reverted"
    """Nobody renewed it in time; it returned to its safe variant."""
    EXPIRING = "expires soon"
    FULL = "served to everybody"
    """For so long that the code can do without it."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A flag that is debt, why, and since when (epoch seconds); for one that expires soon it is when."""

    state: FlagState
    debt: Debt
    since: float


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """``warn_s`` before its end the owner of a flag is warned; served to everybody for ``full_s`` it is debt."""

    recorder: Recorder
    warn_s: float = 14 * _DAY_S
    full_s: float = 30 * _DAY_S

    def stale(self) -> list[Stale]:
        """The flags that are debt, the oldest first."""
        now = self.recorder.clock.now()
        found = (self._debt(state, now) for state in self.recorder.book.states() if not state.archived)
        return sorted((item for item in found if item is not None), key=lambda item: (item.since, item.state.key))

    async def tick(self) -> Changed:
        """Warn and revert what is due, all in one commit; nothing where nothing is due."""

        async def decide() -> Decided:
            now = self.recorder.clock.now()
            due = (self._due(state, now) for state in self.recorder.book.states() if not state.archived)
            return Decided(tuple(item for item in due if item is not None))

        if not (await decide()).happenings:
            return Changed((), self.recorder.book.version)
        changed = await self.recorder.record(decide, Who(CONTROLLER, "expire"))
        for state in changed.states:
            what = "returned to its safe variant" if state.reverted_at is not None else "expires"
            log.warning("flag %s of %s %s: renew it or remove it", state.key, state.flag.owner or "nobody", what)
        return changed

    async def run(self, interval_s: float = 60.0) -> None:
        """Tick until cancelled. Trouble is logged and tried again."""
        while True:
            try:
                await self.tick()
            except CroupierError as trouble:
                log.warning("expiries are not recorded now: %s", trouble)
            except Exception:
                log.exception("expiries could not be looked at")
            await self.recorder.clock.sleep(interval_s)

    def _due(self, state: FlagState, now: float) -> Happening | None:
        ends = state.expires_at
        if ends is None or now < ends - self.warn_s or state.reverted_at is not None:
            return None
        if now >= ends and state.flag.on_expiry is OnExpiry.REVERT:
            return Happening(state.key, (FlagReverted(),))
        return Happening(state.key, (FlagWarned(ends),)) if _unwarned(state, now) else None

    def _debt(self, state: FlagState, now: float) -> Stale | None:
        ends = state.expires_at
        if state.reverted_at is not None:
            return Stale(state, Debt.REVERTED, state.reverted_at)
        if ends is not None and now >= ends:
            return Stale(state, Debt.EXPIRED, ends)
        full = state.full_since
        # What is for good is not debt for being on: a permission that all have, an operations switch that is on.
        temporary = state.flag.type in (FlagType.RELEASE, FlagType.EXPERIMENT)
        if temporary and full is not None and now - full >= self.full_s and state.killed is None:
            return Stale(state, Debt.FULL, full + self.full_s)
        if ends is not None and now >= ends - self.warn_s:
            return Stale(state, Debt.EXPIRING, ends)
        return None


def _unwarned(state: FlagState, now: float) -> bool:
    """A flag is warned of twice: that it will expire, and that it has."""
    ends, warned = state.expires_at, state.warned_at
    return warned is None or (ends is not None and warned < ends <= now)


def debts(stale: Iterable[Stale]) -> dict[Debt, int]:
    """How many flags are what kind of debt."""
    counts = dict.fromkeys(Debt, 0)
    for item in stale:
        counts[item.debt] += 1
    return counts
