"""Ports whose calls are counted and timed for ``/metrics``, and that are else what they wrap. Made by ``running``."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from croupier.control.ports import (
    Clock,
    MetricSource,
    Notifier,
    Query,
    ScrapeTarget,
    Trouble,
    VersionKey,
    Wants,
)
from croupier.core.gates import EMBEDDED, Reading, Silence, Sli
from croupier.core.rollout.notices import Notice
from croupier.server.metrics import Metrics


@dataclass(frozen=True, slots=True)
class TimedSource:
    """See ``MetricSource``."""

    inner: MetricSource
    metrics: Metrics

    async def read(self, query: Query) -> Reading | Silence:
        started, answer = time.perf_counter(), "failed"
        try:
            said = await self.inner.read(query)
            answer = "nothing" if isinstance(said, Silence) else "counts"
            return said
        finally:
            self.metrics.looks.labels(query.source, answer).observe(time.perf_counter() - started)

    async def probe(
        self, sli: Sli, by: tuple[str, ...], service: str, version: str, source: str = EMBEDDED
    ) -> str | None:
        return await self.inner.probe(sli, by, service, version, source)

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        await self.inner.watch(targets)


@dataclass(frozen=True, slots=True)
class CountedNotifier:
    """See ``Notifier``."""

    inner: Notifier
    metrics: Metrics
    clock: Clock

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def where(self) -> str:
        return self.inner.where

    @property
    def wants(self) -> Wants:
        return self.inner.wants

    async def send(self, notice: Notice) -> Trouble | None:
        trouble = await self.inner.send(notice)
        outcome = "delivered" if trouble is None else "refused" if trouble.refused else "failed"
        self.metrics.notifications.labels(self.name, outcome).inc()
        self.metrics.note_notifier(self.name, None if trouble is None else self.clock.now())
        return trouble

    async def close(self) -> None:
        await self.inner.close()
