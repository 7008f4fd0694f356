"""The crowd's figures: what was asked and answered, by service and version; latencies; losses; who met which version.

Recorded on the event loop for every reply, so it is kept cheap; `snapshot()` copies counts and computes percentiles.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

FASTEST_S = 0.0005
GROWTH = 1.08
BOUNDS = tuple(FASTEST_S * GROWTH**n for n in range(150))
"""Upper bounds of the latency buckets: 0.5 ms to 48 s in steps of 8 %, which is the resolution of percentiles."""
MOST_MOVES = 300_000
MOST_SAMPLES = 50


class Latencies:
    """A histogram of seconds with logarithmic buckets."""

    __slots__ = ("count", "counts", "longest")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Record one latency."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)

    def quantile(self, q: float) -> float:
        """The upper bound, in seconds, of the bucket that holds the quantile; 0 when empty."""
        rank, seen = q * self.count, 0
        for index, count in enumerate(self.counts):
            seen += count
            if count and seen >= rank:
                return min(self.longest, BOUNDS[index]) if index < len(BOUNDS) else self.longest
        return 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """A player's answers from a service come from another version than before. `at` is Unix time, `seconds` what the
    answer took.
    """

    at: float
    player: str
    service: str
    before: str
    after: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A request without an answer of the casino: the proxy's own answer, or none at all."""

    at: float
    service: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """One version of one service, as its players saw it. `outcomes` counts `what:status`, such as `deposit:200`."""

    service: str
    version: str
    requests: int
    failed: int
    outcomes: dict[str, int]
    players: int
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures at one moment. `deposits` counts by (version, psp, market, outcome).

    The first and the last failed deposit of each version are Unix times at which their answers were here.
    """

    at: float
    elapsed_s: float
    sent: int
    answered: int
    in_flight: int
    lost: int
    lost_by_reason: dict[str, int]
    unexpected: int
    versions: tuple[VersionFigures, ...]
    deposits: dict[tuple[str, str, str, str], int]
    first_failed_deposit: dict[str, float]
    last_failed_deposit: dict[str, float]
    moves: int
    moves_by_service: dict[str, int]
    returns: int
    sockets_closed_by_casino: int
    rate: float

    def document(self) -> dict[str, Any]:
        """As JSON-able data; deposit keys become `version/psp/market/outcome`."""
        content = asdict(self)
        content["deposits"] = {"/".join(key): count for key, count in sorted(self.deposits.items())}
        return content


@dataclass(slots=True)
class _Tally:
    latencies: Latencies = field(default_factory=Latencies)
    outcomes: Counter[str] = field(default_factory=Counter)
    players: set[str] = field(default_factory=set)
    failed: int = 0


class Figures:
    """The running count of one crowd."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.sent = 0
        self.answered = 0
        self.lost: Counter[str] = Counter()
        self.losses: list[Loss] = []
        self.moves: list[Move] = []
        self.complaints: list[str] = []
        self.unexpected = 0
        self.sockets_closed = 0
        self.first_failed_deposit: dict[str, float] = {}
        self.last_failed_deposit: dict[str, float] = {}
        self._deposits: Counter[tuple[str, str, str, str]] = Counter()
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._last_version: dict[tuple[str, str], str] = {}
        self._seen: set[tuple[str, str, str]] = set()
        self._moves_by_service: Counter[str] = Counter()
        self._returns = 0

    def answer(self, service: str, version: str, outcome: str, seconds: float, player: str, failed: bool) -> None:
        """An answer of the casino arrived, `seconds` after it should have been asked for."""
        self.answered += 1
        tally = self._tallies.get((service, version))
        if tally is None:
            tally = self._tallies[service, version] = _Tally()
        tally.latencies.add(seconds)
        tally.outcomes[outcome] += 1
        tally.failed += failed
        if player:
            tally.players.add(player)
            self._follow(service, version, player, seconds)

    def deposit(self, version: str, psp: str, market: str, outcome: str) -> bool:
        """A deposit was answered; True for the first one of this version that failed."""
        self._deposits[version, psp, market, outcome] += 1
        if outcome != "failed":
            return False
        self.last_failed_deposit[version] = time.time()
        if version in self.first_failed_deposit:
            return False
        self.first_failed_deposit[version] = self.last_failed_deposit[version]
        return True

    def lose(self, service: str, what: str, why: str) -> None:
        """A request got no answer of the casino."""
        self.lost[why] += 1
        if len(self.losses) < MOST_SAMPLES:
            self.losses.append(Loss(time.time(), service, what, why))

    def complain(self, detail: str) -> None:
        """An answer was not what the script expects of a healthy casino."""
        self.unexpected += 1
        if len(self.complaints) < MOST_SAMPLES:
            self.complaints.append(detail)

    def snapshot(self, rate: float = 0.0) -> Snapshot:
        """The figures now; costs well under a millisecond."""
        versions = tuple(
            VersionFigures(
                service=service,
                version=version,
                requests=tally.latencies.count,
                failed=tally.failed,
                outcomes=dict(tally.outcomes),
                players=len(tally.players),
                p50_s=tally.latencies.quantile(0.50),
                p95_s=tally.latencies.quantile(0.95),
                p99_s=tally.latencies.quantile(0.99),
                max_s=tally.latencies.longest,
            )
            for (service, version), tally in sorted(self._tallies.items())
        )
        lost = sum(self.lost.values())
        return Snapshot(
            at=time.time(),
            elapsed_s=time.monotonic() - self.began,
            sent=self.sent,
            answered=self.answered,
            in_flight=self.sent - self.answered - lost,
            lost=lost,
            lost_by_reason=dict(self.lost),
            unexpected=self.unexpected,
            versions=versions,
            deposits=dict(self._deposits),
            first_failed_deposit=dict(self.first_failed_deposit),
            last_failed_deposit=dict(self.last_failed_deposit),
            moves=sum(self._moves_by_service.values()),
            moves_by_service=dict(self._moves_by_service),
            returns=self._returns,
            sockets_closed_by_casino=self.sockets_closed,
            rate=rate,
        )

    def _follow(self, service: str, version: str, player: str, seconds: float) -> None:
        before = self._last_version.get((service, player))
        if before == version:
            return
        self._last_version[service, player] = version
        if before is not None:
            self._moves_by_service[service] += 1
            self._returns += (service, player, version) in self._seen
            if len(self.moves) < MOST_MOVES:
                self.moves.append(Move(time.time(), player, service, before, version, seconds))
        self._seen.add((service, player, version))
