"""Rounds end where they began: through weights, abort, promotion, restarts, and a store that is away."""

from dataclasses import replace
from typing import Any

import pytest
from tests.control.conftest import ANNA, Shop

from croupier.control.fleet import Pinned, read_fleet
from croupier.control.pinning import GRACE_S
from croupier.control.ports.pins import Opened, PinReport
from croupier.core.releases import Affinity
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.pins import NO_PINS, Known, Open, PinnedId, Pins
from croupier.core.rollout.spec import Pause, SetWeight
from croupier.errors import Transient

OLD, NEW = "1.0.0", "1.1.0"
BOTH = Pins((OLD, NEW))
ROUNDS = Affinity((by_header("round", "x-round-id"),), ttl_s=600.0, drain_s=120.0)


@pytest.fixture
async def games(bare: Shop) -> Shop:
    """Like ``shop``; its rounds end where they began."""
    await bare.open(affinity=ROUNDS, keep_canary_s=1.0, keep_stable_s=1.0)
    return bare


async def say(
    games: Any, version: str, opened: str = "", closed: str = "", *, told: bool = True, at: float | None = None
) -> None:
    now = games.clock.now()
    begun = now if at is None else at
    rounds = [
        Opened("round", f"{id_}@{version}" if id_.startswith("r") else id_, "anna", begun) for id_ in opened.split()
    ]
    gone = [("round", f"{id_}@{version}" if id_.startswith("r") else id_) for id_ in closed.split()]
    complete = now if told else 0.0
    await games.store.report_pins([PinReport("shop", version, version, rounds, gone, complete, now, ROUNDS.ttl_s)])


async def test_while_two_versions_serve_ids_lead_to_either(games: Any) -> None:
    assert games.served.pins == NO_PINS
    rollout = await games.roll_out()
    assert games.served.pins == BOTH
    assert (await games.state(rollout)).confirmed_bp == 2_000


