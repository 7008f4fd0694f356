import asyncio

import pytest

from croupier.testing import START, VirtualClock


async def test_time_passes_only_when_told() -> None:
    clock = VirtualClock()
    assert clock.now() == START
    await clock.advance(2.5)
    assert clock.now() == START + 2.5


async def test_sleepers_wake_in_the_order_of_their_deadlines_each_at_its_moment() -> None:
    clock, woken = VirtualClock(start=0.0), list[tuple[str, float]]()

    async def sleep(name: str, *spans: float) -> None:
        for span in spans:
            await clock.sleep(span)
            woken.append((name, clock.now()))

    tasks = [asyncio.create_task(sleep("slow", 5.0)), asyncio.create_task(sleep("quick", 2.0, 2.0, 2.0))]
    await clock.advance(5.5)
    assert woken == [("quick", 2.0), ("quick", 4.0), ("slow", 5.0)]
    assert clock.next_wake_s == 0.5
    await clock.advance(0.5)
    assert woken[-1] == ("quick", 6.0)
    await asyncio.gather(*tasks)
    assert clock.next_wake_s == float("inf")


async def test_no_time_is_no_wait() -> None:
    await VirtualClock().sleep(0.0)


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await clock.advance(0.5)
    task.cancel()
    await clock.advance(5.0)
    assert task.cancelled()


async def test_setting_the_clock_wakes_nobody() -> None:
    clock = VirtualClock(start=100.0)
    task = asyncio.create_task(clock.sleep(10.0))
    await clock.advance(1.0)
    clock.jump(-60.0)
    assert clock.now() == 41.0
    clock.jump(3_600.0)
    await clock.advance(8.9)
    assert not task.done()
    await clock.advance(0.2)
    assert task.done()


async def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match=r"jump\(-1\.0\)"):
        await VirtualClock().advance(-1.0)
