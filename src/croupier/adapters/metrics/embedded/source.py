"""``MetricSource`` without a metrics server: scrapes in rounds, answers from memory.

Made by ``server.app``, which starts and stops it; control watches, probes and reads.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import httpx
import structlog

from croupier.adapters.metrics.embedded.feed import is_edge
from croupier.adapters.metrics.embedded.fetch import fetch, open_client
from croupier.adapters.metrics.embedded.ledger import Ledger
from croupier.adapters.metrics.embedded.page import Page
from croupier.adapters.metrics.embedded.settings import MetricSettings
from croupier.adapters.metrics.embedded.target import TargetId
from croupier.control.ports import Clock, Query, ScrapeTarget, VersionKey
from croupier.core.gates import EMBEDDED, PromqlSli, Reading, Silence, Sli

_NO_PROMQL: Final = "selectors of PromQL are read from Prometheus only: source: prometheus"

_log = structlog.get_logger(__name__)


class EmbeddedMetrics:
    """Scrapes every watched instance, and Envoy where its socket is given, every ``interval_s``.

    Every change of what is watched starts a round at once: a new instance's first scrape is the base of its counts, so
    it should lie before the first player gets there; call ``watch`` before moving traffic. An instance that leaves is
    asked once more.
    """

    def __init__(self, clock: Clock, settings: MetricSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or MetricSettings()
        self._ledger = Ledger(self._settings)
        self._news = asyncio.Event()
        self._told = asyncio.Event()
        """Somebody has said which instances there are."""
        self._round = asyncio.Lock()
        self._last_at = -math.inf
        self._instances: httpx.AsyncClient | None = None
        self._edge: httpx.AsyncClient | None = None
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Scrape in the background until ``stop``."""
        self._loop = asyncio.create_task(self._scrape_for_ever(), name="metrics")

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None
        for client in (self._instances, self._edge):
            if client is not None:
                await client.aclose()
        self._instances, self._edge = None, None

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        """See ``MetricSource.watch``; does not wait for the round that it starts."""
        if self._ledger.watch(targets, self._clock.now()):
            self._news.set()
        self._told.set()

    async def read(self, query: Query) -> Reading | Silence:
        """See ``MetricSource.read``.

        The reading's bounds are scrapes: the last complete ones not after those asked for, so ``since`` may be up to
        one interval earlier than asked (and is later where nothing is known yet). Readings of adjacent spans add up
        exactly.
        """
        if isinstance(query.sli, PromqlSli):
            return Silence(_NO_PROMQL)
        return self._ledger.read(query, self._clock.now())

    async def probe(
        self,
        sli: Sli,
        by: tuple[str, ...],
        service: str,
        version: str,
        source: str = EMBEDDED,  # noqa: ARG002 - ours
    ) -> str | None:
        """See ``MetricSource.probe``; scrapes first when the version has not been scraped yet. Waits for the first
        ``watch``: a control plane that has just been started knows of no instances yet, which is no gate's fault.
        """
        if isinstance(sli, PromqlSli):
            return _NO_PROMQL
        if not is_edge(sli):
            await self._told.wait()
        key = VersionKey(service, version)
        if self._ledger.is_unread(sli, key):
            await self.scrape()
        return self._ledger.probe(sli, by, key, self._clock.now())

    async def scrape(self) -> None:
        """One round now, of everything."""
        async with self._round:
            # What is watched by now is in this round; what comes later starts another.
            self._news.clear()
            at = max(self._clock.now(), math.nextafter(self._last_at, math.inf))
            names = self._ledger.to_scrape()
            pages = await asyncio.gather(*(self._fetch(name) for name in names))
            self._ledger.commit(at, dict(zip(names, pages, strict=True)))
            self._last_at = at

    async def _fetch(self, name: TargetId) -> Page | str:
        settings = self._settings
        if name.page is None:
            self._edge = self._edge or open_client(settings, over_socket=True)
            return await fetch(self._edge, f"http://envoy{settings.edge_path}", settings)
        self._instances = self._instances or open_client(settings)
        host = f"[{name.page.endpoint.host}]" if ":" in name.page.endpoint.host else name.page.endpoint.host
        return await fetch(self._instances, f"http://{host}:{name.page.endpoint.port}{name.page.path}", settings)

    async def _scrape_for_ever(self) -> None:
        while True:
            try:
                await self.scrape()
            except Exception:  # noqa: BLE001 - a mistake in this program: without scrapes, reads tell how old the last is
                _log.exception("scrape_round_failed")
                self._last_at = self._clock.now()
            due_in_s = self._last_at + self._settings.interval_s - self._clock.now()
            waits = [asyncio.create_task(self._clock.sleep(max(0.0, due_in_s))), asyncio.create_task(self._news.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
