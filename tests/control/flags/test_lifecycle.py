"""Flags that should be gone: warned of, reverted, listed."""

import asyncio
import contextlib
from typing import Any

import pytest

from croupier.control.flags import steps
from croupier.errors import Transient

DAY = 86_400.0
ON = {"rules": [{"rollout": 1}]}


def listed(plane: Any) -> list[tuple[str, str]]:
    return [(item.key, item.why.value) for item in plane.flags.lifecycle.stale()]


async def told(plane: Any, key: str) -> list[str]:
    return [item.entry.events[0]["type"] for item in await plane.store.entries(subject=f"flag/{key}")]


async def test_an_unrenewed_flag_warns_then_reverts_if_so_declared(plane: Any, clock: Any) -> None:
    ends = clock.now() + 30 * DAY
    await plane.declare(
        {"feature": "warns", **ON, "expires_at": ends},
        {"feature": "reverts", **ON, "expires_at": ends, "on_expiry": "revert"},
        {"feature": "trial", "type": "experiment", "expires_at": ends + 60 * DAY},
    )
    await plane.declare({"feature": "stays", "type": "ops"})
    lifecycle = plane.flags.lifecycle
    assert (await lifecycle.tick()).states == ()
    assert (await lifecycle.tick()).states == ()
    assert listed(plane) == []
    await clock.advance(17 * DAY)
    assert {state.key for state in (await lifecycle.tick()).states} == {"warns", "reverts"}
    assert (await lifecycle.tick()).states == ()
    assert listed(plane) == []
    await clock.advance(13 * DAY)
    changed = await lifecycle.tick()
    assert ({state.key for state in changed.states}, changed.version) == ({"warns", "reverts"}, 4)
    assert (plane.answer("warns"), plane.answer("reverts")) == ("on", "off")
    assert (await lifecycle.tick()).states == ()
    assert listed(plane) == [("reverts", "reverted"), ("warns", "expired"), ("warns", "full")]
    assert await told(plane, "warns") == ["flag_declared", "flag_warned", "flag_warned"]
    assert await told(plane, "reverts") == ["flag_declared", "flag_warned", "flag_reverted"]

    await plane.flags.changes.renew("reverts", clock.now() + 90 * DAY, actor="anna")
    await plane.flags.changes.renew("warns", clock.now() + 90 * DAY, actor="anna")
    assert plane.answer("reverts") == "on"
    assert set(listed(plane)) == {("reverts", "full"), ("warns", "full")}
    assert (await plane.store.verify()).ok


async def test_what_everybody_has_for_long_is_debt_if_it_was_to_be_temporary(plane: Any, clock: Any) -> None:
    await plane.declare(
        {"feature": "release", **ON, "expires_at": clock.now() + 900 * DAY},
        {"feature": "killed", **ON, "expires_at": clock.now() + 900 * DAY},
        {"feature": "part", "rules": [{"rollout": 0.5}], "expires_at": clock.now() + 900 * DAY},
        {"feature": "gone", **ON},
        {"feature": "ops", "type": "ops", **ON},
        {"feature": "right", "type": "permission", **ON},
    )
    await plane.flags.changes.kill("killed", actor="anna", reason="x")
    await plane.flags.changes.archive("gone", actor="anna")
    await clock.advance(31 * DAY)
    assert listed(plane) == [("killed", "killed"), ("release", "full")]


