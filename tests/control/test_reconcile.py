"""The loop, turn by turn: the lease, the store away, the data plane away, workloads that fail, and who comes first."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.control import conftest

from croupier.control.ports import Commit, Intent
from croupier.control.rollouts import Ask
from croupier.core.gates import Comparison, Counts, HardStop, RatioSli, Reading, SequentialRule
from croupier.core.journal.entry import Entry
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.core.rollout.events import AbortStarted, Cause
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight
from croupier.core.rollout.state import Phase
from croupier.errors import Corrupt, Rejected, Transient

BORIS = Ask("boris", "harm")
PROCESS = ProcessTemplate(command=("serve", "--port", "{port}"))
STORE = frozenset(("acquire", "head", "active", "services", "documents", "rollout", "release", "commit", "add_samples"))
"""The store's calls."""


def harm(shop: Any, rollout: str) -> Intent:
    return Intent(rollout, AbortStarted(Cause.PERSON, "harm", shop.clock.now()), "boris")


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
        async with asyncio.timeout(25):
            while not b.happenings.count("acquire"):
                await asyncio.sleep(0.002)
    assert b.happenings.count("release") == 0


async def test_a_turn_that_fails_does_not_end_the_loop(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def surprise() -> None:
        raise RuntimeError("nobody thought of this")

    rollout = await shop.roll_out()
    shop.a.happenings.once["before observe"] = surprise
    async with shop.looping():
        async with asyncio.timeout(25):
            while "tick failed; going on" not in caplog.text:
                await asyncio.sleep(0.002)
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")


async def test_somebody_who_wakes_the_loop_does_not_wait_for_the_interval(shop: Any) -> None:
    rollout = await shop.roll_out()
    async with shop.looping():
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")


async def test_an_abort_does_not_wait_for_a_metric_source(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.happenings.silent.add("read")
    before = shop.a.happenings.count("read")
    await shop.wait(10.0)
    async with shop.looping():
        async with asyncio.timeout(25):
            while shop.a.happenings.count("read") == before:
                await asyncio.sleep(0.002)
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")


async def test_the_loop_turns_again_after_the_interval(shop: Any) -> None:
    rollout = await shop.roll_out()
    async with shop.looping(interval_s=5.0):
        await shop.site("b").rollouts.abort(rollout, BORIS)  # nobody tells this loop
        async with asyncio.timeout(25):
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


# --- the store is away ------------------------------------------------------------------------------------------------


async def test_without_the_store_nobody_moves_towards_the_canary(shop: Any) -> None:
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    await shop.turn()
    shop.a.down = True
    await shop.turn(4)
    assert shop.served.versions == ("1.0.0",)
    assert shop.running() == {"1.0.0", "1.1.0"}
    shop.a.down = False
    await shop.turn(2)
    assert shop.served.weight_of("1.1.0") == 2_000


async def test_a_site_that_never_read_the_store_touches_nothing(shop: Any) -> None:
    await shop.roll_out()
    table, running = shop.router.table, shop.running()
    fresh = shop.site("fresh")
    fresh.down = True
    await shop.turn(3, site=fresh)
    assert fresh.happenings.names == ["before acquire"] * 3
    assert (shop.router.table, shop.running()) == (table, running)


async def test_an_abort_by_a_person_is_acted_on_and_recorded_when_the_store_is_back(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    assert await shop.a.rollouts.abort(rollout, BORIS) is None
    assert await shop.a.rollouts.abort(rollout, Ask("carla", "me too")) is None
    await shop.turn(2)
    assert shop.served.weight_of("1.1.0") == 0
    assert [intent.actor for intent in shop.a.spool.pending()] == ["boris"]
    assert (await shop.state(rollout)).phase is Phase.PAUSED
    shop.a.down = False
    await shop.turn(2)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.reason) == (Phase.ABORTED, "harm")
    assert not shop.a.spool.pending()
    assert (await shop.events(rollout)).count("abort_started") == 1
    assert shop.served.weight_of("1.1.0") == 0


async def test_an_abort_by_a_gate_needs_no_store(shop: Any) -> None:
    """Gates count on, look by look, although none of their looks can be recorded."""
    rollout = await shop.roll_out()
    shop.a.down = True
    shop.metrics.break_version("1.1.0", 0.5)
    await shop.turn(10)
    assert shop.served.weight_of("1.1.0") == 0
    assert (await shop.state(rollout)).phase is Phase.PAUSED
    shop.a.down = False
    await shop.turn(2)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.gate) == (Phase.ABORTED, "ok")
    assert (await shop.events(rollout)).count("abort_started") == 1
    assert (await shop.store.verify()).ok


async def test_a_weight_that_is_confirmed_without_the_store_is_guarded(shop: Any) -> None:
    """The store is gone between a rise and its confirmation: gates look at the new weight all the same."""
    rollout = await shop.roll_out()
    await shop.turn(4)
    await shop.a.rollouts.promote(rollout, BORIS)

    async def gone() -> None:
        shop.a.down = True

    shop.a.happenings.once["after apply"] = gone
    await shop.turn()
    assert ((await shop.state(rollout)).confirmed_bp, shop.served.weight_of("1.1.0")) == (None, 5_000)
    shop.metrics.break_version("1.1.0", 1.0)
    await shop.turn(10)
    assert shop.served.weight_of("1.1.0") == 0
    shop.a.down = False
    await shop.turn(2)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.gate) == (Phase.ABORTED, "ok")
    assert (await shop.store.verify()).ok


