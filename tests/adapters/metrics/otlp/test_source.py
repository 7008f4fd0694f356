"""The source as control has it: what becomes of what was pushed when the clock is set."""

import structlog
from tests.adapters.metrics.otlp.conftest import body, counter, resource

from croupier.adapters.metrics.otlp.source import OtlpMetrics
from croupier.control.ports import Query
from croupier.core.gates import OTLP, EventsSli, Reading, Silence

BETS = EventsSli("shop.bets")


class SetClock:
    """A clock that somebody sets."""

    at = 100_000.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


async def test_a_clock_that_was_set_back_silences_nobody_for_long() -> None:
    clock = SetClock()
    source = OtlpMetrics(clock)
    count, sent = 0, clock.at

    async def turn() -> Reading | Silence:
        nonlocal count
        clock.at += 10
        count += 1
        metric = counter("shop.bets", [({}, 10.0 * count)], start=sent, at=sent + 10 * count)
        await source.push(body((resource(), [metric])), is_json=False)
        clock.at += 2
        return await source.read(Query(BETS, (), "shop", "1.0.0", None, clock.at - 15, clock.at, OTLP))

    before = [await turn() for _ in range(4)][-1]
    assert isinstance(before, Reading)
    clock.at -= 3_600
    with structlog.testing.capture_logs() as told:
        after = [await turn() for _ in range(4)][-1]
    assert isinstance(after, Reading)
    assert after.canary[()].total == (10 if after.until - after.since < 15 else 20)
    assert [one["event"] for one in told] == ["otlp_clock_set_back"]


async def test_a_clock_that_is_a_little_behind_is_waited_for() -> None:
    clock = SetClock()
    source = OtlpMetrics(clock)
    await source.read(Query(BETS, (), "shop", "1.0.0", None, clock.at, clock.at, OTLP))
    for count in range(1, 4):
        clock.at += 10
        await source.push(
            body((resource(), [counter("shop.bets", [({}, count)], start=99_999, at=clock.at)])), is_json=False
        )
    clock.at -= 2
    assert await source.probe(BETS, (), "shop", "1.0.0") is None
