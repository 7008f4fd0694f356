"""Approval: of exactly one digest, by other people, each once; nothing goes on before it, and giving up never waits."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.approval import approve, digest, for_whom, missing, wanted
from croupier.core.rollout.consent import Consent, people
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.explain import describe_event, describe_step
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.notices import Kind, happened
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Approval, Pause, Plan, SetWeight, Timing
from croupier.core.rollout.state import RolloutState, routes, versions_needed
from croupier.errors import Conflict, CroupierError, Rejected

T = 1_000.0
PLAN = Plan(steps=(SetWeight(500), Approval(Consent(2)), SetWeight(5_000)), guards=(), gates=(), consent=Consent())


def asked_for(plan: Plan = PLAN, **changed: Any) -> RolloutState:
    created = e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", plan, T, "anna")
    return create(replace(created, **changed))


def folded(state: RolloutState, events: tuple[e.Event, ...]) -> RolloutState:
    for event in events:
        state = evolve(state, event)
    return state


def approved(state: RolloutState, actor: str, role: str = "operator") -> RolloutState:
    return folded(state, approve(state, T + 5, actor=actor, role=role, of=digest(state)))


def served(state: RolloutState, now: float, *, ready: bool = True) -> RolloutState:
    """After a look at which everything wanted is seen to be so."""
    return folded(state, decide(state, Evidence(canary_ready=ready, served=routes(state)), now))


def test_it_waits_with_nothing_running_and_nobody_moved() -> None:
    state = asked_for()
    assert (state.phase, state.hold, state.unapproved) == (Phase.PAUSED, Hold.APPROVAL, True)
    assert versions_needed(state) == ("1.0.0",)
    assert routes(state).weight_of("1.1.0") == 0
    assert decide(state, Evidence(canary_ready=True, served=routes(state)), T + 1e9) == ()
    said = explain(state, T)
    assert said == "waiting for an approval by one operator or admin other than anna"


def test_the_time_to_become_ready_begins_with_the_approval() -> None:
    state = approved(asked_for(), "boris")
    assert (state.phase, state.started_at, state.hold) == (Phase.PROGRESSING, T + 5, None)
    assert versions_needed(state) == ("1.0.0", "1.1.0")
    deadline = Timing().progress_deadline_s
    assert not decide(state, Evidence(), T + deadline + 1)
    (given_up,) = decide(state, Evidence(), T + 5 + deadline)
    assert isinstance(given_up, e.AbortStarted)


def test_a_step_waits_for_so_many_different_people() -> None:
    state = served(approved(asked_for(), "boris"), T + 10)
    state = served(state, T + 11)
    assert (state.phase, state.hold, state.step) == (Phase.PAUSED, Hold.APPROVAL, 1)
    assert missing(state) == 2
    state = approved(state, "boris")
    assert approve(state, T, actor="BORIS", role="admin", of=digest(state)) == ()
    assert for_whom(state) == "2 different operators or admins other than anna (boris approved)"
    assert explain(state, T).endswith("other than anna (boris approved) to go on from 5 %")
    state = approved(state, "clara")
    assert state.phase is Phase.PROGRESSING
    state = served(state, T + 12)
    assert state.weight_bp == 5_000


@pytest.mark.parametrize("name", ["anna", "Anna", " anna "])
def test_who_started_it_does_not_approve(name: str) -> None:
    state = asked_for()
    with pytest.raises(Rejected, match="started shop-2: somebody else must approve it"):
        approve(state, T, actor=name, role="admin", of=digest(state))


def test_the_role_counts() -> None:
    state = asked_for(replace(PLAN, consent=Consent(of=("admin",))))
    with pytest.raises(Rejected, match="boris is operator; shop-2 waits for one admin"):
        approve(state, T, actor="boris", role="operator", of=digest(state))
    assert approved(state, "boris", "admin").phase is Phase.PROGRESSING


def test_what_waits_for_nothing_is_not_approved() -> None:
    state = create(replace(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "d", replace(PLAN, consent=None), T)))
    assert wanted(state) is None
    assert missing(state) == 0
    with pytest.raises(Rejected, match="waits for no approval"):
        approve(state, T, actor="boris", role="admin", of=digest(state))


def test_nobody_gets_past_it_otherwise() -> None:
    waiting = asked_for()
    for ask in (commands.promote, commands.resume):
        with pytest.raises(Rejected, match="needs an approval by somebody who did not start it") as refused:
            ask(waiting, T)
        assert "rollout approve shop-2" in refused.value.hint
    assert commands.pause(waiting, T) == ()
    going = served(approved(waiting, "boris"), T + 10)
    with pytest.raises(Rejected, match="needs an approval"):
        commands.promote(going, T, full=True)
    before = replace(approved(waiting, "boris"), step=0, weight_bp=500, confirmed_bp=500, confirmed_at=T)
    with pytest.raises(Rejected, match="step 2 needs an approval") as skipped:
        commands.promote(before, T, full=True)
    assert skipped.value.hint == "Promote it step by step up to there."
    assert commands.promote(before, T) == (e.StepStarted(1, T),)


def test_giving_up_waits_for_nobody() -> None:
    state = folded(asked_for(), commands.abort(asked_for(), T, reason="no"))
    assert state.phase is Phase.ABORTING
    assert served(state, T + 1).phase is Phase.ABORTED


def test_a_retry_needs_a_fresh_one() -> None:
    state = approved(asked_for(), "boris")
    old = digest(state)
    state = folded(state, commands.abort(state, T, reason="no"))
    state = served(state, T + 1)
    state = folded(state, commands.retry(state, T + 2, stable="1.0.0", by="clara"))
    assert (state.phase, state.hold, state.approvals) == (Phase.PAUSED, Hold.APPROVAL, ())
    assert state.starters == ("anna", "clara")
    with pytest.raises(Conflict, match="is not what you looked at"):
        approve(state, T, actor="boris", role="operator", of=old)
    for starter in state.starters:
        with pytest.raises(Rejected, match="somebody else"):
            approve(state, T, actor=starter, role="operator", of=digest(state))
    assert approved(state, "boris").phase is Phase.PROGRESSING


CHANGES: dict[str, Any] = {
    "id": "shop-3",
    "stable": "1.0.1",
    "canary": "1.1.1",
    "canary_digest": "sha256:2",
    "attempt": 2,
    "step": 1,
    "plan": replace(PLAN, steps=(SetWeight(501), *PLAN.steps[1:])),
}


@given(st.sampled_from(sorted(CHANGES)))
def test_an_approval_is_for_one_digest(field: str) -> None:
    state = asked_for()
    changed = replace(state, **{field: CHANGES[field]})
    assert digest(changed) != digest(state)
    with pytest.raises(Conflict):
        approve(changed, T, actor="boris", role="admin", of=digest(state))


def test_the_digest_survives_what_does_not_matter() -> None:
    """Whole seconds may be read back as a float or as a whole number."""
    one, other = (asked_for(replace(PLAN, steps=(Pause(seconds),))) for seconds in (300, 300.0))
    assert digest(one) == digest(other)


@given(
    st.lists(
        st.tuples(st.sampled_from(["anna", "Boris", "boris", "clara", "dora"]), st.sampled_from(["operator", "admin"]))
    )
)
def test_it_never_begins_without_enough_other_people(asking: list[tuple[str, str]]) -> None:
    state = asked_for(replace(PLAN, consent=Consent(2, ("admin",))))
    others: set[str] = set()
    for actor, role in asking:
        try:
            state = folded(state, approve(state, T, actor=actor, role=role, of=digest(state)))
        except CroupierError:
            continue
        others.add(actor.casefold())
    assert "anna" not in others
    assert (state.phase is Phase.PAUSED) == (len(others) < 2)
    assert (state.canary in versions_needed(state)) == (len(others) >= 2)


def test_people_are_told_whom_it_waits_for() -> None:
    created = e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", PLAN, T, "anna")
    state = create(created)
    done = approve(state, T + 1, actor="boris", role="operator", of=digest(state), reason="fine")
    again = e.Retried("1.0.0", 2, T + 2, by="anna")
    told, _ = happened([created, *done, again], state, "anna", "entry", frozenset())
    waits = "it waits for an approval by one operator or admin"
    assert [(notice.kind, notice.summary.removeprefix("shop-2 (shop 1.1.0): ")) for notice in told] == [
        (Kind.WAITING, f"rollout of shop 1.1.0 asked for; 1.0.0 serves now; {waits}"),
        (Kind.APPROVED, "boris (operator) approved of the rollout"),
        (Kind.RESUMED, "resumed"),
        (Kind.WAITING, f"started again from the first step, attempt 2; {waits}"),
    ]
    assert told[1].reason == "fine"


def test_it_is_said_in_words() -> None:
    assert describe_step(Approval(Consent(of=("admin",)))) == "approval by one admin"
    assert describe_event(e.Paused(Hold.APPROVAL, T)) == "paused by its step: waiting for an approval"
    after = e.Approved("boris", "admin", "sha256:1", 1, T)
    assert describe_event(after) == "boris (admin) approved of going on after step 2"
    assert describe_event(e.Retried("1.0.0", 2, T)) == "started again from the first step, attempt 2"
    hotfix = replace(PLAN, hotfix=True, consent=None)
    asked = e.Created("shop-2", "shop", "1.0.0", "1.1.0", "d", hotfix, T)
    assert describe_event(asked) == "hotfix of shop 1.1.0 asked for; 1.0.0 serves now"


def test_a_hotfix_in_progress_is_kept_unless_told() -> None:
    state = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "d", replace(PLAN, hotfix=True), T))
    kept = commands.not_superseded(state, told=False)
    assert kept is not None
    assert "--supersede" in kept.hint
    assert commands.not_superseded(state, told=True) is None
    leaving = folded(state, commands.abort(state, T, reason="no"))
    assert commands.not_superseded(leaving, told=False) is None
    assert commands.not_superseded(asked_for(), told=False) is None


ASKED = ("look", "look", "look", "promote", "full", "pause", "resume", "anna", "boris", "clara", "abort", "retry")


@given(st.lists(st.sampled_from(ASKED), max_size=25))
def test_whatever_people_try_nobody_is_moved_before_the_approvals(tries: list[str]) -> None:
    """Invariant 9: in any order of looks, commands and approvals, also after an abort and a retry."""
    state, now = asked_for(), T
    for ask in tries:
        now += 20.0
        with suppress(CroupierError):
            state = folded(state, _done(state, ask, now))
        agreed = set(people(state.approvals, -1))
        if state.exposing or state.canary in versions_needed(state):
            assert agreed - set(state.starters)
        if state.weight_bp > 500:
            assert len({*people(state.approvals, 1)} - set(state.starters)) >= 2
        if ask == "abort":
            assert not state.exposing


def _done(state: RolloutState, ask: str, now: float) -> tuple[e.Event, ...]:
    match ask:
        case "look":
            return decide(state, Evidence(canary_ready=True, served=routes(state)), now)
        case "promote" | "full":
            return commands.promote(state, now, full=ask == "full")
        case "pause":
            return commands.pause(state, now)
        case "resume":
            return commands.resume(state, now)
        case "abort":
            return commands.abort(state, now, reason="no")
        case "retry":
            return commands.retry(state, now, stable="1.0.0", by="anna")
        case _:
            return approve(state, now, actor=ask, role="admin", of=digest(state))
