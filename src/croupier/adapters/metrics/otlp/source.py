"""``MetricSource`` of metrics that applications push over OTLP/HTTP, and the port that takes the pushes.

Made by ``server.app``; the route hands in bodies, control watches, probes and reads.
"""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog

from croupier.adapters.metrics.otlp.decode import decode
from croupier.adapters.metrics.otlp.ledger import Ledger
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import Clock, Pushed, Query, ScrapeTarget, VersionKey
from croupier.core.gates import OTLP, PromqlSli, Reading, Silence, Sli
from croupier.errors import Transient

_log = structlog.get_logger(__name__)

_NO_PROMQL = "selectors of PromQL are read from Prometheus only: source: prometheus"
_WAITING = 100
"""So many pushes may wait for their turn."""
_SET_BACK_S: Final = 5.0
"""A clock that is so far behind the last push was set back; what is less, it catches up with."""


class OtlpMetrics:
    """Reads one push at a time, so that the largest costs the memory of one."""

    def __init__(self, clock: Clock, settings: OtlpSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or OtlpSettings()
        self._kept = Ledger(self._settings, clock.now())
        self._running: dict[VersionKey, int] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._last_at = -math.inf

    async def push(self, body: bytes, *, is_json: bool, services: Collection[str] | None = None) -> Pushed:
        """See ``PushedMetrics.push``."""
        if self._waiting >= _WAITING:
            raise Transient("Too many pushes at a time.", retry_after_s=2.0)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._take(body, services, is_json=is_json)
        finally:
            self._waiting -= 1

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        """See ``MetricSource.watch``: so many instances of a version are expected to push."""
        self._running = {version: len(pages) for version, pages in targets.items()}
        self._ledger().watch(self._running)

    async def read(self, query: Query) -> Reading | Silence:
        """See ``MetricSource.read``.

        The reading's bounds are moments up to which all instances of both versions had pushed: the last ones not after
        those asked for, so ``since`` may be up to one push interval earlier than asked (and is later where nothing is
        known yet). Readings of adjacent spans add up exactly.
        """
        if isinstance(query.sli, PromqlSli):
            return Silence(_NO_PROMQL)
        return self._ledger().read(query, self._clock.now())

    async def probe(
        self,
        sli: Sli,
        by: tuple[str, ...],
        service: str,
        version: str,
        source: str = OTLP,  # noqa: ARG002 - ours
    ) -> str | None:
        """See ``MetricSource.probe``; answers from what was pushed last."""
        if isinstance(sli, PromqlSli):
            return _NO_PROMQL
        return self._ledger().probe(sli, by, VersionKey(service, version), self._clock.now())

    def _ledger(self) -> Ledger:
        """What is kept; begun anew, as after a restart, where the clock was set back: all that was dated since lies in
        the future now, and nobody would be heard until the clock had caught up.
        """
        now = self._clock.now()
        if now < self._last_at - _SET_BACK_S:
            _log.warning("otlp_clock_set_back", by_s=round(self._last_at - now), then="pushed metrics begin anew")
            self._kept, self._last_at = Ledger(self._settings, now), -math.inf
            self._kept.watch(self._running)
        return self._kept

    async def _take(self, body: bytes, services: Collection[str] | None, *, is_json: bool) -> Pushed:
        request = await asyncio.to_thread(decode, body, self._settings, is_json=is_json)
        strange = request.keep(services) if services is not None else 0
        ledger = self._ledger()
        # Boundaries must be told apart, and a push may never be dated before one that was taken.
        at = max(self._clock.now(), math.nextafter(self._last_at, math.inf))
        self._last_at = at
        refused, why = request.refused, request.why
        ledger.refuse(request.strangers, at)
        for push in request.pushes:
            taken = ledger.take(push, at)
            refused, why = refused + taken.refused, why or taken.why
            await asyncio.sleep(0)  # others get their turn
        ledger.close(at)
        whole = not request.pushes and bool(request.strangers or strange)
        return Pushed(refused, why, whole=whole, strange=whole and bool(strange))
