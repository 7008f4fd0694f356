"""Everything of a client that goes on by itself: started once, again in each child of a fork, stopped at the end.

A client that is dropped, or an interpreter that exits, stops it too: no thread is waited for, nothing is left unsaid.
"""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from croupier.sdk.chores import Chores
from croupier.sdk.connection import Connection
from croupier.sdk.decisions.log import DecisionLog
from croupier.sdk.exposures import Exposures
from croupier.sdk.forks import everyone
from croupier.sdk.held import Changed, Event, Held
from croupier.sdk.reporting import Reporting
from croupier.sdk.subscription import Subscription
from croupier.sdk.threads import before_uwsgi_forks, threads_run

_log = logging.getLogger(__name__)

_POOLS: Final = ("multiprocessing.util", "billiard.util")
_SPREAD_CHILDREN_S: Final = 0.25
"""Children of a fork dial within this time: workers come by the dozen, and some end at once."""


class Background:
    """``connect`` opens the connection to the control plane, told whether this is a child of the process in which the
    client was made; ``None`` for flags that nobody changes.
    """

    def __init__(
        self,
        held: Held,
        decisions: DecisionLog | None,
        connect: Callable[[bool], Connection] | None,
        cache: Path | None,
        exposures: Exposures,
    ) -> None:
        self.held = held
        self.exposures = exposures
        self.reporting: Reporting | None = None
        self._connection: Connection | None = None
        self.decisions = decisions
        self.subscription: Subscription | None = None
        self.trouble = ""
        self._connect = connect
        self._cache = cache
        self._chores: list[Chores] = []
        self._stopped = False
        self._made_in = self._process = os.getpid()
        self._prepared = False
        self._told: set[str] = set()
        self._started = False
        if connect is not None:
            exposures.follow(held.snapshot.lines, ())
            held.listen(self._hear)
        everyone.add(self)

    @property
    def has_server(self) -> bool:
        """Whether there is a control plane to follow, be that possible or not."""
        return self._connect is not None

    def start(self, within_s: float = 0.0) -> None:
        if (self._connect is None and self.decisions is None) or not threads_run():
            return
        if not self._started and before_uwsgi_forks():
            self._process = 0  # not begun in any: it will be told, in whichever process that is
            return
        self._started = True
        if (connection := self._connected()) is not None:
            # A thread for the disk: what the server is told must not wait for one that is slow.
            disk = None if self._cache is None else self._chore_thread()
            self.subscription = Subscription(connection, self.held, self._chore_thread(), disk, self._cache)
            self.subscription.start(within_s)
            self._connection = connection
            self._report()
        if (decisions := self.decisions) is not None:
            chores = self._chore_thread()

            def refill() -> None:
                chores.after(1.0, "refill", refill)
                decisions.refill()

            chores.after(1.0, "refill", refill)

    def stop(self) -> None:
        """End the threads and bring out what is not out yet. The flags go on answering."""
        if self._stopped:
            return
        self._stopped = True
        for chores in self._chores:
            chores.stop()
        if self.reporting is not None and self.subscription is not None and self.subscription.connected:
            self.reporting.finish()
        if self.subscription is not None:
            self.subscription.stop()
        if self.decisions is not None:
            self.decisions.refill()

    def _hear(self, event: Event) -> None:
        """In the thread that changed the flags: an experiment may have started or ended."""
        if isinstance(event, Changed):
            self.exposures.follow(self.held.snapshot.lines, event.flags)
            self._report()

    def _report(self) -> None:
        """A thread for the reports, from the first experiment on: what else the server is told must not wait."""
        if self.reporting is None and self.exposures.running and self._connection is not None and not self._stopped:
            self.reporting = Reporting(self._connection, self.exposures, self._chore_thread())
            self.exposures.begin = self.reporting.begin

    def _connected(self) -> Connection | None:
        """The connection, not dialled yet. An address or a token that is none is said, since start-up never raises."""
        try:
            return None if self._connect is None else self._connect(os.getpid() != self._made_in)
        except Exception as error:  # noqa: BLE001 -- whatever httpx has against them
            self.trouble = f"the control plane cannot be followed: {str(error).removesuffix('.')}"
            _log.error("flags: %s. Look at the address and the token that FlagClient was given.", self.trouble)
            return None

    def _chore_thread(self) -> Chores:
        chores = Chores()
        self._chores.append(chores)
        chores.start()
        return chores

    def before_fork(self) -> None:
        self.held.lock.acquire()
        self._prepared = True
        for name in _POOLS:
            # Their children leave without the interpreter's exit functions, but have some of their own.
            if name in sys.modules and name not in self._told:
                self._told.add(name)
                sys.modules[name].register_after_fork(self, Background._in_worker)

    def after_fork_in_parent(self) -> None:
        if self._prepared:
            self._prepared = False
            self.held.lock.release()

    def after_fork_in_child(self) -> None:
        """The threads stayed in the parent. Locks that they may have held are made anew, and threads started."""
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        self._started = True
        self.held.forked(prepared=self._prepared)
        self.exposures.forked()
        self.reporting, self._connection = None, None
        self._prepared = False
        if self._stopped:
            return
        if self.decisions is not None:
            self.decisions.forked()
        if self.subscription is not None:
            self.subscription.abandon()
        self.subscription, self._chores = None, []
        self.start(_SPREAD_CHILDREN_S)

    @staticmethod
    def _in_worker(background: "Background") -> None:
        for name in _POOLS:
            if name in sys.modules:
                sys.modules[name].Finalize(background, background.stop, exitpriority=10)
