"""One segment held and released by people: on the data plane, without the store, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from croupier.adapters.store.spool import FileSpool
from croupier.control.ports import Intent
from croupier.control.rollouts import Ask
from croupier.control.whom import Whom, meant
from croupier.core.rollout.events import AbortStarted, SegmentHeld
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Rejected, Transient

ANNA = Ask("anna", "because")
EMPLOYEES = Whom(match=(("employee", ("yes",)),))
STAFF = Segment("employee=yes", (AttributeMatch("employee", ("yes",)),))


def held(shop: Any) -> bool:
    first = shop.served.shares[0]
    return first.segment == STAFF and dict(first.weights) == {"1.0.0": 10_000}


async def test_they_are_seen_to_have_the_stable_version_and_the_others_the_new_one(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.hold(rollout, ANNA, EMPLOYEES)
    await shop.turn()
    assert held(shop)
    assert shop.served.weight_of("1.1.0") == 2_000
    assert (await shop.events(rollout))[-1] == "weight_confirmed"
    with pytest.raises(Rejected, match="cannot be released"):
        await shop.a.rollouts.release(rollout, ANNA, EMPLOYEES)
    await shop.turn(4)  # the gate passes anew
    await shop.a.rollouts.release(rollout, ANNA, EMPLOYEES)
    await shop.turn()
    assert not held(shop)
    assert (await shop.store.verify()).ok


async def test_without_the_store_they_are_taken_away_and_it_is_recorded_later(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    assert await shop.a.rollouts.hold(rollout, ANNA, EMPLOYEES) is None
    await shop.turn()
    assert held(shop)
    assert shop.served.weight_of("1.1.0") == 2_000, "only they"
    with pytest.raises(Transient):
        await shop.a.rollouts.release(rollout, ANNA, EMPLOYEES)
    with pytest.raises(Transient):
        await shop.a.rollouts.hold("shop-9", ANNA, EMPLOYEES)
    with pytest.raises(Transient):
        await shop.a.rollouts.hold(rollout, Ask("anna", "x", expected=1), EMPLOYEES)
    shop.a.down = False
    await shop.turn(2)
    assert held(shop)
    assert not shop.a.spool.pending()
    (entry,) = [found.entry for found in await shop.store.latest(3) if found.entry.action == "hold"]
    assert (entry.actor, entry.reason) == ("anna", "because")


async def test_an_abort_outranks_a_hold_that_waits(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.down = True
    await shop.a.rollouts.hold(rollout, ANNA, EMPLOYEES)
    await shop.a.rollouts.abort(rollout, ANNA)
    await shop.turn()
    assert shop.served.weight_of("1.1.0") == 0
    shop.a.down = False
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
    assert not shop.a.spool.pending()


@pytest.mark.parametrize(
    "whom, reason, said",
    [
        (EMPLOYEES, "", "Holding a segment needs a reason."),
        (Whom("vip"), "x", "There is no segment 'vip'."),
        (Whom(match=(("brand", ("a",)),)), "x", "which no header of shop carries"),
        (Whom(match=(("employee", (" yes",)),)), "x", "can be in no request"),
    ],
)
async def test_what_is_refused(shop: Any, whom: Whom, reason: str, said: str) -> None:
    rollout = await shop.roll_out()
    with pytest.raises(Rejected, match=said):
        await shop.a.rollouts.hold(rollout, Ask("anna", reason), whom)


def test_whom_is_said_once() -> None:
    with pytest.raises(Rejected, match="exactly one of segment and match"):
        Whom()
    with pytest.raises(Rejected, match="exactly one of segment and match"):
        Whom("se", EMPLOYEES.match)


async def test_a_declared_segment_that_no_step_names(shop: Any) -> None:
    rollout = await shop.roll_out()
    state = await shop.state(rollout)
    vips = Segment("vips", STAFF.matches)
    assert meant(Whom("vips"), state, [STAFF, vips]) == vips
    await shop.a.rollouts.hold(rollout, ANNA, EMPLOYEES)
    state = await shop.state(rollout)
    assert meant(EMPLOYEES, state, [vips]) == STAFF, "the one that is held so"


async def test_a_canary_that_is_not_ready_takes_no_more_players(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.hold(rollout, ANNA, EMPLOYEES)
    await shop.turn(6)
    shop.workloads.unreachable = True
    with pytest.raises(Conflict, match="is not ready"):
        await shop.a.rollouts.release(rollout, ANNA, EMPLOYEES)


def test_the_spool_keeps_an_abort_and_each_segments_hold(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path / "aborts.jsonl")
    hold = Intent("shop-1", SegmentHeld(STAFF, "harm", 1.5), "anna")
    abort = Intent("shop-1", AbortStarted(Cause.PERSON, "harm", 2.5), "anna")
    for intent in (hold, abort, hold):
        spool.add(intent)
    assert FileSpool(tmp_path / "aborts.jsonl").pending() == (hold, abort)
    spool.remove("shop-1")
    assert spool.pending() == (hold,)
    spool.remove("shop-1/employee=yes")
    assert spool.pending() == ()
