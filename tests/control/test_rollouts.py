"""What people do: what it records, what is so already, what is refused, and what happens when somebody is faster."""

import threading
from typing import Any

import pytest

from croupier.control import planning
from croupier.control.ports import Answer
from croupier.control.rollouts import Ask
from croupier.core.gates import Comparison, Gate, Objective, RatioSli
from croupier.core.rollout.prove import prove
from croupier.core.rollout.spec import RolloutSpec, SetWeight
from croupier.core.rollout.state import Phase
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, NotFound, Rejected, Transient

ANNA = Ask("anna", "because")
BORIS = Ask("boris", "harm")


async def newest(shop: Any) -> Any:
    (recorded,) = await shop.store.latest(1)
    return recorded.entry


async def waking(shop: Any) -> bool:
    """Whether the loop was told."""
    told: bool = shop.a.reconciler.woken
    shop.a.reconciler._urgent.clear()
    return told


# --- start ------------------------------------------------------------------------------------------------------------


async def test_a_start_is_recorded_with_who_and_why(shop: Any) -> None:
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert (outcome.rollout.value.id, outcome.rollout.version) == ("shop-2", 1)
    found = await newest(shop)
    assert (found.actor, found.action, found.subject, found.reason) == ("anna", "start", "rollout/shop-2", "because")
    assert outcome.seq == (await shop.entries()) - 1
    assert await waking(shop)


