"""What people do: what it records, what is so already, what is refused, and what happens when somebody is faster."""

from typing import Any

import pytest

from croupier.control.ports import Answer
from croupier.control.rollouts import Ask
from croupier.core.gates import Gate, Objective, RatioSli
from croupier.core.rollout.phase import Phase
from croupier.errors import Conflict, NotFound, Rejected, Transient

ANNA = Ask("anna", "because")
BORIS = Ask("boris", "harm")


# --- steer ------------------------------------------------------------------------------------------------------------


async def test_promote_leaves_the_step_and_full_all_of_them(shop: Any) -> None:
    rollout = await shop.roll_out()
    with pytest.raises(Rejected, match="gate ok has not looked yet"):
        await shop.a.rollouts.promote(rollout, ANNA)
    await shop.turn(4)
    await shop.a.rollouts.promote(rollout, ANNA)
    await shop.turn()
    assert shop.served.weight_of("1.1.0") == 5_000
    with pytest.raises(Rejected, match="gate ok has not looked again yet"):
        await shop.a.rollouts.promote(rollout, ANNA, full=True)
    other = await shop.roll_out("1.2.0")
    await shop.turn(4)
    await shop.a.rollouts.promote(other, ANNA, full=True)
    await shop.turn()
    assert (await shop.state(other)).phase is Phase.SUCCEEDED


async def test_a_gate_is_waived_for_a_reason(shop: Any) -> None:
    rollout = await shop.roll_out()
    with pytest.raises(Rejected, match="needs a reason") as refused:
        await shop.a.rollouts.promote(rollout, Ask("anna"), waive=("ok",))
    assert "--reason" in refused.value.hint
    await shop.a.rollouts.promote(rollout, ANNA, waive=("ok",))
    assert (await shop.events(rollout))[-2:] == ["gate_waived", "step_started"]
    assert (await shop.newest()).reason == "because"


@pytest.mark.parametrize("full", [False, True])
async def test_promote_waits_for_a_canary_that_is_not_ready(shop: Any, full: bool) -> None:
    rollout = await shop.roll_out()
    await shop.turn(4)
    shop.workloads.crash(shop.key("1.1.0"), 60.0)
    before = await shop.entries()
    with pytest.raises(Conflict, match=r"1\.1\.0 is not ready: does not answer its health check yet") as refused:
        await shop.a.rollouts.promote(rollout, ANNA, full=full)
    assert "Ask again" in refused.value.hint
    shop.workloads.unreachable = True
    with pytest.raises(Conflict, match="the workloads do not answer"):
        await shop.a.rollouts.promote(rollout, ANNA, full=full)
    assert await shop.entries() == before
    shop.workloads.unreachable = False
    shop.workloads.crash(shop.key("1.1.0"), 0.0)
    await shop.a.rollouts.promote(rollout, ANNA, full=full)
    await shop.turn()
    assert shop.served.weight_of("1.1.0") > 2_000


async def test_pause_and_resume(bare: Any) -> None:
    await bare.open(guards=())
    rollout = await bare.roll_out()
    await bare.a.rollouts.resume(rollout, ANNA)
    await bare.a.rollouts.pause(rollout, ANNA)
    assert (await bare.state(rollout)).hold == "person"
    await bare.turn(3)
    assert (await bare.state(rollout)).phase is Phase.PAUSED
    await bare.a.rollouts.resume(rollout, ANNA)
    assert (await bare.state(rollout)).phase is Phase.PROGRESSING


@pytest.mark.parametrize("command", ["pause", "resume", "abort"])
async def test_what_is_so_already_records_nothing(shop: Any, command: str) -> None:
    rollout = await shop.roll_out()
    if command == "resume":
        await shop.a.rollouts.promote(rollout, ANNA, waive=("ok",))
    await getattr(shop.a.rollouts, command)(rollout, ANNA)
    before = await shop.entries()
    outcome = await getattr(shop.a.rollouts, command)(rollout, ANNA)
    assert outcome.seq is None
    assert await shop.entries() == before


async def test_an_approval_needs_a_reason_and_something_that_waits_for_it(shop: Any) -> None:
    rollout = await shop.roll_out()
    before = await shop.entries()
    with pytest.raises(Rejected, match="An approval needs a reason") as refused:
        await shop.a.rollouts.approve(rollout, Ask("boris"), digest="sha256:1")
    assert refused.value.hint == "Add --reason TEXT."
    with pytest.raises(Rejected, match="shop-2 waits for no approval"):
        await shop.a.rollouts.approve(rollout, BORIS, digest="sha256:1")
    assert await shop.entries() == before


async def test_a_person_who_saw_another_version_decides_again(shop: Any) -> None:
    rollout = await shop.roll_out()
    with pytest.raises(Conflict, match="shop-2 changed meanwhile") as refused:
        await shop.a.rollouts.abort(rollout, Ask("anna", expected=1))
    assert refused.value.hint
    seen = await shop.store.rollout(rollout)
    await shop.a.rollouts.abort(rollout, Ask("anna", expected=seen.version))
    assert (await shop.state(rollout)).phase is Phase.ABORTING


async def test_the_loop_is_faster_than_a_person(shop: Any) -> None:
    """Without an expected version the person's wish is decided again on what is recorded now."""
    rollout = await shop.roll_out()
    await shop.a.rollouts.promote(rollout, ANNA, waive=("ok",))
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.promote(rollout, BORIS)

    shop.a.happenings.once["before commit"] = other
    outcome = await shop.a.rollouts.pause(rollout, ANNA)
    assert outcome.rollout.value.hold == "person"
    assert (await shop.events(rollout))[-3:] == ["step_started", "step_started", "paused"]


