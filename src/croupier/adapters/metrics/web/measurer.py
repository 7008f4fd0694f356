"""``Measurer``: takes measurements in the background, so that a slow provider holds up nobody. Made by ``server.app``.

A look that asks for measurements waits a moment for them. What takes longer goes on, and the next look gets it. Nothing
is kept but what is under way.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from croupier.adapters.metrics.web.answers import prometheus_value, web_value
from croupier.adapters.metrics.web.args import Unmeasured, redacted, values
from croupier.adapters.metrics.web.request import Sender
from croupier.adapters.metrics.web.settings import MeasureSettings
from croupier.control.ports import Clock, Question
from croupier.core.gates import Measured, Measurement
from croupier.core.gates.analysis.measurement import measured
from croupier.core.gates.analysis.model import Metric, PrometheusQuery, WebRequest
from croupier.core.gates.analysis.placeholders import filled
from croupier.errors import Rejected, Transient

_AGED_S: Final = 5.0
"""An answer that nobody came for so long after it was there is of no look."""

_log = structlog.get_logger(__name__)


class Instant(Protocol):
    """The control plane's own Prometheus."""

    async def instant(self, expression: str, at: float, timeout_s: float) -> Mapping[str, Any]:
        """The data of an instant query. Raises ``Transient`` for an outage, ``Rejected`` for a query that is wrong."""
        ...


@dataclass(slots=True)
class _Task:
    work: asyncio.Task[Any]
    done_at: float | None = None


class Measuring:
    """See the module."""

    def __init__(self, clock: Clock, settings: MeasureSettings, own: Instant | None = None) -> None:
        self._clock = clock
        self._settings = settings
        self._own = own
        self._sender = Sender(settings.allowed, settings.answer_bytes)
        self._tasks: dict[tuple[str, str, str, float], _Task] = {}

    async def stop(self) -> None:
        """End what is under way."""
        for task in self._tasks.values():
            task.work.cancel()
        for task in self._tasks.values():
            with suppress(asyncio.CancelledError, Exception):
                await task.work
        self._tasks.clear()
        await self._sender.close()

    async def measure(self, question: Question) -> Measured:
        """See ``Measurer.measure``."""
        now = self._clock.now()
        for key, task in list(self._tasks.items()):
            if task.done_at is not None and not 0 <= now - task.done_at <= _AGED_S:
                del self._tasks[key]
        asked = {self._key(question, metric): metric for metric in question.metrics}
        for key, metric in asked.items():
            if key not in self._tasks:
                self._tasks[key] = self._begin(question, metric)
        works = [self._tasks[key].work for key in asked]
        if works:
            await asyncio.wait(works, timeout=self._settings.patience_s)
        taken = [
            self._taken(metric, self._tasks.pop(key).work, question.at)
            for key, metric in asked.items()
            if self._tasks[key].work.done()
        ]
        return Measured(tuple(taken))

    async def probe(self, question: Question) -> str | None:
        """See ``Measurer.probe``. Queries are asked, and what they say does not matter yet. To an address of the web
        nothing is sent: a request may do something there, and what answers may come with the release.
        """
        asked = (self._ask(question, metric, whether=True) for metric in question.metrics)
        found = zip(question.metrics, await asyncio.gather(*asked, return_exceptions=True), strict=True)
        why: Unmeasured | None = None
        for metric, said in found:
            if isinstance(said, Unmeasured) and (why is None or why.outage > said.outage):  # what is to be mended first
                why = Unmeasured(f"metric {metric.name}: {said}", outage=said.outage)
            elif isinstance(said, BaseException) and not isinstance(said, Unmeasured):
                raise said
        if why is not None and why.outage:
            raise Transient(str(why))
        return None if why is None else str(why)

    def _key(self, question: Question, metric: Metric) -> tuple[str, str, str, float]:
        return question.rollout, question.gate, metric.name, question.since

    def _begin(self, question: Question, metric: Metric) -> _Task:
        task = _Task(asyncio.create_task(self._ask(question, metric), name=f"measure {metric.name}"))

        def done(_: object) -> None:
            task.done_at = self._clock.now()

        task.work.add_done_callback(done)
        return task

    def _taken(self, metric: Metric, work: asyncio.Task[Any], at: float) -> Measurement:
        try:
            return measured(metric.name, at, work.result())
        except Unmeasured as why:
            return Measurement(metric.name, at, error=str(why))
        except Exception as mistake:  # noqa: BLE001 -- one provider's surprise is no measurement, and nobody else's trouble
            _log.exception("measurement_failed", metric=metric.name)
            return Measurement(metric.name, at, error=f"measuring failed: {type(mistake).__name__}")

    async def _ask(self, question: Question, metric: Metric, *, whether: bool = False) -> Any:
        """The value; only ``whether`` there could be one: nothing. Raises ``Unmeasured``."""
        about = {"service": question.service, "version": question.canary, "stable": question.stable or ""}
        secrets = set[str]()
        try:
            known, secrets = await asyncio.to_thread(values, question.args, about, self._settings)
            provider = filled(metric.provider, known)
            if isinstance(provider, WebRequest):
                return await (
                    self._sender.check(provider.url, provider.timeout_s) if whether else self._of_web(provider)
                )
            data = await self._of_prometheus(provider, question.at)
            return None if whether else prometheus_value(data)
        except KeyError as unknown:
            raise Unmeasured(f"nothing stands for {{{{{unknown.args[0]}}}}}") from None
        except (Transient, Rejected, Unmeasured) as why:
            outage = isinstance(why, Transient) or (isinstance(why, Unmeasured) and why.outage)
            raise Unmeasured(redacted(str(why), secrets), outage=outage) from None

    async def _of_web(self, asked: WebRequest) -> Any:
        data = await self._sender.json(
            asked.method,
            asked.url,
            headers=asked.headers,
            body=asked.body,
            timeout_s=asked.timeout_s,
            insecure=asked.insecure,
        )
        return web_value(data, asked.json_path)

    async def _of_prometheus(self, asked: PrometheusQuery, at: float) -> Any:
        own = self._settings.prometheus_url
        if asked.address is None or (own is not None and asked.address.rstrip("/") == own.rstrip("/")):
            if self._own is None:
                raise Unmeasured("this control plane asks no Prometheus; set CROUPIER_PROMETHEUS_URL, or an address")
            return await self._own.instant(asked.query, at, asked.timeout_s)
        answer = await self._sender.json(
            "POST",
            f"{asked.address.rstrip('/')}/api/v1/query",
            headers=asked.headers,
            form={"query": asked.query, "time": f"{at:.3f}", "timeout": f"{asked.timeout_s:g}s"},
            timeout_s=asked.timeout_s,
            insecure=asked.insecure,
        )
        if not isinstance(answer, Mapping) or answer.get("status") != "success":
            raise Unmeasured("Prometheus sends something that is not its JSON")
        return answer.get("data")
