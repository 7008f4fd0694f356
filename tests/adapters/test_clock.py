import json
import time
from pathlib import Path

import pytest

from croupier.adapters.clock import SystemClock, WallClock
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


@pytest.mark.parametrize("by", [3_600.0, -3_600.0])
def test_what_a_wall_clock_was_set_by_between_two_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: float
) -> None:
    noted, true_time = tmp_path / "clock.json", time.time
    first = SystemClock()
    assert first.jumped_s(noted) == 0.0, "nobody knows"
    first.note(noted)
    assert abs(SystemClock().jumped_s(noted)) < 60
    monkeypatch.setattr(time, "time", lambda: true_time() + by)
    second = SystemClock()
    assert abs(second.jumped_s(noted) - by) < 60
    assert abs(second.jumped_s(noted) - by) < 60, "until it was acted upon"
    second.note(noted)
    assert abs(SystemClock().jumped_s(noted)) < 60


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"boot": "another", "base": 0}', '{"boot": 1, "base": "x"}'])
def test_after_a_boot_nobody_knows(tmp_path: Path, said: str) -> None:
    noted = tmp_path / "clock.json"
    noted.write_text(said)
    assert SystemClock().jumped_s(noted) == 0.0
    SystemClock().note(tmp_path / "nowhere" / "clock.json")
    SystemClock().note(noted)
    assert json.loads(noted.read_text())["base"] > 0


async def test_the_wall_clock_follows_what_it_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Clock = WallClock()
    before, true_time = clock.now(), time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + 3_600)
    await clock.sleep(0.0)
    assert clock.now() - before >= 3_600