async def test_after_an_abort_rounds_end_where_they_began_and_then_the_version_stops(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1 r2")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn()
    state = await games.state(rollout)
    assert (state.phase, state.moved) == (Phase.ABORTED, ())
    assert games.served.weight_of(NEW) == 0
    assert games.served.pins == BOTH
    await games.turn(10)  # long after it would have been stopped
    assert games.running() == {OLD, NEW}
    await say(games, NEW, closed="r1")
    await games.turn(2)
    assert games.served.pins == BOTH
    await say(games, NEW, closed="r2")
    await games.turn(2)
    assert games.served.pins == NO_PINS
    assert games.running() == {OLD}


async def test_after_a_promotion_rounds_of_the_old_version_end_there(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, OLD, "r1")
    await games.a.rollouts.promote(rollout, ANNA, full=True, waive=("ok",))
    await games.turn(5)
    assert (await games.state(rollout)).phase is Phase.SUCCEEDED
    assert games.served.assigned == (NEW,)
    assert games.served.pins == BOTH
    assert games.running() == {OLD, NEW}
    await say(games, OLD, closed="r1")
    await games.turn(2)
    assert (games.served.pins, games.running()) == (NO_PINS, {NEW})


async def test_rounds_that_drain_for_too_long_move_and_are_listed(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1 r2")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    await games.turn(3, after=30.0)
    assert games.served.pins == BOTH
    await games.turn(3, after=15.0)
    assert games.served.pins == NO_PINS
    listed = (await games.store.pins("shop", moved_by=rollout)).items
    assert [pin.id for pin in listed] == ["r1@1.1.0", "r2@1.1.0"]
    assert listed[0].why == "still open 120 s after 1.1.0 was left"


async def test_no_id_leads_to_a_canary_whose_rollout_has_not_begun(games: Any) -> None:
    await games.a.rollouts.start("shop", NEW, ANNA)
    await say(games, NEW, "r1")
    await say(games, OLD, "r2")
    fleet = await read_fleet(games.store, 0)
    rows = {NEW: Open(1, 9.0), OLD: Open(1, 9.0)}
    assert replace(fleet, pinned={"shop": Pinned(Known(rows))}).wanted_routes("shop").pins == NO_PINS
    # Ids that led to it before go on leading to it: it is another rollout of a version that drains.
    led = Pinned(Known(rows), served=BOTH)
    assert replace(fleet, pinned={"shop": led}).wanted_routes("shop").pins == BOTH
    await games.turn(3)
    assert games.served.pins == BOTH


async def test_a_drain_is_cut_short_by_an_abort_at_once_and_its_rounds_are_listed(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1 r2")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(3)
    assert (await games.state(rollout)).phase is Phase.ABORTED
    assert games.served.pins == BOTH
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn(3)
    assert games.served.pins == NO_PINS
    listed = (await games.store.pins("shop", moved_by=rollout)).items
    assert [pin.id for pin in listed] == ["r1@1.1.0", "r2@1.1.0"]
    recorded = await games.state(rollout)
    assert (recorded.phase, recorded.abort.at_once) == (Phase.ABORTED, True)
    await games.turn(10)
    assert games.running() == {OLD}


async def test_an_abort_at_once_moves_open_rounds_and_records_them(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1 r2")
    await say(games, OLD, "r3")
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    state = await games.state(rollout)
    assert state.phase is Phase.ABORTED
    assert [(moved.version, moved.count, moved.ids) for moved in state.moved] == [(NEW, 2, ("r1@1.1.0", "r2@1.1.0"))]
    assert games.served.pins == NO_PINS
    # What is reported late was begun there, too: it does not lead anybody back.
    await say(games, NEW, "r4")
    await games.turn(2)
    assert games.served.pins == NO_PINS
    again = games.site("b")
    await say(games, NEW, "r5")
    games.a.down = True
    await games.turn(6, site=again)
    assert games.served.pins == NO_PINS
    assert len((await games.store.pins("shop", moved_by=rollout)).items) == 4


async def test_a_round_told_of_after_the_next_rollout_began_is_listed_by_the_one_that_took_it_away(
    games: Any,
) -> None:
    """It was begun in the moment of the hard stop; nothing leads back to what was given up."""
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    assert games.served.pins == NO_PINS
    await games.roll_out("1.2.0")
    await say(games, NEW, "r1")
    await games.turn(2)
    assert games.served.pins == Pins((OLD, "1.2.0"))
    assert games.served.assigned == (OLD, "1.2.0")
    (moved,) = (await games.store.pins("shop", moved_by=rollout)).items
    assert moved.id == "r1@1.1.0"
    assert games.running() == {OLD, "1.2.0"}


async def test_a_version_that_was_given_up_may_come_again(games: Any) -> None:
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    again = await games.roll_out()
    await say(games, NEW, "r1")
    await games.turn(2)
    assert games.served.pins == BOTH
    await games.a.rollouts.promote(again, ANNA, full=True, waive=("ok",))
    await games.turn(4)
    await games.a.rollouts.start("shop", "1.2.0", ANNA)
    await games.turn(3)
    assert NEW in games.served.pins.versions
    assert not (await games.store.pins("shop", moved_by=rollout)).items


@pytest.mark.parametrize("tried_again", [True, False])
async def test_a_round_told_of_after_its_version_began_again_is_listed_by_the_rollout_that_took_it_away(
    games: Any, tried_again: bool
) -> None:
    """Its next request was on the stable version, whatever comes after: those that begin now are another matter."""
    rollout = await games.roll_out()
    begun = games.clock.now()
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    if tried_again:
        await games.a.rollouts.retry(rollout, ANNA)
        await games.turn(3)
    else:
        await games.roll_out()
    await say(games, NEW, "r1", at=begun)
    await say(games, NEW, "r2")
    await games.turn(2)
    assert games.served.pins == BOTH
    (moved,) = (await games.store.pins("shop", moved_by=rollout)).items
    assert (moved.id, moved.why) == ("r1@1.1.0", "because")
    assert [pin.id for pin in (await games.store.pins("shop")).items] == ["r2@1.1.0"]
    await games.turn(2, after=40.0)
    games.a.happenings.restart()
    await games.turn(1)
    assert games.a.happenings.count("move_pins") == 0  # nobody tells of it any more


async def test_the_newest_rollout_of_a_version_is_the_one_that_was_begun_last(games: Any) -> None:
    """An older one may be tried again after a newer one was given up at once."""
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(5)
    newer = await games.roll_out()
    await games.a.rollouts.abort(newer, ANNA, at_once=True)
    await games.turn(5)
    await games.a.rollouts.retry(rollout, ANNA)
    await games.turn(3)
    await say(games, NEW, "r1")
    await games.turn()
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    assert games.served.pins == BOTH
    assert not (await games.store.pins("shop", moved_by=newer)).items


async def test_what_was_given_up_stays_so_after_others_were_promoted(games: Any) -> None:
    """Nobody starts it again for a round that is told of late."""
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    later = await games.roll_out("1.2.0")
    await games.a.rollouts.promote(later, ANNA, full=True, waive=("ok",))
    await games.turn(6)
    await games.a.rollouts.start("shop", OLD, ANNA)
    await games.turn(3)
    await say(games, NEW, "r1")
    await games.turn(2)
    assert games.running() == {OLD, "1.2.0"}
    assert [pin.id for pin in (await games.store.pins("shop", moved_by=rollout)).items] == ["r1@1.1.0"]


async def test_after_an_undo_rounds_end_where_they_began_though_nobody_has_told_of_them_yet(bare: Any) -> None:
    await bare.open(steps=(SetWeight(10_000), Pause(5.0)), affinity=ROUNDS, keep_stable_s=3_600.0)
    await bare.a.rollouts.start("shop", NEW, ANNA)
    await bare.turn(8)
    assert (bare.served.assigned, bare.served.pins) == ((NEW,), NO_PINS)
    await bare.a.rollouts.undo("shop-2", ANNA)
    await bare.a.reconciler.tick()
    assert (bare.served.assigned, bare.served.pins) == ((OLD,), BOTH)
    await bare.turn(2)
    assert bare.served.pins == NO_PINS
    assert not bare.a.reconciler._pinning._left


async def test_rounds_of_a_canary_that_was_superseded_end_there_though_it_was_given_up_before(games: Any) -> None:
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    await games.roll_out()
    await say(games, NEW, "r1")
    await games.turn()
    await games.roll_out("1.2.0")
    await games.turn(3)
    assert NEW in games.served.pins.versions
    assert NEW in games.running()


async def test_rounds_of_a_version_that_cannot_run_any_more_move_and_are_listed(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    games.workloads.crash_loop(games.key(NEW), "it crashed for good")
    await games.turn(2)
    assert (await games.state(rollout)).moved[0].ids == ("r1@1.1.0",)
    assert games.served.pins == NO_PINS


async def test_a_version_is_led_to_until_everybody_has_told_what_was_begun_there(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, told=False)
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    await say(games, NEW, told=False)
    await games.turn(1, after=GRACE_S + 1.0)
    assert games.served.pins == BOTH
    await say(games, NEW)
    await games.turn(2)
    assert games.served.pins == NO_PINS


async def test_who_died_without_telling_keeps_nobody_waiting(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, told=False)
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(6)
    assert games.served.pins == NO_PINS


async def test_a_restart_forgets_no_round(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1 o1")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    wanted = Pins((OLD, NEW), (PinnedId("round", "o1", NEW),))
    assert games.served.pins == wanted
    b = games.site("b")
    games.a.down = True
    await games.turn(8, site=b)
    assert games.served.pins == wanted
    assert games.running() == {OLD, NEW}
    await say(games, NEW, closed="r1 o1")
    await games.turn(5, site=b)
    assert (games.served.pins, games.running()) == (NO_PINS, {OLD})


async def test_ids_that_name_no_version_are_led_to_at_once_and_dropped_in_batches(games: Any) -> None:
    await games.roll_out()
    await say(games, NEW, "o1 o2")
    await games.turn()
    assert [pin.id for pin in games.served.pins.ids] == ["o1", "o2"]
    await say(games, NEW, closed="o1")
    await games.turn()
    await say(games, NEW, closed="o2", opened="o3")
    await games.turn()
    assert [pin.id for pin in games.served.pins.ids] == ["o3"]
    await say(games, NEW, opened="o4 o5")
    await games.turn(1, after=1.0)
    await say(games, NEW, closed="o4")
    await games.turn(1, after=1.0)
    assert [pin.id for pin in games.served.pins.ids] == ["o3", "o4", "o5"]
    await games.turn(2)
    assert [pin.id for pin in games.served.pins.ids] == ["o3", "o5"]


async def test_an_abort_with_the_store_away_keeps_rounds_that_were_known(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    await games.turn()
    games.a.down = True
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(3)
    assert games.served.weight_of(NEW) == 0
    assert games.served.pins == BOTH
    games.a.down = False
    await games.turn(3)
    assert (await games.state(rollout)).phase is Phase.ABORTED
    assert games.served.pins == BOTH


async def test_a_clock_that_jumps_loses_no_round(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    games.metrics.flow()
    await games.turn(3, after=86_400.0)
    assert games.served.pins == BOTH
    assert games.running() == {OLD, NEW}


async def test_a_version_that_comes_back_has_its_rounds_again(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    await games.a.rollouts.retry(rollout, ANNA)
    await games.turn(3)
    (new,) = [row for row in await games.store.open_pins(games.clock.now(), 30.0) if row.version == NEW]
    assert (new.count, new.unbound) == (1, 1)
    assert games.served.pins == BOTH


async def test_a_drained_version_that_crashes_for_good_keeps_nobody(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    games.workloads.crash_loop(games.key(NEW), "it crashed for good")
    await games.turn(2)
    assert games.served.pins == NO_PINS
    (moved,) = (await games.store.pins("shop", moved_by=rollout)).items
    assert (moved.id, moved.why) == ("r1@1.1.0", "it crashed for good")


async def test_a_slow_ledger_delays_no_abort(games: Any) -> None:
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA)
    games.a.happenings.silent.add("open_pins")
    games.a.reconciler.store_patience_s = 2.0
    await games.turn()
    assert games.served.weight_of(NEW) == 0


async def test_a_service_without_affinity_costs_no_question(shop: Any) -> None:
    await shop.roll_out()
    assert shop.a.happenings.count("open_pins") == 0
    assert shop.served.pins == NO_PINS


async def test_an_abort_at_once_without_open_rounds_records_none(games: Any) -> None:
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA, at_once=True)
    await games.turn()
    state = await games.state(rollout)
    assert (state.phase, state.moved) == (Phase.ABORTED, ())


async def test_a_clock_that_is_set_back_ends_no_grace_early(games: Any) -> None:
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn()
    pinning = games.a.reconciler._pinning
    pinning._left = {key: since + 1_000.0 for key, since in pinning._left.items()}
    await games.turn(1, after=1.0)
    assert games.served.pins == BOTH
    await games.turn(2)
    assert games.served.pins == NO_PINS


async def test_a_clock_that_was_set_forward_before_a_start_ends_no_round(games: Any) -> None:
    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn()
    await games.clock.advance(7_200.0)
    b = games.site("b", jumped_s=7_200.0)
    await games.turn(4, site=b)
    assert games.served.pins == BOTH
    assert games.running() == {OLD, NEW}
    await games.turn(4, after=35.0, site=b)
    assert games.served.pins == NO_PINS
    assert [pin.id for pin in (await games.store.pins("shop", moved_by=rollout)).items] == ["r1@1.1.0"]


async def test_a_damaged_last_rollout_stops_nobody(games: Any) -> None:
    rollout = await games.roll_out()
    await games.a.rollouts.abort(rollout, ANNA)
    await games.turn(2)
    await games.damage(rollout)
    b = games.site("b")
    games.a.down = True
    await games.turn(6, site=b)
    assert games.served.assigned == (OLD,)


async def test_a_ledger_whose_answer_is_lost_delays_no_abort(games: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def lost() -> None:
        raise Transient("the connection broke")

    rollout = await games.roll_out()
    await say(games, NEW, "r1")
    games.workloads.crash_loop(games.key(NEW), "it crashed for good")
    games.a.happenings.once["after move_pins"] = lost
    await games.turn()
    assert "the rounds that it moves are not recorded: the connection broke" in caplog.text
    assert games.served.weight_of(NEW) == 0
    await games.turn(2)
    assert (await games.state(rollout)).phase is Phase.ABORTED
    assert games.served.pins == NO_PINS
    (moved,) = (await games.store.pins("shop", moved_by=rollout)).items
    assert (moved.id, moved.why) == ("r1@1.1.0", "1.1.0 cannot run: it crashed for good")


async def test_open_rounds_are_told_by_the_site_that_acts(games: Any) -> None:
    await games.roll_out()
    await say(games, NEW, "r1 r2")
    await games.turn()
    assert [(row.version, row.count) for row in games.a.reconciler.open_rounds] == [(NEW, 2)]
    b = games.site("b")
    await b.reconciler.tick()
    assert b.reconciler.open_rounds == ()
    await games.wait(11.0)
    await say(games, NEW)
    await b.reconciler.tick()
    await games.a.reconciler.tick()
    assert [(row.version, row.count) for row in b.reconciler.open_rounds] == [(NEW, 2)]
    assert games.a.reconciler.open_rounds == ()
