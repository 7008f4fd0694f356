"""``MetricSource`` on a Prometheus: asks for raw samples and counts them itself. Made by ``server.app``.

A reading takes two questions. The first is when each instance was scraped; the second, asked after it, the samples, so
that of every scrape that the first knows the samples are there. Nothing is kept but which instances there were.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from croupier.adapters.metrics.embedded.tally import alike
from croupier.adapters.metrics.prometheus.ask import Asker, Unanswered
from croupier.adapters.metrics.prometheus.doubles import doubles
from croupier.adapters.metrics.prometheus.plan import Asked, Role, plan
from croupier.adapters.metrics.prometheus.presence import Arm, absent, check, overdue
from croupier.adapters.metrics.prometheus.probe import Probe
from croupier.adapters.metrics.prometheus.samples import Series, Target, series_of
from croupier.adapters.metrics.prometheus.scrapes import STARTED, TAKEN, UP, Scrapes, boundary, known_from, scrapes_of
from croupier.adapters.metrics.prometheus.settings import PrometheusSettings
from croupier.adapters.metrics.prometheus.tally import Found, Tally, chosen, tally, threshold
from croupier.control.ports import Clock, Query, ScrapeTarget, VersionKey
from croupier.core.gates import PROMETHEUS, Instance, Reading, Silence, Sli
from croupier.core.gates.selector import exactly, quoted
from croupier.errors import Rejected, Transient

_RARELY_S: Final = 30.0
"""No longer than so is it left alone."""
_REMEMBERED: Final = 1_000
"""Questions whose instances are remembered; of more, the first are asked twice."""

_log = structlog.get_logger(__name__)


class PrometheusMetrics:
    """One Prometheus, asked anew for each reading. From an outage on readings are silent until a small question, asked
    in the background and ever more seldom, is answered: who reads shall not wait for every time-out.
    """

    def __init__(self, clock: Clock, settings: PrometheusSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._asker = Asker(settings, clock)
        self._targets: dict[tuple[Sli, str, tuple[str, ...]], frozenset[Target]] = {}
        self._outage: str | None = None
        self._outages = 0
        """So many one after the other, without a reading in between."""
        self._recovery: asyncio.Task[None] | None = None
        self._told_cut: set[str] = set()
        self._told_twice: set[str] = set()

    async def stop(self) -> None:
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
            self._recovery = None
        await self._asker.close()

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        """See ``MetricSource.watch``; Prometheus finds instances by itself."""

    async def read(self, query: Query) -> Reading | Silence:
        """See ``MetricSource.read``.

        The reading ends where every instance was scraped equally often since its beginning, up to two scrape intervals
        ago; each sample belongs to the span that its scrape lies in, so readings of adjacent spans add up exactly.
        """
        if self._outage is not None:
            return Silence(self._outage)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reading = await self._read(query)
        except TimeoutError:
            why = f"Prometheus does not answer within {self._settings.timeout_s:g} s"
            return Silence(self._failed(Unanswered(why, outage=True)))
        except Unanswered as unanswered:
            return Silence(self._failed(unanswered))
        self._outages = 0
        return reading

    async def probe(
        self,
        sli: Sli,
        by: tuple[str, ...],
        service: str,
        version: str,
        source: str = PROMETHEUS,  # noqa: ARG002 - ours
    ) -> str | None:
        """See ``MetricSource.probe``."""
        try:
            async with asyncio.timeout(2 * self._settings.timeout_s):
                return await Probe(self._asker, self._settings, self._clock.now()).why_blind(sli, by, service, version)
        except TimeoutError:
            raise Transient(f"Prometheus does not answer within {2 * self._settings.timeout_s:g} s") from None
        except Unanswered as unanswered:
            if unanswered.outage:
                raise Transient(unanswered.reason) from None
            return unanswered.reason

    async def instant(self, expression: str, at: float, timeout_s: float) -> Any:
        """The data of an instant query, for gates that judge its result. Raises ``Transient`` for an outage, and
        ``Rejected`` for a query that will not be answered.

        The time is the question's own: who asks does not wait for it, and one that is slow is no outage. It is asked
        during an outage, too, which a gate's large reading may alone have met: an error that nobody asked for would
        count towards ``consecutiveErrorLimit`` and, with ``compat: argo``, take everybody back.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._asker.instant(expression, at, timeout_s)
        except TimeoutError:
            raise Transient(f"Prometheus does not answer within {timeout_s:g} s") from None
        except Unanswered as unanswered:
            raise (Transient if unanswered.outage else Rejected)(unanswered.reason) from None

    def _failed(self, unanswered: Unanswered) -> str:
        if unanswered.outage and self._outage is None:
            self._outage = unanswered.reason
            self._outages += 1
            self._recovery = asyncio.create_task(self._recover(), name="prometheus")
        return unanswered.reason

    async def _recover(self) -> None:
        """Ask something small until it is answered."""
        while self._outage is not None:
            # After a reading that timed out the small question may well be answered: the next reading waits longer too.
            await self._clock.sleep(min(_RARELY_S, self._settings.timeout_s * 2.0 ** (self._outages - 1)))
            self._outages = min(self._outages + 1, 10)
            try:
                await self._asker.query("vector(1)", self._clock.now())
            except Unanswered as unanswered:
                self._outage = unanswered.reason
            else:
                self._outage = None

    async def _read(self, query: Query) -> Reading:
        settings = self._settings
        since = max(query.since, query.until - settings.longest_s)
        versions = (query.canary,) if query.baseline is None else (query.canary, query.baseline)
        asked = plan(query.sli, query.service, versions, settings)
        about, found, now = await self._samples(query, asked, versions, since)
        found = {version: self._once(series, about) for version, series in found.items()}
        declaring = {version: await self._absent(query, version, found[version]) for version in versions}
        if unknown := frozenset().union(*declaring.values()):
            about = [*about, *await self._about(unknown, query.until, since)]
        counted = [one for series in found.values() for _, one in series]
        scrapes = scrapes_of(about, counted, query.until)
        gone = await self._gone(scrapes, about, query.until)
        arms = {
            version: {one.target for _, one in found[version]} | declaring[version] & scrapes.keys()
            for version in versions
        }
        for version, targets in arms.items():
            arm = Arm(
                f"{query.service} {version}", {target: scrapes[target] for target in targets if target in scrapes}
            )
            check(arm, gone, query.until, settings)
            since = max(since, known_from(arm.scrapes.values(), since))
        live = [scrapes[target] for target in set().union(*arms.values()) & scrapes.keys() - gone]
        until = boundary(live, since, now)
        # Who went before the span began has nothing to add, and need not have counted in the same way.
        over = {target for target in gone if not scrapes[target].done or scrapes[target].done[-1] <= since}
        found = {version: [one for one in found[version] if one[1].target not in over] for version in versions}
        series = chosen(query.sli, found)
        edge = threshold(query.sli, series)
        tallies = [tally(query.sli, series[version], query.by, scrapes, (since, until), edge) for version in versions]
        return self._reading(query, tallies, since, until)

    async def _samples(
        self, query: Query, asked: Sequence[Asked], versions: tuple[str, ...], since: float
    ) -> tuple[list[Series], dict[str, Found], float]:
        """What is known of the instances' scrapes, and then the series of each version; and a time (Prometheus's) after
        which those were asked for.
        """
        key = (query.sli, query.service, versions)
        known = self._targets.get(key, frozenset())
        while True:
            about = await self._about(known, query.until, since)
            now = self._asker.served_at
            answers = await asyncio.gather(*(self._series(each.selector, query.until, since) for each in asked))
            found: dict[str, list[tuple[Role, Series]]] = {version: [] for version in versions}
            for each, series in zip(asked, answers, strict=True):
                for one in series:
                    version = each.version or one.labels.get(self._settings.version_label, "")
                    if version in found:
                        found[version].append((each.role(one), one))
            there = frozenset(one.target for series in found.values() for _, one in series)
            if there <= known:
                break
            known = there
        self._targets.pop(key, None)
        self._targets[key] = there
        while len(self._targets) > _REMEMBERED:
            del self._targets[next(iter(self._targets))]
        return about, dict(found), now

    def _once(self, found: Found, about: Sequence[Series]) -> Found:
        """Each page once, however many jobs scrape it."""
        twice = doubles(found, about)
        for (_, (job, instance)), (kept, _) in twice.items():
            if instance not in self._told_twice:
                self._told_twice.add(instance)
                _log.warning("metric_page_scraped_twice", instance=instance, job=job, counted=kept)
        return [(role, one) for role, one in found if (one.name, one.target) not in twice]

    async def _series(self, selector: str, until: float, since: float) -> list[Series]:
        reach = int((until - since + self._settings.lookback_s) * 1000)
        return series_of(await self._asker.query(f"{selector}[{reach}ms]", until))

    async def _about(self, targets: frozenset[Target], until: float, since: float) -> list[Series]:
        """``up`` and the start of each process."""
        if not targets:
            return []
        series = await self._series(_of(targets, UP, STARTED, TAKEN), until, since)
        return [one for one in series if one.target in targets]

    async def _gone(self, scrapes: Mapping[Target, Scrapes], about: Sequence[Series], until: float) -> set[Target]:
        """Those that Prometheus has ceased to scrape: it marks their series as ended. Where there is no ``up``, those
        of which nothing came for as long as Prometheus itself would wait.
        """
        late = overdue(scrapes, until)
        told = late & {one.target for one in about if one.name == UP}
        gone = {target for target in late - told if until - scrapes[target].tried[-1] > self._settings.lookback_s}
        if told:
            there = series_of(await self._asker.query(_of(told, UP), until))
            gone |= told - {one.target for one in there}
        return gone

    async def _absent(self, query: Query, version: str, found: Found) -> frozenset[Target]:
        """Of a version without series, the instances that declare the metric and have counted nothing yet."""
        if found:
            return frozenset()
        probe = Probe(self._asker, self._settings, query.until)
        declaring = await probe.declaring(query.sli, query.service, version)
        if not declaring:
            scraped = await probe.scraped(query.service, version)
            who, labels = f"{query.service} {version}", probe.labels(query.service, version)
            why = absent(who, query.sli.metric, scraped, labels)
            raise Unanswered(why if scraped else why + await probe.kept(self._clock.now()))
        return declaring

    def _reading(self, query: Query, tallies: Sequence[Tally], since: float, until: float) -> Reading:
        full, cut = alike([each.groups for each in tallies], self._settings.groups)
        if cut and query.sli.metric not in self._told_cut:
            self._told_cut.add(query.sli.metric)
            _log.warning("metric_groups_cut", metric=query.sli.metric, by=query.by, cut=cut)
        instances = tuple(Instance(f"{job} {name}", counts) for (job, name), counts in tallies[0].parts.items())
        if query.baseline is None:
            return Reading(since, until, full[0], None, instances=instances)
        return Reading(since, until, full[0], full[1], tuple(tallies[1].parts.values()), instances=instances)


def _of(targets: frozenset[Target] | set[Target], *names: str) -> str:
    jobs = exactly(tuple(sorted({job for job, _ in targets})))
    instances = exactly(tuple(sorted({instance for _, instance in targets})))
    return f"{{__name__=~{quoted(exactly(names))},job=~{quoted(jobs)},instance=~{quoted(instances)}}}"
