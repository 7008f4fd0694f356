"""The flags as this process holds them now, and who is told when they change.

Evaluation reads ``ruleset`` without a lock; changes take one, which a fork waits for, so that a child never inherits
half a change. Changed by the subscription, read by ``FlagClient``.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from croupier.core.flags.line import SEGMENT
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import Delta, Snapshot, follows, split_line, version_of
from croupier.sdk.decisions.log import DecisionLog

_log = logging.getLogger(__name__)
_MOST_AHEAD: Final = 64


@dataclass(frozen=True, slots=True)
class Changed:
    """These flags answer by other rules from now on. Empty: a segment changed, or the server's whole content came."""

    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Connected:
    """The control plane is heard from: changes arrive as they are made."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The control plane is not heard from; flags answer as they last did. ``trouble`` says why."""

    trouble: str


Event: TypeAlias = Changed | Connected | Lost
Listener: TypeAlias = Callable[[Event], None]


class Held:
    """``source`` says where the content came from: ``nothing``, ``bootstrap``, ``cache``, ``rules`` or ``server``."""

    def __init__(self, snapshot: Snapshot, source: str, decisions: DecisionLog | None) -> None:
        self.now = time.time
        self.ruleset = Ruleset(snapshot, self.now)
        self.source = source
        self.lock = threading.Lock()
        self._decisions = decisions
        self._ahead: list[Delta] = []
        self._listeners: list[Listener] = []

    @property
    def snapshot(self) -> Snapshot:
        return self.ruleset.snapshot

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of changes, in the thread that makes them; call the answer to be told no longer."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def follow(self, delta: Delta) -> str:
        """Take a delta. Answers ``""``, or in words why the whole has to be fetched now."""
        with self.lock:
            before = self.snapshot
            self._retire(self.ruleset.follow(delta))
            after = self.snapshot
            if not follows(before, delta):
                # Its lines are taken, but what lies between is unknown: it is applied again to the fetched whole.
                self._ahead = [*self._ahead[-_MOST_AHEAD:], delta]
        self.tell(Changed(frozenset(_flags(delta.lines))))
        if not follows(before, delta):
            return f"it starts at {delta.lineage}:{delta.since}, and this client is at {before.position}"
        if delta.version < after.version or _early(delta) or after.digest == delta.digest:
            return ""
        return f"the content at {after.position} does not have the digest that the server names"

    def replace(self, fetched: Snapshot, asked: Snapshot | None = None) -> None:
        """Take the fetched whole, and what arrived while it was on its way. Where the server's record went
        back, ``asked`` is what was held when it was asked for: nothing of that counts any more.
        """
        with self.lock:
            before = self.snapshot
            self._retire(self.ruleset.replace(fetched, asked))
            ahead, self._ahead = self._ahead, []
            for delta in ahead:
                if (delta.lineage, delta.environment) == (fetched.lineage, fetched.environment):
                    self._retire(self.ruleset.follow(delta))
            self.source = "server"
            old, new = before.lines, self.snapshot.lines
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        self.tell(Changed(frozenset(key for key in changed if not key.startswith(SEGMENT))))

    def forked(self, *, prepared: bool) -> None:
        """In the child: nobody else changes anything here. Where nothing ``prepared`` the fork it may have come in the
        middle of a change, so whatever was compiled is compiled again when it is asked for; so it is where decisions
        are logged, since what compiled flags have counted is the parent's to report.
        """
        self.lock = threading.Lock()
        if not prepared or self._decisions is not None:
            self.ruleset.forget_compiled()

    def tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 -- the application's code, in our thread
                _log.exception("a listener of the flag client failed; it goes on")

    def _retire(self, retired: Iterable[str]) -> None:
        if self._decisions is not None:
            self._decisions.retire(retired)


def _flags(lines: Iterable[str]) -> Iterable[str]:
    return (key for key, _ in map(split_line, lines) if not key.startswith(SEGMENT))


def _early(delta: Delta) -> bool:
    """Whether it brings lines of a version that is not recorded yet: a kill while the database is down."""
    return any(version_of(rest) > delta.version for _, rest in map(split_line, delta.lines))
