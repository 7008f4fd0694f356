"""In what a rollout is less careful than its profile: every field, in words, and never by what is tightened."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croupier.core.gates import Gate, Objective, RatioSli, SequentialRule
from croupier.core.gates.ready import BY_NAME
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.fill import filled, unprofiled, with_usual
from croupier.core.rollout.profile.model import HOTFIX, Chosen, Disruption, Lane, Profile, Rung, Used
from croupier.core.rollout.resolve import gate_uses, less_careful, resolve
from croupier.core.rollout.spec import (
    Approval,
    Auto,
    BlueGreen,
    Pause,
    Plan,
    RolloutSpec,
    SetSegment,
    SetWeight,
    Step,
    Timing,
)
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

SLO = Gate("slo", RatioSli("m", (("code", ("200",)),)), objective=Objective(0.99), rule=SequentialRule())
OWN = replace(SLO, name="own")
ADMINS = Consent(2, ("admin",))
LANE = Lane((Rung(100, 60.0), Rung(1_000, 600.0, Consent()), Rung(5_000, 60.0)), None, Disruption(30.0, 5_000))
PROFILE = Profile("shop", "sha256:1", LANE, (SLO,), keep_stable_s=60.0, progress_deadline_s=300.0)
TIMING = Timing(progress_deadline_s=300.0, keep_stable_s=60.0)
STEPS: tuple[Step, ...] = (
    SetWeight(100),
    Pause(60.0),
    Approval(Consent()),
    SetWeight(1_000),
    Pause(600.0),
    SetWeight(5_000),
    Pause(60.0),
)


def rollout(profile: Profile = PROFILE, without: tuple[str, ...] = (), gates: Any = (), **changed: Any) -> RolloutSpec:
    asked: dict[str, Any] = {"steps": (), "timing": TIMING, "disruption": LANE.disruption, **changed}
    return filled(RolloutSpec("shop", "shop", profile=Chosen(profile, tuple(gates), without), **asked))


def planned(spec: RolloutSpec, *gates: Gate, hotfix: bool = False) -> Plan:
    return resolve(spec, gates, (), hotfix=hotfix)


def test_what_says_nothing_is_its_profile() -> None:
    spec = rollout()
    assert spec.steps == STEPS
    plan = planned(spec)
    assert (plan.loosened, plan.consent, plan.guards) == ((), None, ("slo",))
    assert plan.profile == Used("shop", "sha256:1")
    assert plan.disruption == LANE.disruption
    assert less_careful(spec, {}, {}, {}) == ()


@pytest.mark.parametrize(
    "changed, said",
    [
        (
            {"steps": (SetWeight(200), *STEPS[1:])},
            "more than 1 % of the players after 0 s, of the profile after 1 min",
        ),
        (
            {"steps": (*STEPS[:4], Pause(300.0), *STEPS[5:])},
            "more than 10 % of the players after 6 min, of the profile after 11 min",
        ),
        (
            {"steps": (*STEPS[:2], *STEPS[3:])},
            "more than 1 % of the players, approved by 0, of the profile 1",
        ),
        ({"without": ("slo",), "guards": ("own",)}, "gate slo none, of the profile a guard"),
        ({"disruption": Disruption(10.0, 5_000)}, "disruption.between 10 s, of the profile 30 s"),
        ({"disruption": Disruption(30.0, 9_000)}, "disruption.jump 90 %, of the profile 50 %"),
        ({"disruption": None}, "disruption.between 0 s, of the profile 30 s"),
        ({"false_rollbacks": 0.001}, "falseRollbacks 0.100%, of the profile 1.000%"),
        ({"timing": replace(TIMING, keep_stable_s=30.0)}, "keepStable 30 s, of the profile 1 min"),
        ({"timing": replace(TIMING, progress_deadline_s=600.0)}, "progressDeadline 10 min, of the profile 5 min"),
    ],
)
def test_each_field_that_is_laxer_is_told_and_asks_for_an_approval(changed: dict[str, Any], said: str) -> None:
    spec = rollout(**changed)
    plan = planned(spec, OWN)
    assert said in plan.loosened
    assert plan.consent == Consent()
    told = less_careful(spec, {"own": OWN}, {}, {})
    assert any(said in problem.message for problem in told)
    assert {problem.path for problem in told} == {("spec", "profile")}


@pytest.mark.parametrize(
    "changed",
    [
        {"steps": (SetWeight(50), *STEPS[1:])},
        {"steps": (*STEPS[:4], Pause(900.0), *STEPS[5:])},
        {"steps": (*STEPS[:2], Approval(ADMINS), *STEPS[3:])},
        {"steps": (*STEPS, SetWeight(8_000), Pause(1.0))},
        {"steps": (SetWeight(100), Pause(), *STEPS[2:])},
        {"guards": ("own",)},
        {"disruption": Disruption(60.0, 5_000)},
        {"disruption": Disruption(30.0, 5_000)},
        {"false_rollbacks": 0.02},
        {"timing": replace(TIMING, keep_stable_s=90.0, progress_deadline_s=100.0)},
        {"consent": None},
    ],
)
def test_what_is_stricter_needs_nobody(changed: dict[str, Any]) -> None:
    assert planned(rollout(**changed), OWN).loosened == ()
    assert planned(rollout(**changed), OWN).consent is None


def test_a_demanded_admin_is_not_an_operator() -> None:
    lane = replace(LANE, rungs=(LANE.rungs[0], replace(LANE.rungs[1], consent=Consent(of=("admin",))), LANE.rungs[2]))
    plan = planned(rollout(replace(PROFILE, usual=lane), steps=STEPS))
    assert plan.loosened[0] == "more than 1 % of the players, approved by an operator, of the profile an admin"


def test_a_lane_that_waits_for_people_is_not_passed_by_itself() -> None:
    lane = replace(LANE, rungs=(Rung(100, float("inf")), Rung(5_000, 1.0)))
    plan = planned(rollout(replace(PROFILE, usual=lane), steps=(SetWeight(100), Pause(60.0), SetWeight(5_000))))
    assert "of the profile after a person" in plan.loosened[0]


def test_the_profile_may_ask_for_an_approval_of_every_start() -> None:
    lane = replace(LANE, consent=Consent(of=("admin",)))
    assert planned(rollout(replace(PROFILE, usual=lane))).consent == Consent(of=("admin",))
    assert planned(rollout(replace(PROFILE, usual=lane), consent=Consent(2))).consent == ADMINS
    assert planned(rollout(consent=Consent(3))).consent == Consent(3)


def test_a_gate_of_the_same_name_stands_for_the_profiles_and_is_compared() -> None:
    lax = replace(SLO, objective=Objective(0.9))
    assert planned(rollout(), lax).loosened == ("gate slo: objective.atLeast 0.9, of the profile 0.99",)
    assert planned(rollout(), replace(SLO, objective=Objective(0.999))).loosened == ()


def test_a_gate_may_stand_for_another() -> None:
    spec = rollout(gates=[("slo", "own")])
    assert spec.guards == ("own",)
    assert planned(spec, OWN).loosened == ()
    assert planned(spec, replace(OWN, advisory=True)).loosened == ("gate own: advisory 1, of the profile 0",)


def test_what_the_profile_has_not_is_said() -> None:
    spec = rollout(gates=[("slo", "own"), ("slow", "own")], without=("sloo", "slo"))
    assert [str(problem) for problem in unprofiled(spec)] == [
        "spec.profile.gates.slow: there is no gate 'slow' to stand for. The profile shop has slo.",
        "spec.profile.without[0]: there is no gate 'sloo' to leave out. The profile shop has slo.",
    ]
    assert list(unprofiled(RolloutSpec("shop", "shop", ()))) == []


def test_one_gate_of_a_profile_nobody_described_is_the_usual_one() -> None:
    assert with_usual(rollout(), {}) == {"slo": SLO}
    assert with_usual(rollout(), {"slo": OWN}) == {"slo": OWN}
    plain = RolloutSpec("shop", "shop", ())
    assert with_usual(plain, {"own": OWN}) == {"own": OWN}
    assert filled(plain) == plain
    assert less_careful(plain, {}, {}, {}) == ()


def test_what_cannot_start_is_told_by_others() -> None:
    assert less_careful(rollout(guards=("gone",)), {}, {}, {}) == ()


def test_a_share_of_a_segment_counts_as_if_everybody_were_in_it() -> None:
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    plan = planned(rollout(steps=(SetSegment(staff, 10_000), Pause(1.0), *STEPS)))
    assert plan.loosened[0] == "more than 1 % of the players after 0 s, of the profile after 1 min"


def test_to_switch_everybody_at_once_is_far_less_careful() -> None:
    asked = BlueGreen()
    spec = rollout(steps=(SetWeight(10_000), Pause(60.0)), blue_green=asked, disruption=Disruption(30.0, 10_000))
    assert len(planned(spec).loosened) >= 4


# --- the lane for hotfixes --------------------------------------------------------------------------------------------


def test_a_hotfix_goes_through_its_lane_and_the_same_guards() -> None:
    plan = planned(rollout(steps=(SetWeight(50), Pause()), guards=("own",)), OWN, hotfix=True)
    assert [step.weight_bp for step in plan.steps if isinstance(step, SetWeight)] == [100, 500, 2_500]
    assert (plan.hotfix, plan.guards, plan.disruption) == (True, ("slo", "own"), HOTFIX.disruption)
    assert (plan.loosened, plan.consent) == ((), None)


def test_a_hotfix_does_without_no_guard_unapproved() -> None:
    plan = planned(rollout(without=("slo",), guards=("own",)), OWN, hotfix=True)
    assert (plan.loosened, plan.consent) == (("gate slo none, of the profile a guard",), Consent())


def test_a_hotfix_needs_no_profile_but_a_guard() -> None:
    spec = RolloutSpec("shop", "shop", (SetWeight(50), Pause()), ("own",))
    plan = planned(spec, OWN, hotfix=True)
    assert (plan.hotfix, plan.profile, len(plan.steps)) == (True, None, 6)
    for gates, guards in (((), ()), ((replace(OWN, advisory=True),), ("own",))):
        with pytest.raises(Rejected, match="a hotfix without one would reach everybody"):
            planned(replace(spec, guards=guards), *gates, hotfix=True)


def test_weights_that_are_chosen_for_the_traffic_obey_the_budget() -> None:
    spec = rollout(steps=(Auto(weights_bp=(100, 9_000), last_bp=9_000),))
    with pytest.raises(Rejected, match="of the disruption budget"):
        planned(spec)
    assert planned(replace(spec, disruption=None)).pace is not None


@settings(max_examples=25)
@given(st.data())
def test_to_tighten_a_plan_never_needs_an_approval(data: st.DataObject) -> None:
    """Every share smaller, every hold longer, gates added: whatever is drawn of that."""
    steps: list[Step] = []
    for rung in LANE.rungs:
        steps.append(Approval(Consent(data.draw(st.integers(1, 3)))))
        share = data.draw(st.integers(max(rung.weight_bp - 50, 1), rung.weight_bp))
        steps += [SetWeight(share), Pause(rung.hold_s + data.draw(st.integers(0, 99)))]
    guards = data.draw(st.sampled_from([(), ("own",)]))
    between = 30.0 + data.draw(st.integers(0, 99))
    spec = rollout(steps=tuple(steps), guards=guards, disruption=Disruption(between, 5_100))
    only_jump = {each for each in planned(spec, OWN).loosened if "disruption.jump" not in each}
    assert not only_jump


@settings(max_examples=25)
@given(st.data())
def test_to_loosen_any_one_hold_always_does(data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([1, 4, 6]))
    step = STEPS[at]
    assert isinstance(step, Pause)
    assert step.duration_s is not None
    shorter = data.draw(st.floats(0.0, max(step.duration_s - 31.0, 0.0)))
    plan = planned(rollout(steps=(*STEPS[:at], Pause(shorter), *STEPS[at + 1 :])))
    assert plan.loosened
    assert plan.consent is not None


def test_ready_gates_are_what_profiles_name() -> None:
    assert "edge-5xx" in BY_NAME


def test_each_guard_is_found_where_it_is_named() -> None:
    """By the profile, by what stands for it, or by the rollout's own list."""
    at = dict(gate_uses(rollout(guards=("own",))))
    assert at == {
        "slo": ("spec", "profile"),
        "own": ("spec", "strategy", "canary", "analysis", "templates", 0, "templateName"),
    }
    assert dict(gate_uses(rollout(gates=[("slo", "own")]))) == {"own": ("spec", "profile", "gates", "slo")}
