"""Metrics of players who do not exist: a seeded model of traffic behind a data plane, as a ``MetricSource``.

Players arrive at a rate and are spread over versions as the router really serves them; versions fail for as many of
them as the script says. The same seed and script give the same counts. Used by the simulator and by tests of gates.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from croupier.control.ports import Clock, Query, ScrapeTarget, VersionKey
from croupier.core.gates import EMBEDDED, Counts, EventsSli, Group, Reading, Silence, Sli
from croupier.core.rollout.routes import ServiceRoutes
from croupier.errors import Transient
from croupier.testing.router import MemoryRouter

Labels = tuple[tuple[str, str], ...]
EVERYBODY: tuple[tuple[Labels, float], ...] = (((), 1.0),)


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one version did for one part of the players until ``at``."""

    at: float
    key: VersionKey
    labels: Labels
    total: int
    bad: int


class ScriptedMetrics:
    """``rate`` players a second for each service, split into ``parts`` (labels and their share of the players).

    Switches: ``outage`` (why every answer is ``Silence``), ``unreachable`` (every call is ``Transient``), ``incident``
    (share of requests that fail whatever the version), ``blind`` (names of metrics that nobody exports),
    ``turned_off`` (labels of players who do nothing, since a flag is off). ``inside`` is
    the share of players that a segment contains.
    """

    def __init__(
        self,
        clock: Clock,
        router: MemoryRouter,
        *,
        rate: float = 100.0,
        parts: Sequence[tuple[Labels, float]] = EVERYBODY,
        inside: float = 0.25,
        seed: int = 0,
    ) -> None:
        self.outage: str | None = None
        self.unreachable = False
        self.incident = 0.0
        self.blind: set[str] = set()
        self.turned_off: set[Labels] = set()
        self._clock, self._router = clock, router
        self._rate, self._parts, self._inside = rate, tuple(parts), inside
        self._chance = random.Random(seed)  # noqa: S311 - a model of players, which must repeat
        self._broken: dict[tuple[str, Labels], float] = {}
        self._cells: list[_Cell] = []
        self._until = clock.now()
        self._targets: Mapping[VersionKey, Sequence[ScrapeTarget]] = {}

    def break_version(self, version: str, share: float, labels: Labels = ()) -> None:
        """This share (0 to 1) of the version's requests fails from now on, of those with these labels; 0 mends it."""
        self.flow()
        self._broken[version, labels] = share

    def flow(self) -> None:
        """Let the players of the time since the last call play, on what the data plane serves now.

        Called by itself before every answer; call it before the data plane changes where that matters to the second.
        """
        now = self._clock.now()
        passed, self._until = now - self._until, now
        if passed <= 0:
            return
        for item in self._router.table.services:
            for version, share in self._shares(item.routes).items():
                for labels, part in (each for each in self._parts if not self._is_off(each[0])):
                    self._cells.append(
                        self._play(VersionKey(item.service.name, version), labels, passed * share * part)
                    )
        self._cells = [cell for cell in self._cells if cell.at > now - 3_600]

    async def read(self, query: Query) -> Reading | Silence:
        """Counts of both versions over (since, until]."""
        self._reach()
        self.flow()
        if self.outage is not None:
            return Silence(self.outage)
        if query.sli.metric in self.blind:
            return Silence(f"nobody exports {query.sli.metric}")
        canary = self._counts(query, query.canary)
        baseline = self._counts(query, query.baseline) if query.baseline else None
        return Reading(query.since, query.until, canary, baseline)

    async def probe(
        self,
        sli: Sli,
        by: tuple[str, ...],  # noqa: ARG002
        service: str,
        version: str,
        source: str = EMBEDDED,  # noqa: ARG002 - one for all
    ) -> str | None:
        """A reason for the metrics named in ``blind``."""
        self._reach()
        return f"{service} {version} exports no metric {sli.metric}" if sli.metric in self.blind else None

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        """Remember which instances exist."""
        self._reach()
        self._targets = dict(targets)

    @property
    def watched(self) -> frozenset[VersionKey]:
        """Versions whose instances are watched."""
        return frozenset(key for key, targets in self._targets.items() if targets)

    def _shares(self, routes: ServiceRoutes) -> Mapping[str, float]:
        shares: dict[str, float] = {}
        left = 1.0
        for share in routes.shares:
            here = left * self._inside if share.segment else left
            left -= here
            for version, weight in share.weights:
                shares[version] = shares.get(version, 0.0) + here * weight / 10_000
        return {version: share for version, share in shares.items() if share}

    def _is_off(self, labels: Labels) -> bool:
        return any(set(off) <= set(labels) for off in self.turned_off)

    def _play(self, key: VersionKey, labels: Labels, seconds: float) -> _Cell:
        total = self._poisson(self._rate * seconds)
        fails = self.incident
        for (version, where), share in self._broken.items():
            if version == key.version and set(where) <= set(labels):
                fails = max(fails, share)
        return _Cell(self._until, key, labels, total, min(total, self._poisson(total * fails)))

    def _counts(self, query: Query, version: str) -> Mapping[Group, Counts]:
        counts: dict[Group, Counts] = {(): Counts(0, 0)}
        for cell in self._between(query, VersionKey(query.service, version)):
            by = dict(cell.labels)
            groups = {(), tuple((label, by[label]) for label in query.by if label in by)}
            for group in groups:
                before = counts.get(group, Counts(0, 0))
                counts[group] = _plus(before, cell, only_bad=isinstance(query.sli, EventsSli))
        return counts

    def _between(self, query: Query, key: VersionKey) -> Iterator[_Cell]:
        return (cell for cell in self._cells if cell.key == key and query.since < cell.at <= query.until)

    def _poisson(self, mean: float) -> int:
        """A Poisson number; from 50 on by the normal approximation, which no gate can tell from it."""
        if mean <= 0:
            return 0
        if mean > 50:
            return max(0, round(self._chance.gauss(mean, math.sqrt(mean))))
        limit, number, product = math.exp(-mean), 0, self._chance.random()
        while product > limit:
            number += 1
            product *= self._chance.random()
        return number

    def _reach(self) -> None:
        if self.unreachable:
            raise Transient("the metric source does not answer")


def _plus(counts: Counts, cell: _Cell, *, only_bad: bool) -> Counts:
    if only_bad:
        return Counts(0, counts.total + cell.bad)
    return Counts(counts.good + cell.total - cell.bad, counts.total + cell.total)
