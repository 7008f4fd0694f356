"""Flags that should be gone: warned of, reverted, listed."""

import asyncio
from typing import Any

import pytest

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

    async with asyncio.timeout(10):
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


async def test_two_planes_warn_once(plane: Any, another: Any, clock: Any) -> None:
    await plane.declare({"feature": "a", "expires_at": clock.now() + DAY})
    other = await another()
    await plane.flags.lifecycle.tick()
    assert (await other.flags.lifecycle.tick()).states == ()
    assert await told(plane, "a") == ["flag_declared", "flag_warned"]
