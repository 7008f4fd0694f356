"""Ten minutes before a start, as the sources really remember them: by instance, nothing lost and nothing twice."""

import random
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import Counter
from tests.adapters.metrics.embedded.conftest import clock, instance, metrics  # noqa: F401 - fixtures
from tests.adapters.metrics.otlp.conftest import body, counter, resource

from croupier.adapters.metrics.embedded import EmbeddedMetrics
from croupier.adapters.metrics.otlp.source import OtlpMetrics
from croupier.control.clumps import SAMPLE_S, SAMPLES, Lately, with_clumps
from croupier.control.ports import Ports, Query, VersionKey
from croupier.core.gates import OTLP, Comparison, Counts, Gate, RatioSli, SequentialRule
from croupier.core.gates.sequential.dispersion import Dispersion, measured
from croupier.testing import VirtualClock

GATE = Gate(
    "bets", RatioSli("shop_bets_total", (("outcome", ("ok",)),)), comparison=Comparison(), rule=SequentialRule()
)
PUSHED = replace(GATE, source=OTLP)
CLUMP = 4


class Traffic:
    """Two instances, of whose bets a few fail, four at a time; ``samples`` are the truth of each half minute."""

    def __init__(self) -> None:
        self._random = random.Random(3)
        self.samples: list[list[Counts]] = []

    def half_minute(self) -> list[Counts]:
        self.samples.append([self._counts() for _ in range(2)])
        return self.samples[-1]

    def _counts(self) -> Counts:
        total, failing = self._random.randrange(80, 120), CLUMP * (self._random.random() < 0.3)
        return Counts(total - failing, total)

    @property
    def expected(self) -> Dispersion | None:
        """What a source tells that forgot nothing of the last ten minutes."""
        return measured(self.samples[-SAMPLES:])


async def seen(now: Any, source: Any, gate: Gate) -> Dispersion | None:
    ports = cast("Ports", SimpleNamespace(clock=now, metrics=source))
    (found,) = await with_clumps(ports, (gate,), "shop", "1.0.0", Lately())
    assert isinstance(found.rule, SequentialRule)
    return found.rule.dispersion


async def ask(source: Any, now: float, gate: Gate) -> None:
    """What the control plane asks all along, so that the source keeps it."""
    await source.read(Query(gate.sli, (), "shop", "1.0.0", None, now - 60.0, now, gate.source))


async def test_pages_that_are_scraped(
    metrics: EmbeddedMetrics,  # noqa: F811 - the fixture
    clock: VirtualClock,  # noqa: F811
    instance: Callable[[], Any],  # noqa: F811
) -> None:
    pages, traffic = [instance(), instance()], Traffic()
    counters = [Counter("shop_bets", "Bets.", ["outcome"], registry=page.registry) for page in pages]
    await metrics.watch({VersionKey("shop", "1.0.0"): [page.target for page in pages]})
    await metrics.scrape()
    await ask(metrics, clock.now(), GATE)
    for half_minute in range(SAMPLES + 3):
        counts = traffic.half_minute()
        for second in range(int(SAMPLE_S / 5)):
            await clock.advance(5)
            if not second:
                for count, bets in zip(counts, counters, strict=True):
                    bets.labels("ok").inc(count.good)
                    bets.labels("error").inc(count.bad)
            await metrics.scrape()
        await ask(metrics, clock.now(), GATE)
        if half_minute == 1:  # as much as is known by then
            assert await seen(clock, metrics, GATE) == traffic.expected
    assert await seen(clock, metrics, GATE) == traffic.expected
    assert traffic.expected is not None
    assert traffic.expected.phi > 1.5


@pytest.mark.parametrize("every_s", [10, 30])
async def test_pushes(every_s: int) -> None:
    clock, traffic = VirtualClock(start=100_000.0), Traffic()  # noqa: F811 - of its own
    source, sums, began = OtlpMetrics(clock), [[0, 0], [0, 0]], clock.now()
    await ask(source, clock.now(), PUSHED)
    for _ in range(SAMPLES + 4):
        counts = traffic.half_minute()
        for push in range(int(SAMPLE_S / every_s)):
            await clock.advance(every_s)
            processes = []
            for name, count, held in zip("ab", counts, sums, strict=True):
                if not push:
                    held[0], held[1] = held[0] + count.good, held[1] + count.bad
                values = [({"outcome": "ok"}, float(held[0])), ({"outcome": "error"}, float(held[1]))]
                told = counter("shop.bets", values, start=began, at=clock.now())
                processes.append((resource(instance=name), [told]))
            await source.push(body(*processes), is_json=False)
        await ask(source, clock.now(), PUSHED)
    await clock.advance(2)
    assert await seen(clock, source, PUSHED) == traffic.expected