async def test_many_gates_are_tried_out_beside_the_loop(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take a third of a second, in which no abort would come through."""
    threads: list[int] = []

    def noted(*asked: Any) -> Any:
        threads.append(threading.get_ident())
        return prove(*asked)

    monkeypatch.setattr(planning, "prove", noted)
    await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    monkeypatch.setattr(planning, "_MANY", 0)
    await shop.a.rollouts.start("shop", "1.2.0", ANNA)
    ours = threading.get_ident()
    assert [thread == ours for thread in threads] == [True, False]


async def test_a_newer_release_supersedes_in_one_commit(shop: Any) -> None:
    await shop.roll_out()
    before = await shop.entries()
    shop.a.happenings.restart()
    await shop.a.rollouts.start("shop", "1.2.0", ANNA)
    assert shop.a.happenings.count("commit") == 1
    ended, started = await shop.store.entries(after=before - 1)
    assert (ended.entry.action, ended.entry.subject) == ("supersede", "rollout/shop-2")
    assert (started.entry.action, started.entry.subject) == ("start", "rollout/shop-3")
    assert (await shop.state("shop-2")).superseded_by == "shop-3"
    assert (await shop.state("shop-3")).stable == "1.0.0"
    await shop.turn(3)
    assert shop.served.versions == ("1.0.0", "1.2.0")


async def test_asking_for_the_stable_version_goes_back_to_it(shop: Any) -> None:
    rollout = await shop.roll_out()
    outcome = await shop.a.rollouts.start("shop", "1.0.0", Ask("anna"))
    assert outcome.rollout.value.id == rollout
    await shop.turn(2)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.reason) == (Phase.ABORTED, "back to 1.0.0")
    with pytest.raises(Rejected, match=r"1\.0\.0 is the stable version of shop already"):
        await shop.a.rollouts.start("shop", "1.0.0", ANNA)


async def test_going_back_to_an_older_version_is_a_rollout(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.promote(rollout, ANNA, full=True, waive=("ok",))
    await shop.turn(2)
    outcome = await shop.a.rollouts.start("shop", "1.0.0", ANNA)
    assert (outcome.rollout.value.stable, outcome.rollout.value.canary) == ("1.1.0", "1.0.0")


async def test_what_is_rolled_out_already_is_a_conflict(shop: Any) -> None:
    await shop.roll_out()
    with pytest.raises(Conflict, match=r"shop-2 rolls out shop 1\.1\.0 already"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_what_is_being_given_up_is_not_started_again_before_nobody_is_on_it(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.abort(rollout, BORIS)
    shop.a.happenings.restart()
    with pytest.raises(Conflict, match=r"shop-2 is taking every player off 1\.1\.0") as refused:
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert "croupier rollout retry shop-2" in refused.value.hint
    assert shop.a.happenings.count("release") == 1  # asking again at once would not help
    await shop.turn(2)
    await shop.a.rollouts.retry(rollout, ANNA)


@pytest.mark.parametrize(
    "service, version, strategy, said",
    [
        ("casino", "1.1.0", None, "There is no service 'casino'"),
        ("shop", "9.9.9", None, "shop has no release 9.9.9"),
        ("shop", "1.1.0", "slow", "shop has no Rollout 'slow'. It has: shop."),
    ],
)
async def test_what_does_not_exist_cannot_be_started(
    shop: Any, service: str, version: str, strategy: str | None, said: str
) -> None:
    before = await shop.entries()
    with pytest.raises(NotFound) as refused:
        await shop.a.rollouts.start(service, version, ANNA, strategy=strategy)
    assert said in str(refused.value)
    assert await shop.entries() == before


async def test_one_of_several_strategies_is_to_be_named(shop: Any) -> None:
    await shop.declare(RolloutSpec("careful", "shop", (SetWeight(100),)))
    with pytest.raises(Rejected, match="several Rollouts: careful, shop") as refused:
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert refused.value.hint == "Choose one: --strategy NAME."
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA, strategy="careful")
    assert outcome.rollout.value.plan.steps == (SetWeight(100),)


async def test_a_service_without_a_strategy(bare: Any) -> None:
    await bare.open()
    documents = bare.store.documents

    async def none(kind: str | None = None) -> list[Any]:
        return [item for item in await documents(kind) if item.value.kind != "Rollout"]

    bare.store.documents = none
    with pytest.raises(NotFound, match="No Rollout says how to roll out shop"):
        await bare.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_the_plan_holds_the_segment_and_stays_as_it_was(shop: Any) -> None:
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    await shop.declare(staff, RolloutSpec("shop", "shop", (SetWeight(5_000),), segment="staff"))
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    await shop.declare(RolloutSpec("shop", "shop", (SetWeight(100),)))
    found = await shop.state(outcome.rollout.value.id)
    assert (found.plan.segment, found.plan.steps) == (staff, (SetWeight(5_000),))


async def test_a_gate_that_can_never_see_anything_is_refused_before_anybody_is_exposed(shop: Any) -> None:
    shop.metrics.blind.add("requests_total")
    with pytest.raises(Rejected, match=r"Gate ok cannot judge shop: shop 1\.0\.0 exports no metric"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert await shop.store.rollout("shop-2") is None


async def test_a_gate_that_cannot_fail_next_to_this_stable_version_is_refused(shop: Any) -> None:
    sli = RatioSli("requests_total", good=(("outcome", ("ok",)),))
    await shop.declare(Gate("ok", sli, comparison=Comparison(max_ratio=2.0)))
    shop.metrics.break_version("1.0.0", 0.6)
    await shop.clock.advance(60.0)
    with pytest.raises(Rejected, match=r"Gate ok cannot turn red for shop: [0-9.]+ % of the stable version's own"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    await shop.declare(Gate("ok", sli, comparison=Comparison(max_ratio=2.0), advisory=True))
    await shop.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_a_first_deployment_has_nothing_to_probe(bare: Any) -> None:
    bare.metrics.blind.add("requests_total")
    await bare.open()
    assert bare.served.default == "1.0.0"


async def test_a_plan_with_a_gate_that_is_gone(shop: Any) -> None:
    await shop.declare(RolloutSpec("shop", "shop", (SetWeight(100),), guards=("nosuch",)))
    with pytest.raises(Rejected, match="there is no gate 'nosuch'"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_a_hotfix_has_a_reason_and_is_superseded_only_by_who_says_so(shop: Any) -> None:
    with pytest.raises(Rejected, match="A hotfix needs a reason") as unsaid:
        await shop.a.rollouts.start("shop", "1.1.0", Ask("anna"), hotfix=True)
    assert unsaid.value.hint == "Add --reason TEXT."
    assert await shop.store.rollout("shop-2") is None
    await shop.a.rollouts.start("shop", "1.1.0", ANNA, hotfix=True)
    with pytest.raises(Conflict, match=r"shop-2 is a hotfix in progress: 1\.1\.0") as refused:
        await shop.a.rollouts.start("shop", "1.2.0", BORIS)
    assert "--supersede" in refused.value.hint
    assert (await shop.state("shop-2")).phase.active
    await shop.a.rollouts.start("shop", "1.2.0", BORIS, supersede=True)
    assert (await shop.state("shop-2")).superseded_by == "shop-3"


async def test_two_people_start_at_once(shop: Any) -> None:
    """The second one's decision is made again on what the first one did."""
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.start("shop", "1.2.0", BORIS)

    shop.a.happenings.once["before commit"] = other
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert outcome.rollout.value.id == "shop-3"
    assert (await shop.state("shop-2")).phase is Phase.SUPERSEDED


async def test_two_people_start_the_same(shop: Any) -> None:
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.start("shop", "1.1.0", BORIS)

    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert await shop.store.rollout("shop-3") is None


async def test_somebody_who_is_never_fast_enough_gets_told(shop: Any) -> None:
    b = shop.site("b")
    versions = ["1.1.0", "1.2.0"]

    async def other() -> None:
        versions.reverse()
        shop.a.happenings.once["before commit"] = other
        await b.rollouts.start("shop", versions[0], BORIS)

    await shop.declare(releases=("1.3.0",))
    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict):
        await shop.a.rollouts.start("shop", "1.3.0", ANNA)


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
    assert (await newest(shop)).reason == "because"


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
