"""While the store is out of reach, players are taken away from a canary, and nobody is moved towards one."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.control import conftest

from croupier.control.ports import Intent
from croupier.control.rollouts import Ask
from croupier.core.gates import Comparison, SequentialRule
from croupier.core.rollout.events import AbortStarted
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.errors import Corrupt, Rejected, Transient

BORIS = Ask("boris", "harm")
STORE = frozenset(("acquire", "head", "active", "services", "documents", "rollout", "release", "commit", "add_samples"))
"""The store's calls."""


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
    remembered = shop.a.reconciler._unrecorded.known(await shop.store.rollout(rollout))
    assert remembered.value.gate_state("ok").streaks == (((), 2),)
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


async def test_an_abort_does_not_wait_for_a_store_that_is_being_asked(shop: Any) -> None:
    """Not even for the little while that the loop gives the store."""
    rollout = await shop.roll_out()
    shop.a.reconciler.store_patience_s = 3_600.0
    shop.a.happenings.restart()
    shop.a.happenings.silent |= STORE
    async with shop.looping(), asyncio.timeout(120):
        while not shop.a.happenings.count("head"):
            await asyncio.sleep(0.002)
        shop.a.reconciler.abort_unrecorded(shop.harm(rollout))
        await shop.until_served("1.1.0", 0)
        shop.a.happenings.silent.clear()
        shop.a.reconciler.abort_unrecorded(shop.harm(rollout))  # somebody else asks the same
        await shop.until(rollout, "aborted")
    assert (await shop.events(rollout)).count("abort_started") == 1


async def test_an_abort_is_acted_on_before_the_store_is_asked(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.reconciler.store_patience_s = 3_600.0
    shop.a.happenings.silent |= STORE
    shop.a.reconciler.abort_unrecorded(shop.harm(rollout))
    turning = asyncio.ensure_future(shop.a.reconciler.tick())
    await shop.until_served("1.1.0", 0)
    assert not turning.done()
    turning.cancel()


async def test_an_abort_before_anything_was_read_waits_for_the_store(shop: Any) -> None:
    rollout = await shop.roll_out()
    fresh = shop.site("fresh")
    fresh.reconciler.abort_unrecorded(shop.harm(rollout))
    await shop.turn(2, site=fresh, after=11.0)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


async def test_an_abort_that_cannot_be_acted_on_yet_is_still_recorded(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.workloads.unreachable = shop.router.unreachable = True
    shop.a.reconciler.abort_unrecorded(shop.harm(rollout))
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