async def test_a_person_who_is_always_late_gets_the_conflict(shop: Any) -> None:
    rollout = await shop.roll_out()

    async def faster() -> None:
        shop.a.happenings.once["before commit"] = faster
        raise Conflict("rollout shop-2 is at another version.")

    shop.a.happenings.once["before commit"] = faster
    with pytest.raises(Conflict):
        await shop.a.rollouts.abort(rollout, ANNA)


async def test_the_answer_is_kept_with_the_change(shop: Any) -> None:
    def keep(stored: Any) -> Answer:
        return Answer("key-1", "print", 200, f"{stored.value.id} {stored.value.phase}", shop.clock.now())

    rollout = await shop.roll_out()
    await shop.a.rollouts.abort(rollout, Ask("anna", answer=keep))
    assert (await shop.store.answer("key-1")).body == "shop-2 aborting"
    await shop.turn(2)

    def keep_start(stored: Any) -> Answer:
        return Answer("key-2", "print", 201, stored.value.id, shop.clock.now())

    await shop.a.rollouts.start("shop", "1.2.0", Ask("anna", answer=keep_start))
    assert (await shop.store.answer("key-2")).body == "shop-3"


async def test_an_unknown_rollout(shop: Any) -> None:
    with pytest.raises(NotFound, match="There is no rollout 'shop-9'"):
        await shop.a.rollouts.pause("shop-9", ANNA)


# --- abort without the store ------------------------------------------------------------------------------------------


async def test_an_abort_says_who_asked_where_no_reason_is_given(shop: Any) -> None:
    rollout = await shop.roll_out()
    outcome = await shop.a.rollouts.abort(rollout, Ask("anna"))
    assert outcome.rollout.value.abort.reason == "aborted by anna"


async def test_an_abort_without_the_store_is_for_what_is_known(shop: Any) -> None:
    await shop.roll_out()
    fresh = shop.site("fresh")
    shop.a.down = fresh.down = True
    with pytest.raises(Transient):
        await shop.a.rollouts.abort("shop-9", ANNA)
    with pytest.raises(Transient):
        await fresh.rollouts.abort("shop-2", ANNA)  # it has read nothing yet
    assert not [*shop.a.spool.pending(), *fresh.spool.pending()]


async def test_an_abort_of_another_version_waits_for_the_store(shop: Any) -> None:
    rollout = await shop.roll_out()
    seen = await shop.store.rollout(rollout)
    shop.a.down = True
    with pytest.raises(Transient):
        await shop.a.rollouts.abort(rollout, Ask("anna", expected=1))
    assert not shop.a.spool.pending()
    assert await shop.a.rollouts.abort(rollout, Ask("anna", expected=seen.version)) is None
    assert shop.a.spool.pending()


async def test_an_abort_of_what_is_being_given_up_already_needs_no_store(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.abort(rollout, ANNA)
    shop.router.unreachable = True
    await shop.turn()
    shop.a.down = True
    assert await shop.a.rollouts.abort(rollout, BORIS) is None
    assert not shop.a.spool.pending()


# --- retry ------------------------------------------------------------------------------------------------------------


async def aborted(shop: Any) -> str:
    rollout: str = await shop.roll_out()
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(2)
    return rollout


async def test_a_retry_begins_anew_with_other_players(shop: Any) -> None:
    rollout = await aborted(shop)
    await shop.a.rollouts.retry(rollout, ANNA)
    await shop.turn(3)
    found = await shop.state(rollout)
    assert (found.phase, found.attempt, found.salt) == (Phase.PAUSED, 2, "shop-2.2")
    assert shop.served.salt == "shop-2.2"
    (delivery,) = await shop.store.services()
    assert delivery.value.active == rollout


async def test_no_retry_beside_another_rollout(shop: Any) -> None:
    rollout = await aborted(shop)
    await shop.roll_out("1.2.0")
    with pytest.raises(Rejected, match="shop-3 is in progress"):
        await shop.a.rollouts.retry(rollout, ANNA)
    with pytest.raises(Rejected, match="only an aborted rollout can be retried"):
        await shop.a.rollouts.retry("shop-3", ANNA)


async def test_a_retry_does_not_take_over_from_somebody_who_was_faster(shop: Any) -> None:
    rollout = await aborted(shop)
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.start("shop", "1.2.0", BORIS)

    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Rejected, match="shop-3 is in progress"):
        await shop.a.rollouts.retry(rollout, ANNA)
    assert (await shop.state(rollout)).phase is Phase.ABORTED
    assert [item.value.id for item in await shop.store.active()] == ["shop-3"]


async def test_a_retry_is_against_what_is_stable_now(shop: Any) -> None:
    rollout = await aborted(shop)
    other = await shop.roll_out("1.2.0")
    await shop.a.rollouts.promote(other, ANNA, full=True, waive=("ok",))
    await shop.turn(2)
    outcome = await shop.a.rollouts.retry(rollout, ANNA)
    assert (outcome.rollout.value.stable, outcome.rollout.value.canary) == ("1.2.0", "1.1.0")


async def test_gates_are_those_of_the_start(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.declare(Gate("ok", RatioSli("other_total", good=()), objective=Objective(0.5)))
    assert (await shop.state(rollout)).plan.gate("ok").sli.metric == "requests_total"
