import time

import pytest

from croupier.adapters.clock import SystemClock
from croupier.control.ports import Clock


async def test_tells_epoch_time_and_sleeps() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    assert abs(before - time.time()) < 60
    await clock.sleep(0.01)
    await clock.sleep(-1)
    assert clock.now() > before


def test_a_wall_clock_that_is_set_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before, true_time = clock.now(), time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + 3_600)
    assert 0 <= clock.now() - before < 1_800
    assert abs(clock.offset_s() - 3_600) < 60
