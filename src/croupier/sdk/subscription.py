"""Keeps what is held up to date: listens, follows, fetches, acknowledges, dials again. All in the background.

One thread listens; what takes time or may wait is a chore. Nothing here is ever waited for by an evaluation.
"""

import logging
import random
import threading
import time
from pathlib import Path
from typing import Final

from croupier.core.flags.snapshot import Delta, Snapshot
from croupier.sdk.backoff import Backoff
from croupier.sdk.chores import Chores
from croupier.sdk.connection import Connection, Hello, Now, Resync
from croupier.sdk.held import Connected, Held, Lost
from croupier.sdk.known import write_cache
from croupier.sdk.threads import start

_log = logging.getLogger(__name__)

_STEADY_S: Final = 10.0
"""A connection that held this long was a success."""
_LAG_S: Final = 5.0
"""A server whose record is older than what is held for longer than this has had an older one restored. For shorter, it
may be one of several that has not read the newest yet.
"""
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
        self._refetch = Backoff()
        self._acknowledge_again = Backoff()
        self._stopped = threading.Event()
        self._ack_within_s = 0.0
        self._changed_at = time.monotonic()
        self._store_next = 0.0
        self._older_since: float | None = None
        self._newest = 0
        """What is looked for while the server's record is older than what is held."""
        self._fetching = False
        self._whole = False
        """What is held is in doubt: fetch it even if the server is at the same position."""
        self._doubted: Now | None = None
        self._untaken = ""
        self.connected = False
        self._trouble = "not connected yet"
        self.ready = threading.Event()
        """The server's flags are here."""

    @property
    def name(self) -> str:
        """How the server lists this client."""
        return self._connection.name

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why nothing is heard, why what is heard of is not taken; empty where all is well."""
        return tuple(filter(None, (self._trouble, self._untaken)))

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
                    self._compare(message)
                case Delta():
                    self._follow(message)
                case Resync():
                    self._refetch.succeeded()
                    self._fetch_within(message.within_s)

    def _greet(self, hello: Hello, resumed: str) -> None:
        self._ack_within_s = hello.ack_within_s
        self._backoff.spread(hello.ack_within_s)
        if not self.connected:
            _log.info("flags follow the control plane, which is at %s", hello.now.position)
        self.connected, self._trouble = True, ""
        self._held.tell(Connected())
        here = self._held.snapshot
        if not resumed or hello.now.lineage != here.lineage:
            self._fetch_within(0.0)
        elif hello.now.position == here.position:
            self._arrived()

    def _compare(self, now: Now) -> None:
        """A heartbeat says where the server is. What it said before has arrived, so who is behind, or holds something
        else, missed it. Fetched once for each such word: of two servers one may not know yet what the other told.
        """
        here = self._held.snapshot
        behind = now.lineage != here.lineage or now.version > here.version
        differs = now.position == here.position and now.digest not in (None, here.digest)
        if self._fetching or now == self._doubted or not (behind or differs):
            return
        self._doubted = now
        _log.warning("flags are fetched anew: they are not those that the control plane has at %s", now.position)
        self._fetch_within(0.0, whole=True)

    def _follow(self, delta: Delta) -> None:
        doubt = self._held.follow(delta)
        if doubt:
            _log.warning("flags are fetched anew, since a change does not fit: %s", doubt)
            self._fetch_within(0.0, whole=True)
        else:
            self._arrived()

    def _fetch_within(self, within_s: float, *, whole: bool = False) -> None:
        self._fetching = True
        self._whole = self._whole or whole
        self._chores.after(random.uniform(0.0, within_s), "fetch", self._fetch)  # noqa: S311 -- as above

    def _fetch(self) -> None:
        here = self._held.snapshot
        whole, self._whole = self._whole, False
        try:
            fetched = self._connection.fetch("" if whole or not here.lineage else here.position)
        except Exception as error:  # noqa: BLE001 -- as above
            self._untaken = f"the flags could not be fetched, which is tried again: {error}"
            _log.warning("%s", self._untaken)
            self._whole = self._whole or whole
            self._chores.after(self._refetch.next_s(), "fetch", self._fetch)
            return
        self._refetch.succeeded()
        self._fetching, self._untaken = False, ""
        if fetched is not None:
            self._take(fetched, here)
        self._arrived()

    def _take(self, fetched: Snapshot, asked: Snapshot) -> None:
        """Take the whole. One that is older than what is held is looked at again, and believed in the end: else a kill
        would count as old news, in a record that was restored.
        """
        newest = max(asked.version, self._newest)
        if fetched.lineage != asked.lineage or fetched.version >= newest:
            self._older_since, self._newest = None, 0
            self._held.replace(fetched)
            return
        now = time.monotonic()
        self._older_since = now if self._older_since is None else self._older_since
        remaining_s = self._older_since + _LAG_S - now
        if remaining_s > 0:
            self._newest = newest
            self._held.replace(fetched)
            self._whole = True
            self._chores.after(remaining_s, "fetch", self._fetch)
        else:
            _log.warning("the control plane's record went back from version %d to %d", newest, fetched.version)
            self._older_since, self._newest = None, 0
            self._held.replace(fetched, asked)

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
            _log.warning("the last known flags are not kept: %s. Give FlagClient another cache, or cache=None.", error)
            self._cache = None