async def test_the_task_goes_on_through_trouble(plane: Any, clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    await plane.declare({"feature": "a", "expires_at": clock.now() + DAY})
    plane.down = True
    task = asyncio.ensure_future(plane.flags.lifecycle.run(60.0))

    async def odd() -> None:
        raise RuntimeError("odd")

    async with asyncio.timeout(120):
        while "not recorded now" not in caplog.text:
            await asyncio.sleep(0.002)
        plane.down = False
        plane.happenings.once["before commit"] = odd
        await clock.advance(60)
        while "could not be looked at" not in caplog.text:
            await asyncio.sleep(0.002)
        await clock.advance(60)
        while await told(plane, "a") != ["flag_declared", "flag_warned"]:
            await asyncio.sleep(0.002)
    task.cancel()


@contextlib.asynccontextmanager
async def living(plane: Any) -> Any:
    """The task runs."""
    task = asyncio.ensure_future(plane.flags.lifecycle.run())
    yield
    task.cancel()
    await asyncio.wait({task})


async def until(plane: Any, clock: Any, key: str, answer: str) -> None:
    """What is recorded needs a thread; virtual time stands still meanwhile."""
    async with asyncio.timeout(120):
        while plane.answer(key) != answer:
            await clock.advance(0)


async def test_a_flag_reverts_when_its_time_comes(plane: Any, clock: Any) -> None:
    ends = clock.now() + 90.5
    await plane.declare({"feature": "a", **ON, "expires_at": ends, "on_expiry": "revert"})
    async with living(plane):
        while not (await told(plane, "a"))[1:]:
            await clock.advance(0)  # it was warned of
        await clock.advance(90)
        assert plane.answer("a") == "on"
        await clock.advance(0.5)
        await until(plane, clock, "a", "off")
    assert plane.flags.book.state("a").reverted_at == ends


async def test_flags_that_are_declared_meanwhile_end_in_time_too(plane: Any, another: Any, clock: Any) -> None:
    other = await another()
    async with living(plane):
        await clock.advance(1)
        ends = clock.now() + 2
        await other.declare({"feature": "a", **ON, "expires_at": ends, "on_expiry": "revert"})
        await plane.flags.book.refresh()
        while len(await told(plane, "a")) < 2:
            await clock.advance(0)
        await clock.advance(2)
        await until(plane, clock, "a", "off")
    assert plane.flags.book.state("a").reverted_at == ends


async def test_a_renewed_flag_lives_on(plane: Any, clock: Any) -> None:
    ends = clock.now() + DAY
    await plane.declare({"feature": "a", **ON, "expires_at": ends, "on_expiry": "revert"})
    lifecycle = plane.flags.lifecycle
    await lifecycle.tick()
    for until in (ends + DAY, ends):  # there and back: one flag, once on the agenda
        await plane.flags.changes.renew("a", until, actor="anna")
        assert len((await lifecycle.tick()).states) == 1  # a warning for each renewal
    await clock.advance(DAY)
    assert [state.reverted_at for state in (await lifecycle.tick()).states] == [ends]
    assert (await lifecycle.tick()).states == ()


async def test_a_clock_that_is_set_changes_nothing_for_long(plane: Any, clock: Any) -> None:
    await plane.declare({"feature": "a", **ON, "expires_at": clock.now() + 20 * DAY, "on_expiry": "revert"})
    async with living(plane):
        await clock.advance(1)
        clock.jump(20 * DAY)
        await clock.advance(60)
        await until(plane, clock, "a", "off")


async def test_what_was_due_before_the_clock_was_set_back_waits(plane: Any, clock: Any) -> None:
    await plane.declare({"feature": "a", **ON, "expires_at": clock.now() + DAY})
    plane.down = True
    with pytest.raises(Transient):
        await plane.flags.lifecycle.tick()
    plane.down = False
    clock.jump(-40 * DAY)
    assert (await plane.flags.lifecycle.tick()).states == ()
    clock.jump(40 * DAY)
    assert len((await plane.flags.lifecycle.tick()).states) == 1


async def test_a_record_that_begins_anew_is_looked_at_as_a_whole(plane: Any, clock: Any, monkeypatch: Any) -> None:
    """As after many changes: more than are remembered one by one."""
    monkeypatch.setattr(steps, "MOST_KEYS", 4)
    await plane.flags.lifecycle.tick()
    for key in "abcd":
        await plane.declare({"feature": key, "expires_at": clock.now() + DAY})
    assert len((await plane.flags.lifecycle.tick()).states) == 4


async def test_two_planes_warn_once(plane: Any, another: Any, clock: Any) -> None:
    await plane.declare({"feature": "a", "expires_at": clock.now() + DAY})
    other = await another()
    await plane.flags.lifecycle.tick()
    assert (await other.flags.lifecycle.tick()).states == ()
    assert await told(plane, "a") == ["flag_declared", "flag_warned"]
