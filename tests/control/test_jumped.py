"""A clock that was set forward by an hour while no control plane ran: nothing is promoted early."""

import pytest
from tests.control.conftest import ANNA, PROCESS, Shop

from croupier.control.jumped import STEP_S, ask_after_jump
from croupier.control.recording import CONTROLLER
from croupier.core.releases import Release
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight

HOUR_S = 3_600.0
Baking = tuple[Shop, str]


@pytest.fixture
async def baking(bare: Shop) -> Baking:
    """A rollout that bakes for an hour at 20 %, of which a few seconds have gone. The control plane died."""
    await bare.open(steps=(SetWeight(2_000), Pause(HOUR_S), SetWeight(5_000), Pause()))
    rollout = (await bare.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value.id
    await bare.turn(4)
    assert bare.served.weight_of("1.1.0") == 2_000
    return bare, rollout


async def test_nothing_rises_before_a_person_has_looked(baking: Baking) -> None:
    shop, rollout = baking
    shop.clock.jump(HOUR_S)
    successor = shop.site("b")
    await ask_after_jump(successor.rollouts, HOUR_S)
    await shop.turn(4, site=successor)
    assert (await shop.state(rollout)).phase == "paused"
    assert shop.served.weight_of("1.1.0") == 2_000
    entry = next(each.entry for each in await shop.store.entries(limit=500) if each.entry.action == "pause")
    assert (entry.actor, entry.reason) == (
        CONTROLLER,
        "the clock was set forward by 3600 s: how long was waited cannot be told",
    )
    await ask_after_jump(successor.rollouts, HOUR_S)  # the next one begins in the middle of it
    await successor.rollouts.resume(rollout, ANNA)
    await shop.turn(4, site=successor)
    assert shop.served.weight_of("1.1.0") == 5_000


@pytest.mark.parametrize("by", [0.0, STEP_S, -HOUR_S])
async def test_a_small_correction_and_a_clock_set_back_only_make_it_wait(baking: Baking, by: float) -> None:
    shop, rollout = baking
    shop.clock.jump(by)
    successor = shop.site("b")
    await ask_after_jump(successor.rollouts, by)
    await shop.turn(5, site=successor)
    assert (await shop.state(rollout)).phase == "progressing"
    assert shop.served.weight_of("1.1.0") == 2_000


async def test_who_moved_it_meanwhile_is_not_disturbed(baking: Baking) -> None:
    shop, rollout = baking

    async def person() -> None:
        await shop.site("c").rollouts.abort(rollout, ANNA)

    shop.a.happenings.once["after rollout"] = person
    await ask_after_jump(shop.a.rollouts, HOUR_S)
    assert (await shop.state(rollout)).phase == "aborting"


async def test_a_record_that_cannot_be_read_keeps_nobody_from_starting(baking: Baking) -> None:
    """It stays out of it; the others are asked about all the same."""
    shop, rollout = baking
    await shop.start_bar()
    await shop.turn(3)
    await shop.a.catalog.apply([], [Release("bar", "2.0.0", PROCESS, "sha256:b2")], actor="anna")
    await shop.declare(RolloutSpec("bar", "bar", (SetWeight(2_000), Pause(HOUR_S))))
    other = (await shop.a.rollouts.start("bar", "2.0.0", ANNA)).rollout.value.id
    await shop.turn(3)
    assert (await shop.state(other)).phase == "progressing"
    await shop.damage(rollout)
    await ask_after_jump(shop.a.rollouts, HOUR_S)
    assert (await shop.state(other)).phase == "paused"
