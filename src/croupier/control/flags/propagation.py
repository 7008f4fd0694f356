"""Which client runs which version of the flags, and how long a change takes to get there: measured, not assumed.

Clients acknowledge; nothing here is recorded. Each of 10,000 acknowledgements costs a dictionary entry. Called by the
API's endpoints for clients, read by the page and ``flag propagation``.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from typing import Final

from croupier.control.flags.book import FlagBook

MOST_CLIENTS: Final = 100_000
"""An environment remembers so many; beyond, those that were not heard of for longest are forgotten."""

FORGET_AFTER_S: Final = 600.0
"""A client that said nothing for so long is gone."""

MOST_LAGGARDS: Final = 20
_MOST_DELAYS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Client:
    """What a client said last: ``version`` of ``lineage``, with what ``digest``; ``seen_at`` is epoch seconds."""

    name: str
    sdk: str
    lineage: str
    version: int
    digest: int
    seen_at: float


@dataclass(frozen=True, slots=True)
class Laggard:
    """A client that does not run the present version; ``behind_s`` is how long there has been a newer one than its own
    (0: not known).
    """

    client: Client
    behind_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """An environment's clients: how many run which version (-1: of another record), who is behind, whose content
    differs.

    ``p50_s`` and ``p99_s`` are from commit to acknowledgement of the newest changes, without the time that clients
    held the acknowledgement back; ``None`` before the first.
    """

    environment: str
    version: int
    clients: int
    current: int
    versions: Mapping[int, int]
    laggards: Sequence[Laggard]
    differing: Sequence[Client]
    p50_s: float | None
    p99_s: float | None


@dataclass(slots=True)
class _Watched:
    """One environment. ``clients`` are in the order in which they were last heard of."""

    clients: dict[str, Client] = field(default_factory=dict)
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_DELAYS))


@dataclass(slots=True)
class Propagation:
    """What the clients of this process said. One per process, on the event loop."""

    book: FlagBook
    _watched: dict[str, _Watched] = field(default_factory=dict)

    def acknowledge(
        self, client: str, environment: str, position: str, digest: str, *, held_s: float, now: float, sdk: str = ""
    ) -> None:
        """The client runs the flags of ``position`` (``LINEAGE:VERSION``) and has had them for ``held_s`` seconds.
        Nonsense is left out: it is telemetry.
        """
        lineage, _, number = position.rpartition(":")
        if not (number.isascii() and number.isdecimal() and len(number) < 20):
            return
        watched, version = self._of(environment), int(number)
        before = watched.clients.pop(client, None)
        try:
            content = int(digest, 16)
        except ValueError:
            content = -1
        watched.clients[client] = Client(client, sdk, lineage, version, content, now)
        # A client that has just come has this version whenever it was made: that is no propagation.
        moved = before is not None and before.version < version and before.lineage == lineage == self.book.lineage
        committed = self.book.committed_at(version) if moved else None
        if committed is not None:
            watched.delays.append(max(0.0, now - held_s - committed))
        if len(watched.clients) > MOST_CLIENTS:
            del watched.clients[next(iter(watched.clients))]

    def seen(self, client: str, environment: str, now: float) -> None:
        """The client is still connected, though it had nothing to say."""
        clients = self._of(environment).clients
        if client in clients:
            clients[client] = replace(clients.pop(client), seen_at=now)

    def gone(self, client: str, environment: str) -> None:
        """The client ended its connection."""
        self._of(environment).clients.pop(client, None)

    def clients(self, environment: str) -> int:
        """How many clients there are, roughly: those that were heard of and did not go."""
        return len(self._of(environment).clients)

    def summary(self, environment: str, now: float) -> Summary:
        """How far the present version has come. Raises ``NotFound`` for an environment that there is not."""
        whole, version, lineage = self.book.snapshot(environment), self.book.version, self.book.lineage
        watched = self._of(environment)
        self._forget(watched, now)
        versions: dict[int, int] = {}
        behind: list[Client] = []
        differing: list[Client] = []
        for client in watched.clients.values():
            ours = client.lineage == lineage
            versions[client.version if ours else -1] = versions.get(client.version if ours else -1, 0) + 1
            # One that is ahead of us has what a record had that went back since (an older database was restored).
            if not ours or client.version != version:
                behind.append(client)
            elif client.version == version and client.digest != whole.digest:
                differing.append(client)
        delays = sorted(watched.delays)
        slowest = nsmallest(MOST_LAGGARDS, behind, key=lambda item: (item.lineage == lineage, item.version, item.name))
        return Summary(
            environment=environment,
            version=version,
            clients=len(watched.clients),
            current=len(watched.clients) - len(behind),
            versions=versions,
            laggards=[Laggard(client, self._behind(client, now)) for client in slowest],
            # A kill that waits for its record changes the content under the same version.
            differing=() if self.book.unrecorded else differing[:MOST_LAGGARDS],
            p50_s=_percentile(delays, 0.50),
            p99_s=_percentile(delays, 0.99),
        )

    def _behind(self, client: Client, now: float) -> float:
        since = self.book.newer_since(client.version) if client.lineage == self.book.lineage else None
        return 0.0 if since is None else max(0.0, now - since)

    def _forget(self, watched: _Watched, now: float) -> None:
        """Leave out those that were not heard of for long; they stand first."""
        silent = []
        for name, client in watched.clients.items():
            if now - client.seen_at <= FORGET_AFTER_S:
                break
            silent.append(name)
        for name in silent:
            del watched.clients[name]

    def _of(self, environment: str) -> _Watched:
        return self._watched.setdefault(environment, _Watched())


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that so many are not above (nearest rank)."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else None
