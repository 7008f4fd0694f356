"""Undo after a promotion, on the real store: one push, whatever is broken, and over restarts of the control plane."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from croupier.control.fleet import FURTHEST, read_fleet
from croupier.control.kept import with_kept
from croupier.control.ports import Intent, Stored
from croupier.control.rollouts import Ask
from croupier.core.rollout.events import AbortStarted
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import stable_routes
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight, Timing
from croupier.errors import Rejected, Transient

BORIS = Ask("boris", "deposits fail")
BACK = stable_routes("shop", "1.0.0")


@pytest.fixture
async def promoted(bare: Any) -> Any:
    """1.1.0 serves everybody, and 1.0.0 is kept for an hour."""
    await bare.open(steps=(SetWeight(10_000), Pause(5.0)), keep_stable_s=3600.0)
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    await bare.turn(8)
    assert (await bare.state("shop-2")).phase is Phase.SUCCEEDED
    assert bare.running() == {"1.0.0", "1.1.0"}
    return bare


async def test_everybody_is_back_in_one_turn_and_it_is_recorded(promoted: Any) -> None:
    outcome = await promoted.a.rollouts.undo("shop-2", BORIS)
    assert outcome.rollout.value.phase is Phase.ABORTING
    assert outcome.delivery.value.stable == "1.0.0"
    promoted.a.happenings.restart()
    await promoted.a.reconciler.tick()
    assert promoted.served == BACK
    assert (await promoted.state("shop-2")).phase is Phase.ABORTED
    (recorded,) = await promoted.store.entries(after=outcome.seq - 1, limit=1)
    assert (recorded.entry.actor, recorded.entry.action, recorded.entry.reason) == ("boris", "undo", "deposits fail")
    (delivery,) = await promoted.store.services()
    assert (delivery.value.stable, delivery.value.active) == ("1.0.0", None)


async def test_a_new_stack_that_is_broken_in_any_way_is_not_waited_for(promoted: Any) -> None:
    promoted.workloads.crash_loop(promoted.key("1.1.0"), "it crashes")
    await promoted.a.rollouts.undo("shop-2", BORIS)
    await promoted.a.reconciler.tick()
    assert promoted.served == BACK


async def test_it_needs_no_store(promoted: Any) -> None:
    promoted.a.down = True
    assert await promoted.a.rollouts.undo("shop-2", BORIS) is None
    await promoted.a.reconciler.tick()
    assert promoted.served == BACK
    promoted.a.down = False
    await promoted.turn(2)
    state = await promoted.state("shop-2")
    assert (state.phase, state.abort.reason) == (Phase.ABORTED, "deposits fail")
    assert promoted.served == BACK


@pytest.mark.parametrize("moment", ["before active", "before services", "after services"])
async def test_it_may_be_recorded_while_the_loop_is_reading(promoted: Any, moment: str) -> None:
    """Whatever the loop has read by then: nobody is moved to and fro, and the service can be delivered again."""
    promoted.a.down = True
    assert await promoted.a.rollouts.undo("shop-2", BORIS) is None
    await promoted.a.reconciler.tick()
    promoted.a.down, promoted.a.reconciler._stale = False, True
    b = promoted.site("b")
    promoted.a.happenings.once[moment] = lambda: b.rollouts.undo("shop-2", BORIS)
    for _ in range(3):
        await promoted.turn()
        assert promoted.served == BACK
    assert promoted.a.happenings.once == {}
    assert (await promoted.state("shop-2")).phase is Phase.ABORTED
    (delivery,) = await promoted.store.services()
    assert (delivery.value.stable, delivery.value.active) == ("1.0.0", None)
    await promoted.a.rollouts.start("shop", "1.1.0", BORIS)


async def test_the_record_says_since_when_it_was_acted_on(promoted: Any) -> None:
    """It was slow to come, and players were taken away meanwhile."""
    promoted.a.down = True
    assert await promoted.a.rollouts.undo("shop-2", BORIS) is None
    since = promoted.clock.now()
    await promoted.wait(2.0)
    promoted.a.down = False
    await promoted.a.rollouts.undo("shop-2", BORIS)
    assert (await promoted.state("shop-2")).abort.at == since


async def test_who_asks_again_while_it_is_being_recorded_is_not_refused(promoted: Any) -> None:
    b = promoted.site("b")
    promoted.a.happenings.once["before services"] = lambda: b.rollouts.undo("shop-2", BORIS)
    await promoted.a.rollouts.undo("shop-2", BORIS)
    assert (await promoted.state("shop-2")).phase is Phase.ABORTING


async def test_a_control_plane_that_comes_anew_keeps_what_is_kept_and_goes_back(promoted: Any) -> None:
    await promoted.store.leases.release(promoted.a.reconciler._lease)
    b = promoted.site("b")
    await promoted.turn(3, site=b)
    assert promoted.running() == {"1.0.0", "1.1.0"}  # by the record: nothing of it is in this one's memory
    b.down = True
    assert await b.rollouts.undo("shop-2", BORIS) is None
    await b.reconciler.tick()
    assert promoted.served == BACK


async def test_a_control_plane_that_comes_anew_keeps_what_was_left_before_the_last_promotion(promoted: Any) -> None:
    """1.0.0 is kept for an hour, and what the next rollout leaves for a moment only."""
    timing = Timing(keep_stable_s=1.0, keep_canary_s=1.0)
    await promoted.declare(RolloutSpec("shop", "shop", (SetWeight(10_000),), ("ok",), timing=timing))
    await promoted.a.rollouts.start("shop", "1.2.0", BORIS)
    await promoted.turn(5)
    assert (await promoted.state("shop-3")).phase is Phase.SUCCEEDED
    assert promoted.running() == {"1.0.0", "1.2.0"}
    await promoted.store.leases.release(promoted.a.reconciler._lease)
    b = promoted.site("b")
    await promoted.turn(3, site=b)
    assert promoted.running() == {"1.0.0", "1.2.0"}
    await promoted.turn(2, site=b, after=1_800.0)
    assert promoted.running() == {"1.2.0"}


async def test_killed_between_the_record_and_the_push_it_goes_back_all_the_same(promoted: Any) -> None:
    await promoted.a.rollouts.undo("shop-2", BORIS)
    await promoted.store.leases.release(promoted.a.reconciler._lease)
    b = promoted.site("b")
    await b.reconciler.tick()
    assert promoted.served == BACK


async def test_the_old_stack_goes_when_its_time_is_over(promoted: Any) -> None:
    await promoted.wait(3_600.0)
    await promoted.turn(2)
    assert promoted.running() == {"1.1.0"}
    with pytest.raises(Rejected, match="is gone"):
        await promoted.a.rollouts.undo("shop-2", BORIS)


async def test_an_old_stack_that_does_not_run_is_not_gone_back_to(promoted: Any) -> None:
    promoted.workloads.crash_loop(promoted.key("1.0.0"), "out of memory")
    with pytest.raises(Rejected, match=r"1\.0\.0 does not run: out of memory"):
        await promoted.a.rollouts.undo("shop-2", BORIS)


async def test_what_came_after_it_is_said(promoted: Any) -> None:
    with pytest.raises(Rejected, match="needs a reason"):
        await promoted.a.rollouts.undo("shop-2", Ask("boris"))
    await promoted.a.rollouts.start("shop", "1.2.0", BORIS)
    with pytest.raises(Rejected, match="shop-3 is in progress"):
        await promoted.a.rollouts.undo("shop-2", BORIS)
    await promoted.turn(8)
    assert (await promoted.state("shop-3")).phase is Phase.SUCCEEDED
    with pytest.raises(Rejected, match=r"1\.2\.0 serves shop by now, not 1\.1\.0"):
        await promoted.a.rollouts.undo("shop-2", BORIS)


async def undone_after_a_restart(promoted: Any) -> None:
    """Another control plane takes over, finds what is kept running, and goes back to it."""
    await promoted.store.leases.release(promoted.a.reconciler._lease)
    b = promoted.site("b")
    await promoted.turn(3, site=b)
    assert promoted.running() >= {"1.0.0", "1.1.0"}
    await b.rollouts.undo("shop-2", BORIS)
    await b.reconciler.tick()
    assert promoted.served == BACK


async def test_after_one_that_was_given_up_the_one_before_may_still_be_undone(promoted: Any) -> None:
    await promoted.a.rollouts.start("shop", "1.2.0", BORIS)
    await promoted.turn(1)
    await promoted.a.rollouts.abort("shop-3", BORIS)
    await promoted.turn(2)
    await undone_after_a_restart(promoted)


async def test_what_cannot_be_read_keeps_nothing_and_stops_nobody(promoted: Any) -> None:
    await promoted.damage("shop-2")
    await promoted.store.leases.release(promoted.a.reconciler._lease)
    b = promoted.site("b")
    await promoted.turn(2, site=b)
    assert promoted.served == stable_routes("shop", "1.1.0")


async def test_where_nobody_can_say_what_runs_it_goes_back(promoted: Any) -> None:
    promoted.workloads.unreachable = True
    await promoted.a.rollouts.undo("shop-2", BORIS)
    await promoted.a.reconciler.tick()
    assert promoted.served == BACK


async def test_an_undo_of_what_is_not_known_waits_for_the_store(promoted: Any) -> None:
    promoted.a.down = True
    with pytest.raises(Transient):
        await promoted.a.rollouts.undo("shop-9", BORIS)


async def test_an_abort_of_what_was_promoted_meanwhile_takes_nobody_back(promoted: Any) -> None:
    """It was asked of a rollout in progress, and waits on disk for the store."""
    state = await promoted.state("shop-2")
    promoted.a.reconciler.abort_unrecorded(Intent(state.id, AbortStarted(Cause.PERSON, "late", 0.0), "boris"))
    await promoted.turn(2)
    assert promoted.served == stable_routes("shop", "1.1.0")
    assert (await promoted.state("shop-2")).phase is Phase.SUCCEEDED


async def test_the_preview_leads_to_the_new_version_while_nobody_has_it(bare: Any) -> None:
    await bare.open(steps=(Pause(), SetWeight(10_000)))
    assert await bare.router.previewed() == {}
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    await bare.turn(3)
    assert bare.served == BACK
    assert await bare.router.previewed() == {"shop": "1.1.0"}
    await bare.a.rollouts.abort("shop-2", BORIS)
    await bare.turn(1)
    assert await bare.router.previewed() == {}


async def test_what_is_in_progress_is_aborted(bare: Any) -> None:
    await bare.open(steps=(SetWeight(10_000), Pause()))
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    await bare.turn(3)
    assert bare.served.weight_of("1.1.0") == 10_000
    await bare.a.rollouts.undo("shop-2", BORIS)
    await bare.a.reconciler.tick()
    assert bare.served == BACK
    assert (await bare.state("shop-2")).abort.cause == "person"


async def test_what_is_not_there_keeps_nothing(promoted: Any) -> None:
    """A rollout that cannot be read, and one that there should have been."""
    await promoted.damage("shop-2")
    async with promoted.store._database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM rollouts WHERE id = 'shop-1'"))
    fleet = await read_fleet(promoted.store, 0)
    assert await with_kept(promoted.store, promoted.a.reconciler._said, fleet, None) == {}


async def test_who_is_kept_is_found_behind_any_number_of_rollouts_that_came_to_nothing(promoted: Any) -> None:
    for _ in range(FURTHEST + 1):
        given_up = await promoted.a.rollouts.start("shop", "1.2.0", BORIS)
        await promoted.turn(1)
        await promoted.a.rollouts.abort(given_up.rollout.value.id, BORIS)
        await promoted.turn(2)
    await undone_after_a_restart(promoted)


async def test_a_rollout_that_ended_between_two_readings_is_read_again(promoted: Any) -> None:
    """Rollouts are read before their services: one that ended in between seems to be in progress still."""
    store, said = promoted.store, promoted.a.reconciler._said
    fleet = await read_fleet(store, 0)
    ended = await store.rollout("shop-2")
    torn = replace(fleet, rollouts={"shop-2": Stored(replace(ended.value, phase=Phase.PROMOTING), ended.version - 1)})
    assert (await with_kept(store, said, fleet, torn))["shop-2"] == ended


async def test_many_services_are_read_though_a_store_is_slow(promoted: Any) -> None:
    """Each answer comes in time, all of them together would not."""
    reconciler, asked = promoted.a.reconciler, []

    async def said(answer: Any) -> Any:
        asked.append(answer)
        return await reconciler._said(answer)

    await with_kept(promoted.store, said, await read_fleet(promoted.store, 0), None)
    assert len(asked) == 2


async def test_an_undo_that_waits_for_the_store_ends_nothing_that_came_after_it(promoted: Any) -> None:
    """Somebody else began another rollout before the undo could be recorded: that one goes on."""
    promoted.a.down = True
    assert await promoted.a.rollouts.undo("shop-2", BORIS) is None
    b = promoted.site("b")
    await b.rollouts.start("shop", "1.2.0", BORIS)
    promoted.a.down = False
    await promoted.turn(8)
    assert (await promoted.state("shop-2")).phase is Phase.SUCCEEDED
    assert (await promoted.state("shop-3")).phase is Phase.SUCCEEDED
    assert promoted.served == stable_routes("shop", "1.2.0")
    assert not promoted.a.spool.pending()