async def test_evidence_is_gathered_without_a_store(monkeypatch: Any, store: Any, tmp_path: Path) -> None:
    gate = replace(conftest.GATE, rule=SequentialRule(interval_s=5.0), comparison=Comparison())
    monkeypatch.setattr(conftest, "GATE", gate)
    shop = conftest.Shop(store, tmp_path)
    await shop.open()
    rollout = await shop.roll_out()
    await shop.turn(4)
    before = (await shop.state(rollout)).gate_state("ok").evidence
    shop.a.down = True
    shop.metrics.break_version("1.1.0", 0.9)
    await shop.turn(20)
    assert shop.served.weight_of("1.1.0") == 0
    assert (await shop.state(rollout)).gate_state("ok").evidence == before, "none of it is recorded"
    shop.a.down = False
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
    assert (await shop.store.verify()).ok


async def test_what_was_only_remembered_is_no_record(shop: Any) -> None:
    """Looks of an outage that came to nothing leave no trace: the record can still be rebuilt from its events."""
    rollout = await shop.roll_out()
    shop.metrics.break_version("1.1.0", 1.0)
    shop.a.down = True
    await shop.turn(2, after=5.0)
    assert shop.a.reconciler._remembered[rollout].value.gate_state("ok").streaks == (((), 2),)
    shop.a.down = False
    await shop.turn(after=1.0)
    assert (await shop.state(rollout)).gate_state("ok").streaks == ()
    await shop.turn(after=5.0)
    assert (await shop.state(rollout)).gate_state("ok").streaks == (((), 1),)
    assert (await shop.store.verify()).ok


async def test_a_store_that_fails_between_two_records(shop: Any) -> None:
    """The read works, the write does not: the abort is acted on and recorded once."""
    rollout = await shop.roll_out()
    shop.metrics.break_version("1.1.0", 1.0)

    async def away() -> None:
        raise Transient("disk full")

    for _ in range(12):
        shop.a.happenings.once["before commit"] = away
        await shop.turn()
    shop.a.happenings.once.clear()
    assert shop.served.weight_of("1.1.0") == 0
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
    assert (await shop.store.verify()).ok


async def test_an_abort_that_waits_outlives_the_process(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.a.rollouts.abort(rollout, BORIS)
    again = shop.site("a")
    await shop.turn(2, site=again, after=11.0)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.reason) == (Phase.ABORTED, "harm")
    assert not again.spool.pending()


