"""The loop, turn by turn: the lease, the store away, the data plane away, workloads that fail, and who comes first."""

import asyncio
from typing import Any

import pytest

from croupier.control.ports import Commit
from croupier.control.rollouts import Ask
from croupier.core.journal.entry import Entry
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import SetWeight

BORIS = Ask("boris", "harm")


async def test_a_first_release_serves_as_soon_as_it_is_ready(shop: Any) -> None:
    assert (await shop.state("shop-1")).phase is Phase.SUCCEEDED
    assert shop.served.default == "1.0.0"
    (delivery,) = await shop.store.services()
    assert (delivery.value.stable, delivery.value.active) == ("1.0.0", None)


async def test_a_healthy_release_goes_all_the_way(shop: Any) -> None:
    rollout = await shop.roll_out()
    assert shop.served.weight_of("1.1.0") == 2_000
    await shop.turn(4)  # the gate passes at 20 %
    await shop.a.rollouts.promote(rollout, BORIS)
    await shop.turn(8)
    assert (await shop.state(rollout)).phase is Phase.SUCCEEDED
    assert shop.served.versions == ("1.1.0",)
    assert (await shop.store.verify()).ok


async def test_a_broken_release_is_rolled_back(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.metrics.break_version("1.1.0", 0.5)
    await shop.turn(10)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.gate) == (Phase.ABORTED, "ok")
    assert shop.served.weight_of("1.1.0") == 0


async def test_what_was_moved_is_confirmed_in_the_same_turn(shop: Any) -> None:
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    await shop.turn()  # starts the canary
    await shop.turn()
    assert (await shop.events("shop-2")) == ["created", "step_started", "weight_confirmed", "step_started", "paused"]


# --- the lease --------------------------------------------------------------------------------------------------------


async def test_a_second_site_stands_by_and_takes_over(shop: Any) -> None:
    rollout = await shop.roll_out()
    b = shop.site("b")
    await b.reconciler.tick()
    assert not b.reconciler.fleet
    assert b.happenings.count("apply") == 0
    await shop.turn(site=b, after=11.0)
    assert rollout in b.reconciler.fleet.rollouts
    await b.rollouts.abort(rollout, BORIS)
    await shop.turn(site=b)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


async def test_a_site_that_was_replaced_stops_at_its_next_record(shop: Any) -> None:
    rollout = await shop.roll_out()
    b = shop.site("b")
    await b.rollouts.promote(rollout, BORIS, full=True, waive=("ok",))

    async def take_over() -> None:
        await shop.turn(site=b, after=11.0)

    shop.a.happenings.once["before commit"] = take_over
    before = await shop.entries()
    await shop.a.reconciler.tick()
    assert shop.a.reconciler.fleet is None  # what it knew is worth nothing any more
    assert (await shop.state(rollout)).phase is Phase.SUCCEEDED  # by b
    assert (await shop.entries()) > before
    assert (await shop.store.verify()).ok
    applied = shop.a.happenings.count("apply")
    await shop.a.reconciler.tick()
    assert shop.a.happenings.count("apply") == applied  # it stands by


async def test_a_site_forgets_what_it_read_before_another_one_acted(shop: Any) -> None:
    rollout = await shop.roll_out()
    b = shop.site("b")
    await shop.turn(site=b, after=11.0)
    await b.rollouts.promote(rollout, BORIS, full=True, waive=("ok",))
    await shop.turn(2, site=b)
    await shop.wait(11.0)

    async def away() -> None:
        shop.a.down = True

    shop.a.happenings.once["after acquire"] = away
    await shop.a.reconciler.tick()  # holds the lease again, and cannot read
    assert shop.served.versions == ("1.1.0",)
    shop.a.down = False
    await shop.turn()
    assert shop.served.versions == ("1.1.0",)


