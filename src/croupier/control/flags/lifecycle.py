"""Flags that should be gone: owners are warned before the end, unrenewed flags revert if so declared, debt is listed.

Its task wakes when the next flag is due. Both are recorded, so that owners, the page and the journal see the same; a
replica that was faster leaves nothing to do.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Final

from croupier.control.flags.recording import Changed, Decided, Happening, Recorder
from croupier.control.flags.tried import tried
from croupier.control.recording import CONTROLLER, Who
from croupier.control.waiting import Interrupted, unless
from croupier.core.flags.lifecycle import WARN_BEFORE_S, Debt, Patience, debt, due, next_due
from croupier.core.flags.state import FlagState

_LEAST_S: Final = 0.1
"""It never waits less: what is due and cannot be done must not keep a processor busy."""

_RETRY_S: Final = 5.0

log = logging.getLogger("croupier.flags")


@dataclass(slots=True)
class _Agenda:
    """When which flag is due (epoch seconds), the soonest first."""

    _at: dict[str, float] = field(default_factory=dict)
    _order: list[tuple[float, str]] = field(default_factory=list)
    """A heap. What ``_at`` does not confirm was put off or is done."""

    @property
    def next_at(self) -> float:
        """When the soonest is due; infinity where nothing is."""
        while self._order and self._at.get(self._order[0][1]) != self._order[0][0]:
            heappop(self._order)
        return self._order[0][0] if self._order else inf

    def put(self, key: str, at: float | None) -> None:
        """The flag is due then, and no more when it was before."""
        if at is None:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heappush(self._order, (at, key))

    def due(self, now: float) -> Collection[str]:
        """The flags that are due. They stay so until they are put anew."""
        found: dict[str, float] = {}
        while self.next_at <= now:
            at, key = heappop(self._order)
            found[key] = at
        for key, at in found.items():
            heappush(self._order, (at, key))
        return found


@dataclass(slots=True)
class Lifecycle:
    """``warn_before_s`` before its end the owner of a flag is warned; ``patience`` says after how long what is debt."""

    recorder: Recorder
    warn_before_s: float = WARN_BEFORE_S
    patience: Patience = field(default_factory=Patience)
    _seen: int = -1
    _agenda: _Agenda = field(default_factory=_Agenda)

    def stale(self) -> Sequence[Debt]:
        """Why flags should be looked at, by urgency and then by age."""
        return debt(self.recorder.book.states(), self.recorder.clock.now(), patience=self.patience)

    async def tick(self) -> Changed:
        """Warn and revert what is due, all in one commit. Looks at flags that changed since and at what is due."""
        if not (await self._decide()).happenings:
            return Changed((), self.recorder.book.version)
        changed = await self.recorder.record(self._decide, Who(CONTROLLER, "expire"))
        for state in changed.states:
            what = "returned to its safe variant" if state.reverted_at is not None else "expires"
            log.warning("flag %s of %s %s: renew it or remove it", state.key, state.flag.owner or "nobody", what)
        return changed

    async def run(self, interval_s: float = 60.0) -> None:
        """Tick whenever something is due or flags changed, and at least so often (wall clocks are set now and then),
        until cancelled. Trouble is logged and tried again.
        """
        book, clock = self.recorder.book, self.recorder.clock
        while True:
            heard = book.changed
            went_well = await tried(self.tick(), "expiries are not recorded now", "expiries could not be looked at")
            left_s = max(self._agenda.next_at - clock.now(), _LEAST_S) if went_well else _RETRY_S
            with suppress(Interrupted):
                await unless(clock.sleep(min(left_s, interval_s)), heard)

    async def _decide(self) -> Decided:
        book, now = self.recorder.book, self.recorder.clock.now()
        keys, self._seen = book.touched(self._seen), book.revision
        if keys is None:
            self._agenda, keys = _Agenda(), [state.key for state in book.states()]
        for state in self._states((*keys, *self._agenda.due(now))):
            self._agenda.put(state.key, next_due(state, now, warn_before_s=self.warn_before_s))
        ripe = self._states(self._agenda.due(now))
        return Decided(tuple(Happening(state.key, due(state, now, warn_before_s=self.warn_before_s)) for state in ripe))

    def _states(self, keys: Iterable[str]) -> Iterable[FlagState]:
        """The flags of these keys; those of segments have none."""
        return filter(None, map(self.recorder.book.state, keys))
