"""Flags that should be gone: owners are warned before the end, unrenewed flags revert if so declared, debt is listed.

A periodic task. Both are recorded, so that the owner, the page and the journal see the same; a replica that was faster
leaves nothing to do.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from croupier.control.flags.recording import Changed, Decided, Happening, Recorder
from croupier.control.flags.tried import tried
from croupier.control.recording import CONTROLLER, Who
from croupier.core.flags.lifecycle import WARN_BEFORE_S, Debt, Patience, debt, due, next_due

log = logging.getLogger("croupier.flags")


@dataclass(slots=True)
class Lifecycle:
    """``warn_before_s`` before its end the owner of a flag is warned; ``patience`` says after how long what is debt."""

    recorder: Recorder
    warn_before_s: float = WARN_BEFORE_S
    patience: Patience = field(default_factory=Patience)
    _seen: int = -1
    _next: float | None = None

    def stale(self) -> Sequence[Debt]:
        """Why flags should be looked at, by urgency and then by age."""
        return debt(self.recorder.book.states(), self.recorder.clock.now(), patience=self.patience)

    async def tick(self) -> Changed:
        """Warn and revert what is due, all in one commit. Looks at the flags only when they changed or one is due."""
        book, clock = self.recorder.book, self.recorder.clock
        if self._seen == book.revision and (self._next is None or clock.now() < self._next):
            return Changed((), book.version)
        if not (await self._decide()).happenings:
            return Changed((), book.version)
        changed = await self.recorder.record(self._decide, Who(CONTROLLER, "expire"))
        for state in changed.states:
            what = "returned to its safe variant" if state.reverted_at is not None else "expires"
            log.warning("flag %s of %s %s: renew it or remove it", state.key, state.flag.owner or "nobody", what)
        return changed

    async def run(self, interval_s: float = 60.0) -> None:
        """Tick until cancelled. Trouble is logged and tried again."""
        while True:
            await tried(self.tick(), "expiries are not recorded now", "expiries could not be looked at")
            await self.recorder.clock.sleep(interval_s)

    async def _decide(self) -> Decided:
        book, now = self.recorder.book, self.recorder.clock.now()
        self._seen, self._next = book.revision, None
        found: list[Happening] = []
        for state in book.states():
            if state.expires_at is None:
                continue
            if events := due(state, now, warn_before_s=self.warn_before_s):
                found.append(Happening(state.key, events))
            at = next_due(state, now, warn_before_s=self.warn_before_s)
            self._next = at if self._next is None or (at is not None and at < self._next) else self._next
        return Decided(tuple(found))
