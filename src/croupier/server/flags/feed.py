"""Everybody who listens: wakes them when flags change, sees to heartbeats, ends streams that may not go on.

Each event is encoded once for all who have heard up to the same revision. One per process; its ``run`` is a task of
the server's.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from croupier.control.flags.book import FlagBook
from croupier.control.flags.propagation import Propagation
from croupier.control.ports import Clock
from croupier.errors import Transient
from croupier.server.auth import Keyring
from croupier.server.flags import events
from croupier.server.flags.stream import Connection, Listener, Stream

HEARTBEAT_S: Final = 15.0
_TURN_S: Final = 0.1
"""Heartbeats are spread: each turn sees to a small part of the streams."""
_STUCK_S: Final = 10.0
"""A client that takes nothing for so long is cut off; one with a full window costs memory."""
_WOKEN: Final = 500
"""So many are woken at a time; between two lots others get their turn."""
_ACKS_PER_S: Final = 400
_FETCHES_PER_S: Final = 500
"""What clients are asked to keep to, all together."""

log = logging.getLogger("croupier.flags")


class Feed:
    """The listeners of all environments; at most ``limit``."""

    def __init__(self, book: FlagBook, keyring: Keyring, propagation: Propagation, clock: Clock, limit: int) -> None:
        self._book = book
        self._keyring = keyring
        self._propagation = propagation
        self._clock = clock
        self._limit = limit
        self._streams: OrderedDict[Stream, None] = OrderedDict()
        self._events: dict[tuple[str, bool, int], bytes] = {}
        self._events_at = -1
        self._closed = False

    @property
    def open(self) -> int:
        """How many listen."""
        return len(self._streams)

    def open_in(self, environment: str) -> int:
        """How many listen to this environment's flags."""
        return Counter(stream.listener.environment for stream in self._streams)[environment]

    @property
    def ack_within_s(self) -> float:
        """Over how long clients are to spread what they all want to say at once."""
        return max(1.0, round(self.open / _ACKS_PER_S, 1))

    @contextmanager
    def seat(self, listener: Listener, connection: Connection | None) -> Iterator[Stream]:
        """A stream that counts until this is left. Raises ``Transient`` where there are as many as may be."""
        if self._closed or self.open >= self._limit:
            hint = "Start the control plane with a higher CROUPIER_MAX_FLAG_STREAMS, or put relays in between."
            raise Transient(f"{self._limit} clients listen already.", hint=hint, retry_after_s=10.0)
        stream = Stream(listener, self._book.revision, connection)
        self._streams[stream] = None
        try:
            yield stream
        finally:
            del self._streams[stream]
            if stream.left:
                # Its process ended, or it comes back soon and says what it runs: no laggard either way.
                self._propagation.gone(listener.client, listener.environment)

    def greeting(self, stream: Stream, last_event_id: str) -> bytes:
        """The first words: hello, and what a client that resumes has missed."""
        position = f"{self._book.lineage}:{self._book.version}"
        if stream.listener.refetch:
            missed = last_event_id not in ("", position)
            return events.HEARTBEAT + (events.refetch(position, self._clock.now()) if missed else b"")
        said = events.hello(position, HEARTBEAT_S, self.ack_within_s)
        lineage, _, number = last_event_id.rpartition(":")
        if lineage != self._book.lineage or not (number.isascii() and number.isdecimal() and len(number) < 16):
            return said  # it knows nothing of this record, and fetches the whole
        delta = self._book.since(stream.listener.environment, int(number))
        if delta is None:
            return said + events.resync(self._fetch_within_s)
        if delta.lines or delta.version > delta.since:
            said += events.delta(delta)
        return said + self._now(stream.listener.environment)

    def following(self, stream: Stream) -> bytes | None:
        """What this client is to get now; ``None`` where there is nothing new."""
        if stream.heard != self._book.revision:
            heard, stream.heard = stream.heard, self._book.revision
            stream.beat = False
            return self._event(stream.listener, heard)
        if stream.beat:
            stream.beat = False
            return self._event(stream.listener, self._book.revision)
        return None

    def _event(self, listener: Listener, heard: int) -> bytes:
        if self._events_at != self._book.revision:
            self._events.clear()
            self._events_at = self._book.revision
        question = (listener.environment, listener.refetch, heard)
        if question not in self._events:
            self._events[question] = self._made(listener, heard)
        return self._events[question]

    def _made(self, listener: Listener, heard: int) -> bytes:
        if heard == self._book.revision:
            return events.HEARTBEAT if listener.refetch else self._now(listener.environment)
        news = self._book.news(listener.environment, heard)
        if listener.refetch:
            at = self._clock.now() if news is None else news.at
            return events.refetch(f"{self._book.lineage}:{self._book.version}", at)
        return events.resync(self._fetch_within_s) if news is None else events.delta(news)

    def _now(self, environment: str) -> bytes:
        whole = self._book.snapshot(environment)
        return events.now(whole.position, whole.digest)

    @property
    def _fetch_within_s(self) -> float:
        return round(self.open / _FETCHES_PER_S, 1)

    async def run(self) -> None:
        """Wake everybody whenever flags change, until cancelled."""
        while not self._closed:
            changed = self._book.changed
            streams = iter(tuple(self._streams))
            try:
                while some := tuple(islice(streams, _WOKEN)):
                    for stream in some:
                        self._serve(stream)
                    await asyncio.sleep(0)
            except Exception:  # without this task no kill would be heard of any more
                log.exception("streams could not be served, trying again")
                await asyncio.sleep(1.0)
                continue
            await changed.wait()

    async def keep_alive(self) -> None:
        """Heartbeats, clients that are stuck, and tokens that were revoked, until cancelled."""
        known, due = self._keyring.revision, 0.0
        while not self._closed:
            await asyncio.sleep(_TURN_S)
            if known != self._keyring.revision:
                known = self._keyring.revision
                self._dismiss()
            now = asyncio.get_running_loop().time()
            due = min(due + self.open * _TURN_S / HEARTBEAT_S, self.open)
            turn, due = int(due), due % 1
            for stream in tuple(islice(self._streams, turn)):
                self._streams.move_to_end(stream)
                if stream.listener.client:
                    self._propagation.seen(stream.listener.client, stream.listener.environment, self._clock.now())
                if stream.sending_since is None:
                    stream.beat = True
                    self._serve(stream)
                elif now - stream.sending_since > _STUCK_S:
                    stream.cut()

    def _serve(self, stream: Stream) -> None:
        """Let it have what is new, if it waits for that; else it looks for itself when it can take more."""
        if stream.waits and (event := self.following(stream)) is not None:
            stream.give(event)

    def _dismiss(self) -> None:
        """End the streams of tokens that are no more."""
        gone = {
            token
            for token in {stream.listener.token for stream in self._streams}
            if self._keyring.holder(token) is None
        }
        for stream in self._streams:
            if stream.listener.token in gone:
                stream.close()

    def close(self) -> None:
        """End every stream: the server stops."""
        self._closed = True
        for stream in self._streams:
            stream.close()
