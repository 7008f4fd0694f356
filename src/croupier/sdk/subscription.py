"""Keeps what is held up to date: listens, follows, fetches, acknowledges, dials again. All in the background.

One thread listens; what takes time or may wait is a chore. Nothing here is ever waited for by an evaluation.
"""

import logging
import random
import threading
import time
from pathlib import Path
from typing import Final

from croupier.core.flags.snapshot import Delta
from croupier.sdk.backoff import Backoff
from croupier.sdk.chores import Chores
from croupier.sdk.connection import Connection, Hello, Now, Resync
from croupier.sdk.held import Connected, Held, Lost
from croupier.sdk.known import write_cache
from croupier.sdk.threads import start
from croupier.sdk.whole import Whole

_log = logging.getLogger(__name__)

_STEADY_S: Final = 10.0
"""A connection that held this long was a success."""
_CACHE_EVERY_S: Final = 0.5
_CACHE_PART: Final = 0.05
"""The last known good is kept at most this often, and in at most this part of the time, however large it is."""


class Subscription:
    """One process's, of ``connection``. ``disk`` keeps the last known good in ``cache``, if it is kept."""

    def __init__(
        self, connection: Connection, held: Held, chores: Chores, disk: Chores | None = None, cache: Path | None = None
    ) -> None:
        self._connection = connection
        self._held = held
        self._chores = chores
        self._disk = disk
        self._cache = cache
        self._backoff = Backoff()
        self._acknowledge_again = Backoff()
        self._stopped = threading.Event()
        self._ack_within_s = 0.0
        self._changed_at = time.monotonic()
        self._store_next = 0.0
        self._whole = Whole(connection, held, chores, self._arrived)
        self.connected = False
        self._trouble = "not connected yet"
        self._giving_up = threading.Lock()
        self.ready = threading.Event()
        """The server's flags are here."""

    @property
    def name(self) -> str:
        """How the server lists this client."""
        return self._connection.name

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why nothing is heard, why what is heard of is not taken; empty where all is well."""
        return tuple(filter(None, (self._trouble, self._whole.trouble)))

    def start(self, within_s: float = 0.0) -> None:
        """Begin to listen, at a random moment within this time."""

        def listen() -> None:
            self._keep_listening(random.uniform(0.0, within_s))  # noqa: S311 -- spreads load, keeps no secret

        start(listen, "croupier-flags")

    def stop(self) -> None:
        self._stopped.set()
        self._connection.interrupt()
        self.connected, self._trouble = False, "the client is closed"
        if self._cache is not None and self._held.source == "server":
            self._store(self._cache)

    def abandon(self) -> None:
        """In the child of a fork: what is the parent's stays the parent's."""
        self._connection.abandon()

    def _keep_listening(self, delay_s: float) -> None:
        while not self._stopped.wait(delay_s):
            began = time.monotonic()
            try:
                self._listen()
                trouble = "the server ended the stream"
            except Exception as error:  # noqa: BLE001 -- whatever it is, flags go on as they are and it is tried again
                trouble = f"{type(error).__name__}: {error}"
            if self._stopped.is_set():
                return
            if time.monotonic() - began >= _STEADY_S:
                self._backoff.succeeded()
            delay_s = self._backoff.next_s()
            self._lose(trouble)

    def _lose(self, trouble: str) -> None:
        news = self.connected or self._trouble != trouble
        self.connected, self._trouble = False, trouble
        if news:
            _log.warning("flags stay as they are until the control plane is heard from again: %s", trouble)
            self._held.tell(Lost(trouble))

    def _listen(self) -> None:
        before = self._held.snapshot
        resumed = before.position if before.lineage else ""
        for message in self._connection.messages(resumed):
            if self._stopped.is_set():
                return
            match message:
                case Hello():
                    self._greet(message, resumed)
                case Now():
                    self._whole.compare(message)
                case Delta():
                    self._follow(message)
                case Resync():
                    self._whole.fetch_within(message.within_s)

    def _greet(self, hello: Hello, resumed: str) -> None:
        self._ack_within_s = hello.ack_within_s
        self._backoff.spread(hello.ack_within_s)
        if not self.connected:
            _log.info("flags follow the control plane, which is at %s", hello.now.position)
        self.connected, self._trouble = True, ""
        self._held.tell(Connected())
        here = self._held.snapshot
        if not resumed or hello.now.lineage != here.lineage:
            self._whole.fetch_within(0.0)
        elif hello.now.position == here.position:
            self._arrived()

    def _follow(self, delta: Delta) -> None:
        doubt = self._held.follow(delta)
        if doubt:
            _log.warning("flags are fetched anew, since a change does not fit: %s", doubt)
            self._whole.fetch_within(0.0, in_doubt=True)
        else:
            self._arrived()

    def _arrived(self) -> None:
        """What is held is the server's: say so to the server, and keep it for the next start."""
        self._held.source = "server"
        self._changed_at = time.monotonic()
        self.ready.set()
        self._chores.after(random.uniform(0.0, self._ack_within_s), "acknowledge", self._acknowledge)  # noqa: S311 -- as above
        if (cache := self._cache) is not None and self._disk is not None:
            self._disk.after(max(0.0, self._store_next - time.monotonic()), "store", lambda: self._store(cache))

    def _acknowledge(self) -> None:
        changed_at, snapshot = self._changed_at, self._held.snapshot
        try:
            self._connection.acknowledge(snapshot, time.monotonic() - changed_at)
            self._acknowledge_again.succeeded()
        except Exception as error:  # noqa: BLE001 -- it is tried again, here or when the server is heard from again
            _log.info("the control plane did not take the acknowledgement: %s", error)
            if self.connected:
                self._chores.after(self._acknowledge_again.next_s(), "acknowledge", self._acknowledge)

    def _store(self, cache: Path) -> None:
        began = time.monotonic()
        try:
            write_cache(cache, self._held.snapshot)
            ended = time.monotonic()
            self._store_next = ended + max(_CACHE_EVERY_S, (ended - began) / _CACHE_PART)
        except OSError as error:
            with self._giving_up:  # the disk's thread and who closes the client may both be here
                kept, self._cache = self._cache, None
            if kept is not None:
                hint = "Give FlagClient another cache, or cache=None."
                _log.warning("the last known flags are not kept: %s. %s", error, hint)