async def test_its_own_lease_taken_anew_loses_nothing(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.wait(11.0)  # it ran out, and nobody was there

    async def away() -> None:
        shop.a.down = True

    shop.a.happenings.once["after acquire"] = away
    await shop.a.reconciler.tick()
    assert rollout in shop.a.reconciler.fleet.rollouts


async def test_the_lease_is_renewed_and_given_back(shop: Any) -> None:
    shop.a.happenings.restart()
    await shop.turn(3, after=1.0)
    assert shop.a.happenings.count("acquire") < 3
    async with shop.looping():
        pass
    b = shop.site("b")
    await b.reconciler.tick()
    assert b.reconciler.fleet is not None  # no need to wait for the lease's end


async def test_a_loop_that_never_held_the_lease_gives_none_back(shop: Any) -> None:
    b = shop.site("b")
    async with shop.looping(b):
        async with asyncio.timeout(120):
            while not b.happenings.count("acquire"):
                await asyncio.sleep(0.002)
    assert b.happenings.count("release") == 0


async def test_a_turn_that_fails_does_not_end_the_loop(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def surprise() -> None:
        raise RuntimeError("nobody thought of this")

    rollout = await shop.roll_out()
    shop.a.happenings.once["before observe"] = surprise
    async with shop.looping():
        async with asyncio.timeout(120):
            while "tick failed; going on" not in caplog.text:
                await asyncio.sleep(0.002)
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")


async def test_somebody_who_wakes_the_loop_does_not_wait_for_the_interval(shop: Any) -> None:
    rollout = await shop.roll_out()
    async with shop.looping():
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")


async def test_the_loop_turns_again_after_the_interval(shop: Any) -> None:
    rollout = await shop.roll_out()
    async with shop.looping(interval_s=5.0):
        await shop.site("b").rollouts.abort(rollout, BORIS)  # nobody tells this loop
        async with asyncio.timeout(120):
            while (await shop.state(rollout)).phase is not Phase.ABORTED:
                await shop.clock.advance(1.0)


# --- the record -------------------------------------------------------------------------------------------------------


async def test_a_person_who_is_faster_wins_and_the_loop_reads_again(shop: Any) -> None:
    rollout = (await shop.a.rollouts.start("shop", "1.1.0", BORIS)).rollout.value.id
    b = shop.site("b")
    await shop.turn()

    async def person() -> None:
        await b.rollouts.pause(rollout, BORIS)

    await shop.wait(3.0)
    shop.a.happenings.once["before commit"] = person
    await shop.a.reconciler.tick()
    assert (await shop.state(rollout)).hold == "person"
    await shop.a.reconciler.tick()
    assert (await shop.state(rollout)).weight_bp == 0
    assert shop.a.reconciler.fleet.rollouts[rollout].value.hold == "person"


async def test_what_others_record_is_noticed(shop: Any) -> None:
    rollout = await shop.roll_out()
    b = shop.site("b")
    await b.rollouts.abort(rollout, BORIS)  # wakes b, not a
    await shop.turn()
    assert (await shop.state(rollout)).phase is Phase.ABORTED


async def test_an_entry_in_between_is_not_overlooked(shop: Any) -> None:
    """Somebody else's entry lands just before ours: the journal's size alone must not hide it."""
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    await shop.turn()
    shop.a.happenings.restart()

    async def other() -> None:
        entry = Entry(shop.clock.now(), "boris", "note", "note/1", ({"type": "noted"},))
        await shop.store.commit(Commit((entry,), shop.clock.now()))

    await shop.wait(3.0)
    shop.a.happenings.once["before commit"] = other
    await shop.a.reconciler.tick()
    assert shop.a.reconciler.fleet.size < await shop.entries()
    shop.a.happenings.restart()
    await shop.turn(after=0.0)
    assert shop.a.happenings.count("active") == 1
    assert shop.a.reconciler.fleet.size == await shop.entries()


async def test_nothing_is_read_again_while_nothing_happens(shop: Any) -> None:
    await shop.turn()
    shop.a.happenings.restart()
    await shop.turn(5, after=1.0)
    assert shop.a.happenings.count("active") == 0
    assert shop.a.happenings.count("head") == 5


# --- the store says nothing, or is damaged ----------------------------------------------------------------------------


async def test_only_one_record_a_turn_uses_up_our_patience(shop: Any) -> None:
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    await shop.start_bar()
    await shop.turn()  # both are started
    shop.a.happenings.restart()
    shop.a.happenings.silent.add("commit")
    shop.a.reconciler.store_patience_s = 0.5
    await shop.turn()
    assert shop.a.happenings.count("commit") == 1


async def test_templates_of_what_ran_are_forgotten(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(30)
    assert shop.running() == {"1.0.0"}
    assert {key.version for key in shop.a.reconciler._applying._templates} == {"1.0.0"}


async def test_a_rollout_that_cannot_be_read_stops_no_other_one(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    rollout = await shop.roll_out()
    other = await shop.start_bar()
    await shop.damage(rollout)
    await shop.turn(3)
    assert f"{rollout} stays out of it, its players are on the stable version: the stored rollout" in caplog.text
    assert list(shop.a.reconciler.fleet.unreadable) == [rollout]
    assert (await shop.state(other)).phase is Phase.SUCCEEDED
    assert shop.served.versions == ("1.0.0",)  # nobody could watch the canary
    shop.a.reconciler.abort_unrecorded(shop.harm(rollout))
    await shop.turn()
    assert [intent.rollout for intent in shop.a.spool.pending()] == [rollout]  # kept until it can be recorded


async def test_what_is_over_is_forgotten(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.turn(2)
    shop.a.down = False
    gathering, unrecorded = shop.a.reconciler._gathering, shop.a.reconciler._unrecorded
    assert (list(gathering._gates), list(unrecorded._counted)) == ([rollout], [rollout])
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(2)
    other = await shop.roll_out("1.2.0")
    await shop.turn(2)
    assert (list(gathering._gates), list(unrecorded._counted)) == ([other], [])


# --- the data plane ---------------------------------------------------------------------------------------------------


async def test_a_data_plane_out_of_reach_holds_and_stops_nothing(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.router.unreachable = True
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(5, after=60.0)
    assert (await shop.state(rollout)).phase is Phase.ABORTING
    assert shop.running() == {"1.0.0", "1.1.0"}  # it may still be serving
    shop.router.unreachable = False
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


async def test_a_table_that_is_refused_changes_nothing(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    shop.router.refuses = "no listener"
    await shop.turn(5)
    found = await shop.state("shop-2")
    assert (found.weight_bp, found.confirmed_bp) == (2_000, None)
    assert shop.served.versions == ("1.0.0",)
    assert "no listener" in caplog.text
    assert "1.1.0" in shop.running()  # workloads are looked after all the same
    shop.router.refuses = None
    await shop.turn(2)
    assert (await shop.state("shop-2")).confirmed_bp == 2_000


async def test_a_data_plane_that_loses_what_it_is_told_is_told_again(shop: Any) -> None:
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    shop.router.loses = True
    await shop.turn(3)
    assert (await shop.state("shop-2")).confirmed_bp is None
    shop.router.loses = False
    await shop.turn(2)
    assert (await shop.state("shop-2")).confirmed_bp == 2_000


async def test_somebody_in_a_hurry_does_not_wait_for_a_slow_data_plane(shop: Any) -> None:
    """The push of one weight hangs; an abort meanwhile is decided, recorded and pushed."""
    rollout = await shop.roll_out()
    await shop.turn(4)
    await shop.a.rollouts.promote(rollout, BORIS)
    hangs = asyncio.Event()

    async def slow() -> None:
        hangs.set()
        await asyncio.Event().wait()

    shop.a.happenings.once["before apply"] = slow
    async with shop.looping():
        async with asyncio.timeout(120):
            await hangs.wait()
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")
    assert shop.served.weight_of("1.1.0") == 0


async def test_somebody_in_a_hurry_before_the_push(shop: Any) -> None:
    rollout = await shop.roll_out()
    table = shop.router.table

    async def person() -> None:
        await shop.a.rollouts.abort(rollout, BORIS)

    shop.a.happenings.once["after observe"] = person
    await shop.turn(after=1.0)  # no gate is due
    assert shop.router.table == table  # what was looked up is out of date: the next turn begins at once
    await shop.a.reconciler.tick()
    assert (await shop.state(rollout)).phase is Phase.ABORTED


# --- workloads --------------------------------------------------------------------------------------------------------


async def test_a_canary_that_cannot_run_is_given_up(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.workloads.crash_loop(shop.key("1.1.0"), "exit status 1")
    await shop.turn(2)
    found = await shop.state(rollout)
    assert found.abort
    assert (found.phase, found.abort.cause) == (Phase.ABORTED, "workload")
    assert "exit status 1" in found.abort.reason


async def test_a_canary_that_comes_too_late_is_given_up(bare: Any) -> None:
    await bare.open(progress_deadline_s=20.0)
    bare.workloads.ready_after_s = 1_000.0
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    await bare.turn(3, after=5.0)
    assert (await bare.state("shop-2")).phase is Phase.PENDING
    await bare.turn(3, after=5.0)
    found = await bare.state("shop-2")
    assert (found.phase, found.abort and found.abort.cause) == (Phase.ABORTED, "deadline")
    assert bare.served.versions == ("1.0.0",)


async def test_workloads_out_of_reach_do_not_stop_an_abort(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.workloads.unreachable = True
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(2)
    assert shop.served.weight_of("1.1.0") == 0
    assert shop.router.backend("shop", "player-1") == "1.0.0"
    assert (await shop.state(rollout)).phase is Phase.ABORTED


async def test_workloads_out_of_reach_hold_a_canary_back(bare: Any) -> None:
    await bare.open(steps=(SetWeight(2_000), SetWeight(5_000)), guards=())
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    await bare.turn()
    bare.workloads.unreachable = True
    await bare.turn(3)
    assert bare.served.versions == ("1.0.0",)
    bare.workloads.unreachable = False
    await bare.turn(2)
    assert (await bare.state("shop-2")).phase is Phase.SUCCEEDED


async def test_a_fresh_site_that_cannot_see_the_workloads_empties_nothing(shop: Any) -> None:
    await shop.roll_out()
    table = shop.router.table
    again = shop.site("a")
    shop.workloads.unreachable = True
    await shop.turn(2, site=again, after=11.0)
    assert shop.router.table == table


async def test_a_served_version_is_never_stopped(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.router.confirms_after_s = 500.0
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(4, after=60.0)
    assert shop.served.weight_of("1.1.0") == 2_000
    assert "1.1.0" in shop.running()
    await shop.turn(7, after=60.0)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


@pytest.mark.parametrize("ends, left", [("abort", "1.1.0"), ("promote", "1.0.0")])
async def test_a_version_that_was_left_lingers_for_a_while(bare: Any, ends: str, left: str) -> None:
    await bare.open(keep_stable_s=30.0, keep_canary_s=30.0)
    rollout = await bare.roll_out()
    if ends == "abort":
        await bare.a.rollouts.abort(rollout, BORIS)
    else:
        await bare.a.rollouts.promote(rollout, BORIS, full=True, waive=("ok",))
    await bare.turn(2)
    assert not (await bare.state(rollout)).phase.active
    assert left in bare.running()
    await bare.turn(12)
    assert bare.running() == {"1.0.0", "1.1.0"} - {left}


async def test_a_superseded_canary_is_stopped_once_nobody_is_sent_to_it(shop: Any) -> None:
    await shop.roll_out()
    await shop.a.rollouts.start("shop", "1.2.0", BORIS)
    await shop.turn(3)
    assert shop.served.versions == ("1.0.0", "1.2.0")
    assert shop.running() == {"1.0.0", "1.2.0"}


async def test_nothing_is_pushed_while_an_adopted_version_is_still_being_found(shop: Any) -> None:
    """After a restart the data plane knows where the instances are, and we do not yet."""
    await shop.roll_out()
    again = shop.site("a")
    shop.workloads.crash(shop.key("1.0.0"), 6.0)
    shop.workloads._running[shop.key("1.0.0")].was_ready = False  # found by its process, not yet by its health
    await shop.turn(site=again, after=11.0 - 8.0)
    assert again.reconciler.fleet is None  # the dead one's lease has not run out
    shop.workloads.crash(shop.key("1.0.0"), 20.0)
    await shop.turn(site=again, after=11.0)
    assert shop.router.backend("shop", None) == "1.0.0"
    assert all(backend.endpoints for backend in shop.router.table.backends)
    await shop.turn(2, site=again, after=10.0)
    assert all(backend.endpoints for backend in shop.router.table.backends)


async def test_an_abort_does_not_wait_until_the_canary_is_found(shop: Any) -> None:
    """After a restart the canary hangs: it never waits for the readiness of what it is leaving."""
    rollout = await shop.roll_out()
    again = shop.site("a")
    shop.workloads.crash(shop.key("1.1.0"), 3_600.0)
    shop.workloads._running[shop.key("1.1.0")].was_ready = False
    await shop.turn(site=again, after=11.0)
    assert shop.served.weight_of("1.1.0") == 2_000
    await again.rollouts.abort(rollout, BORIS)
    await shop.turn(2, site=again)
    assert shop.served.weight_of("1.1.0") == 0


async def test_a_version_without_a_release_is_not_run(shop: Any) -> None:
    """Something else in the data plane than we know of: it is left alone, and harms nothing."""
    runnable = await shop.a.reconciler._applying._runnable({shop.key("1.0.0"), shop.key("9.9.9")})
    assert set(runnable) == {shop.key("1.0.0")}


async def test_a_rollout_that_cannot_be_decided_stays_and_can_be_aborted(
    shop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def surprise() -> None:
        raise ZeroDivisionError("nobody thought of this")

    rollout = await shop.roll_out()
    weight = shop.served.weight_of("1.1.0")
    shop.a.happenings.once["before commit"] = surprise
    await shop.wait(30.0)
    await shop.turn(2)
    assert f"{rollout}: could not be decided; the others go on" in caplog.text
    assert shop.served.weight_of("1.1.0") == weight
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