async def test_an_abort_that_means_nothing_any_more_is_dropped(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.a.rollouts.abort(rollout, BORIS)
    b = shop.site("b")
    await b.rollouts.start("shop", "1.2.0", BORIS)
    shop.a.down = False
    await shop.turn(3)
    assert not shop.a.spool.pending()
    assert (await shop.state(rollout)).phase is Phase.SUPERSEDED
    assert shop.served.weight_of("1.2.0") == 2_000


async def test_an_abort_of_what_is_not_known_moves_nobody(shop: Any) -> None:
    await shop.roll_out()
    table = shop.router.table
    shop.a.down = True
    shop.a.reconciler.abort_unrecorded(Intent("gone-7", AbortStarted(Cause.PERSON, "harm", shop.clock.now()), "boris"))
    await shop.turn()
    assert shop.router.table == table
    shop.a.down = False
    await shop.turn()
    assert not shop.a.spool.pending()


async def test_an_abort_that_waits_beside_one_that_was_recorded(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.site("b").rollouts.abort(rollout, Ask("carla", "first"))
    await shop.turn()
    shop.a.down = False
    await shop.turn(2)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.reason) == (Phase.ABORTED, "first")
    assert not shop.a.spool.pending()


async def test_an_abort_to_be_recorded_meets_somebody_faster(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.a.rollouts.abort(rollout, BORIS)
    shop.a.down = False
    b = shop.site("b")

    async def person() -> None:
        await b.rollouts.promote(rollout, Ask("carla", "she does not know"), waive=("ok",))

    shop.a.happenings.once["before commit"] = person
    await shop.turn()
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
    assert not shop.a.spool.pending()


async def test_an_abort_to_be_recorded_by_a_site_that_was_replaced(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.a.rollouts.abort(rollout, BORIS)
    shop.a.down = False
    b = shop.site("b")

    async def take_over() -> None:
        await shop.turn(site=b, after=11.0)

    shop.a.happenings.once["before commit"] = take_over
    await shop.a.reconciler.tick()
    assert shop.a.reconciler.fleet is None
    assert [intent.rollout for intent in shop.a.spool.pending()] == [rollout]
    await shop.turn(2, after=11.0)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


# --- the store says nothing, or is damaged ----------------------------------------------------------------------------


async def test_an_abort_does_not_wait_for_a_store_that_is_being_asked(shop: Any) -> None:
    """Not even for the little while that the loop gives the store."""
    rollout = await shop.roll_out()
    shop.a.reconciler.store_patience_s = 3_600.0
    shop.a.happenings.restart()
    shop.a.happenings.silent |= STORE
    async with shop.looping(), asyncio.timeout(25):
        while not shop.a.happenings.count("head"):
            await asyncio.sleep(0.002)
        shop.a.reconciler.abort_unrecorded(harm(shop, rollout))
        await shop.until_served("1.1.0", 0)
        shop.a.happenings.silent.clear()
        shop.a.reconciler.abort_unrecorded(harm(shop, rollout))  # somebody else asks the same
        await shop.until(rollout, "aborted")
    assert (await shop.events(rollout)).count("abort_started") == 1


async def test_an_abort_is_acted_on_before_the_store_is_asked(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.reconciler.store_patience_s = 3_600.0
    shop.a.happenings.silent |= STORE
    shop.a.reconciler.abort_unrecorded(harm(shop, rollout))
    turning = asyncio.ensure_future(shop.a.reconciler.tick())
    await shop.until_served("1.1.0", 0)
    assert not turning.done()
    turning.cancel()


async def test_an_abort_before_anything_was_read_waits_for_the_store(shop: Any) -> None:
    rollout = await shop.roll_out()
    fresh = shop.site("fresh")
    fresh.reconciler.abort_unrecorded(harm(shop, rollout))
    await shop.turn(2, site=fresh, after=11.0)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


async def test_an_abort_that_cannot_be_acted_on_yet_is_still_recorded(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.workloads.unreachable = shop.router.unreachable = True
    shop.a.reconciler.abort_unrecorded(harm(shop, rollout))
    await shop.turn()
    assert (await shop.state(rollout)).phase is Phase.ABORTING


@pytest.mark.parametrize("call", sorted(STORE - {"rollout", "release"}))
async def test_a_call_that_never_ends_does_not_hold_up_a_gate(shop: Any, call: str) -> None:
    rollout = await shop.roll_out()
    shop.a.reconciler.store_patience_s = 0.01
    shop.a.reconciler._stale = True
    shop.a.happenings.silent.add(call)
    shop.metrics.break_version("1.1.0", 0.5)
    await shop.turn(10)
    assert shop.served.weight_of("1.1.0") == 0
    shop.a.happenings.silent.clear()
    shop.a.reconciler.store_patience_s = 10.0
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
    assert (await shop.store.verify()).ok


async def start_bar(shop: Any) -> str:
    """Another service's first release; the rollout's id."""
    bar = Service("bar", ("/bar",), PROCESS)
    await shop.declare(bar, RolloutSpec("bar", "bar", (SetWeight(2_000), Pause())))
    await shop.a.catalog.apply([], [Release("bar", "1.0.0", PROCESS, "sha256:b")], actor="anna")
    started: str = (await shop.a.rollouts.start("bar", "1.0.0", BORIS)).rollout.value.id
    return started


async def test_only_one_record_a_turn_uses_up_our_patience(shop: Any) -> None:
    await shop.a.rollouts.start("shop", "1.1.0", BORIS)
    await start_bar(shop)
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
    other = await start_bar(shop)
    await shop.damage(rollout)
    await shop.turn(3)
    assert f"{rollout} stays out of it, its players are on the stable version: the stored rollout" in caplog.text
    assert list(shop.a.reconciler.fleet.unreadable) == [rollout]
    assert (await shop.state(other)).phase is Phase.SUCCEEDED
    assert shop.served.versions == ("1.0.0",)  # nobody could watch the canary
    shop.a.reconciler.abort_unrecorded(harm(shop, rollout))
    await shop.turn()
    assert [intent.rollout for intent in shop.a.spool.pending()] == [rollout]  # kept until it can be recorded


@pytest.mark.parametrize("call", ["head", "commit"])
async def test_a_damaged_store_does_not_stop_an_abort(shop: Any, call: str) -> None:
    rollout = await shop.roll_out()

    async def damaged() -> None:
        shop.a.happenings.once[f"before {call}"] = damaged
        raise Corrupt("the journal's tree does not give its stored root.")

    shop.a.happenings.once[f"before {call}"] = damaged
    shop.metrics.break_version("1.1.0", 0.5)
    await shop.turn(10)
    assert shop.served.weight_of("1.1.0") == 0
    assert (await shop.state(rollout)).phase is Phase.PAUSED


async def test_what_is_over_is_forgotten(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.turn(2)
    shop.a.down = False
    memory = shop.a.reconciler
    assert (list(memory._gates), list(memory._remembered)) == ([rollout], [rollout])
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(2)
    other = await shop.roll_out("1.2.0")
    await shop.turn(2)
    assert (list(memory._gates), list(memory._remembered)) == ([other], [])


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
        async with asyncio.timeout(25):
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


async def test_metrics_out_of_reach_hold_and_are_said(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.metrics.unreachable = True
    await shop.turn(10)
    found = await shop.state(rollout)
    assert found.phase is Phase.PAUSED
    latest = found.gate_state("ok").latest
    assert latest
    assert (latest.verdict, latest.reason) == ("no_data", "the metric source does not answer")


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


PUSHED = replace(conftest.GATE, name="pushed", sli=RatioSli("pushed_total", good=(("outcome", ("ok",)),)))


def huge(said: Reading) -> Reading:
    return replace(said, canary={(): Counts(10**16, 10**16)})


def infinite(said: Reading) -> Reading:
    raise OverflowError("cannot convert float infinity to integer")


@pytest.mark.parametrize("source", [huge, infinite])
@pytest.mark.parametrize("guards", [("ok", "pushed"), ("pushed", "ok")])
async def test_one_gates_broken_source_keeps_no_other_gate_from_its_rollback(
    bare: Any, source: Callable[[Reading], Reading], guards: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    await bare.declare(PUSHED)
    await bare.open(guards=guards)
    rollout = await bare.roll_out()
    read = bare.metrics.read

    async def broken(query: Any) -> Any:
        said = await read(query)
        return source(said) if query.sli.metric == "pushed_total" and isinstance(said, Reading) else said

    bare.metrics.read = broken
    bare.metrics.break_version("1.1.0", 1.0)
    await bare.turn(20)
    found = await bare.state(rollout)
    assert found.phase is Phase.ABORTED
    assert found.abort.gate == "ok"
    assert found.gate_state("pushed").latest.verdict == "no_data"
    assert caplog.text.count("the metric source failed; its gate sees nothing") == (source is infinite)


async def test_an_abort_that_the_record_refuses_is_acted_on_all_the_same(shop: Any) -> None:
    async def refuse() -> None:
        shop.a.happenings.once["before commit"] = refuse
        raise Rejected("the event cannot be stored")

    rollout = await shop.roll_out()
    shop.workloads.crash_loop(shop.key("1.1.0"), "gone")
    await shop.wait(1.0)
    shop.a.happenings.once["before commit"] = refuse
    for _ in range(2):
        await shop.turn()
        assert shop.served.weight_of("1.1.0") == 0
        assert (await shop.state(rollout)).phase is Phase.PAUSED
    shop.a.happenings.once.clear()
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


# --- metric sources that hang -----------------------------------------------------------------------------------------


class Hanging:
    """A source whose answers about one metric come when it is ``over``."""

    def __init__(self, shop: Any, metric: str) -> None:
        self.read, self.metric, self.asked = shop.metrics.read, metric, 0
        self.over, self.spoils = asyncio.Event(), False
        shop.metrics.read = self.hang

    async def hang(self, query: Any) -> Any:
        answer = await self.read(query)
        if query.sli.metric == self.metric:
            self.asked += 1
            if self.spoils:
                whole = answer.canary[()].total
                answer = replace(answer, canary={(): Counts(0, whole)})
            await self.over.wait()
        return answer


@pytest.fixture
async def hanging(bare: Any, monkeypatch: pytest.MonkeyPatch) -> Hanging:
    """One of two guards is asked, and its source hangs."""
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.01)
    steps = (SetWeight(2_000), Pause(30.0), SetWeight(5_000), Pause())
    await bare.declare(PUSHED)
    await bare.open(guards=("ok", "pushed"), steps=steps)
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    return Hanging(bare, "pushed_total")


@pytest.mark.usefixtures("hanging")
async def test_a_gate_stops_a_canary_whatever_source_hangs(bare: Any) -> None:
    bare.metrics.break_version("1.1.0", 1.0)
    async with asyncio.timeout(60):
        await bare.turn(12)
    found = await bare.state("shop-2")
    assert (found.phase, found.abort.gate) == (Phase.ABORTED, "ok")
    assert not found.gate_state("pushed").latest


async def test_a_hard_stop_is_heard_though_the_weight_moved_while_it_was_asked_for(
    bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person goes on with a gate's last pass, and its answer that was under way is a hard stop."""
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.01)
    await bare.declare(replace(PUSHED, hard_stop=HardStop(failing=0.5)))
    await bare.open(guards=("ok", "pushed"), steps=(SetWeight(2_000), Pause(), SetWeight(5_000), Pause()))
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    source = Hanging(bare, "pushed_total")
    source.over.set()
    await bare.turn(12)
    passed = await bare.state("shop-2")
    assert all(passed.gate_state(name).passed_at is not None for name in ("ok", "pushed"))
    source.over.clear()
    source.spoils = True
    before = source.asked
    while source.asked == before:
        await bare.turn(1)
    source.spoils = False
    await bare.a.rollouts.promote("shop-2", BORIS)
    await bare.turn(2)
    moved = await bare.state("shop-2")
    assert (moved.confirmed_bp, moved.abort) == (5_000, None)
    source.over.set()
    async with bare.looping(), asyncio.timeout(30):
        while (await bare.state("shop-2")).phase is not Phase.ABORTED:
            await asyncio.sleep(0.002)
    abort = (await bare.state("shop-2")).abort
    assert (abort.gate, abort.cause) == ("pushed", Cause.HARD_STOP)
    assert all(again.agrees for again in rejudge(await bare.store.history("shop-2")))


async def test_a_source_that_hangs_keeps_no_other_rollout_waiting(bare: Any, hanging: Hanging) -> None:
    await bare.turn(5)
    bar = await start_bar(bare)
    async with asyncio.timeout(60):
        await bare.turn(3)
    assert (await bare.state(bar)).phase is Phase.SUCCEEDED
    assert hanging.asked == 1


async def test_a_late_answer_is_heard_at_once_and_only_then_the_share_rises(bare: Any, hanging: Hanging) -> None:
    await bare.turn(12)
    waiting = await bare.state("shop-2")
    assert (waiting.weight_bp, hanging.asked) == (2_000, 1)
    async with bare.looping():
        hanging.over.set()
        async with asyncio.timeout(30):
            while (await bare.state("shop-2")).weight_bp == 2_000:
                await asyncio.sleep(0.002)
    judged = [each for each in await bare.store.history("shop-2") if each.type == "gate_judged"]
    first = next(each.state.latest for each in judged if each.state.gate == "pushed")
    assert first.until < first.at
    assert all(again.agrees for again in rejudge(await bare.store.history("shop-2")))


async def test_a_source_that_hangs_after_a_pass_holds_the_weight(
    bare: Any, hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    """Its last pass counts for two intervals, as long as that of a source which answers in time."""
    hanging.over.set()
    await bare.turn(5)
    passed = (await bare.state("shop-2")).gate_state("pushed").passed_at
    assert passed
    assert bare.clock.now() - passed < 2 * conftest.RULE.interval_s
    hanging.over.clear()
    await bare.turn(12)
    held = await bare.state("shop-2")
    assert (held.weight_bp, held.gate_state("pushed").passed_at) == (2_000, passed)
    assert bare.a.reconciler.awaited("shop-2") == {"pushed"}
    assert caplog.text.count("shop-2: the share waits for gate pushed: its metric source embedded is slow") == 1
    hanging.over.set()
    async with asyncio.timeout(30):
        while (await bare.state("shop-2")).weight_bp == 2_000:
            await bare.turn(after=0.0)
    assert bare.a.reconciler.awaited("shop-2") == set()


async def test_who_only_stands_by_knows_of_no_overdue_answer(bare: Any, hanging: Hanging) -> None:
    await bare.turn(8)
    assert hanging.asked == 1
    assert bare.a.reconciler.awaited("shop-2") == {"pushed"}
    await bare.turn(site=bare.site("b"), after=11.0)
    await bare.turn()
    assert bare.a.reconciler.awaited("shop-2") == set()
    assert bare.a.reconciler.awaited("shop-99") == set()


@pytest.mark.parametrize("seed", range(3))
async def test_many_gates_of_slow_sources_rise_within_a_few_intervals(
    bare: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """There is hardly a moment at which none of them is being asked."""
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.002)
    names = [f"slow-{number}" for number in range(10)]
    await bare.declare(*(replace(conftest.GATE, name=each) for each in names))
    await bare.open(guards=names, steps=(SetWeight(2_000), Pause(15.0), SetWeight(5_000), Pause()))
    rng, read = random.Random(seed), bare.metrics.read

    async def slowly(query: Any) -> Any:
        answer = await read(query)
        await bare.clock.sleep(rng.uniform(2.0, 6.0))
        return answer

    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    bare.metrics.read = slowly
    began = bare.clock.now()
    while (await bare.state("shop-2")).weight_bp < 5_000:
        await bare.turn(after=0.5)
        assert bare.clock.now() - began < 15.0 + 10 * conftest.RULE.interval_s
    assert all(again.agrees for again in rejudge(await bare.store.history("shop-2")))


async def test_an_answer_from_before_another_site_took_over_promotes_nobody(bare: Any, hanging: Hanging) -> None:
    """It came while this site stood by: what it says is ten minutes old, however good it is."""
    await bare.turn(8)
    assert hanging.asked == 1
    await bare.turn(site=bare.site("b"), after=11.0)
    under_way = bare.a.reconciler._gates["shop-2"].under_way
    hanging.over.set()
    async with asyncio.timeout(25):
        await under_way.answered.wait()
    hanging.over.clear()
    await bare.wait(600.0)
    await bare.turn(2)
    found = await bare.state("shop-2")
    assert (found.weight_bp, found.gate_state("ok").passed_at is not None) == (2_000, True)
    assert not found.gate_state("pushed").latest
