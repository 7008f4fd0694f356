"""Steps by weight, and how long each weight takes."""

import math

import pytest

from croupier.core.gates import ClassicRule, Gate, Objective, RatioSli, SequentialRule
from croupier.core.gates.forecast.passing import Passing
from croupier.core.rollout.outlook.stages import lasts, stages
from croupier.core.rollout.spec import Analysis, Pause, Plan, SetSegment, SetWeight, Step
from croupier.core.segments import AttributeMatch, Segment

SLI = RatioSli("requests_total", good=(("code", ("2xx",)),))
OK = Gate("ok", SLI, objective=Objective(0.99), rule=ClassicRule())
EVIDENCE = Gate("evidence", SLI, objective=Objective(0.99), rule=SequentialRule())
ADVICE = Gate("advice", SLI, objective=Objective(0.99), advisory=True)
PASSES = {"ok": Passing(10, 40), "evidence": Passing(60, 90), "advice": Passing(10, math.inf)}


def plan(*steps: Step, guards: tuple[str, ...] = ("ok",)) -> Plan:
    return Plan(steps, guards, (OK, EVIDENCE, ADVICE))


def test_a_stage_is_everything_at_one_weight() -> None:
    found = stages(plan(Pause(5), SetWeight(500), Pause(60), Analysis(("ok", "evidence")), SetWeight(2_000), Pause()))
    assert [(stage.first, len(stage.steps), stage.weight_bp, stage.next_bp) for stage in found] == [
        (0, 1, 0, 500),
        (1, 3, 500, 2_000),
        (4, 2, 2_000, 10_000),
    ]
    assert [stage.by_hand for stage in found] == [False, False, True]
    assert [stage.asked for stage in found] == [(), ("ok", "evidence"), ()]
    assert found[1].weight == 0.05


def test_shares_of_segments_make_stages_too() -> None:
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    frozen = plan(SetSegment(staff, 10_000), Pause(60), SetWeight(500), SetSegment(staff, 100))
    found = stages(frozen)
    assert [(stage.weight_bp, stage.shares, stage.next_bp, stage.exposing) for stage in found] == [
        (0, (("staff", 10_000),), 500, True),
        (500, (("staff", 10_000),), 10_000, True),
        (500, (), 10_000, True),
    ]
    assert lasts(frozen, found[0], PASSES) == 60  # its guards watch


def test_gates_of_a_segment_watch_from_its_step_on() -> None:
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    own = SetSegment(staff, 10_000, guards=("evidence",))
    frozen = plan(SetWeight(500), Pause(20), own, Pause(20), SetWeight(600), guards=())
    found = stages(frozen)
    assert [stage.guards for stage in found] == [(), ("evidence",), ("evidence",)]
    assert [lasts(frozen, stage, PASSES) for stage in found] == [20, 90, 90]


def test_after_a_fall_the_next_rise_follows() -> None:
    found = stages(plan(SetWeight(2_000), SetWeight(100), SetWeight(500)))
    assert [stage.next_bp for stage in found] == [10_000, 500, 10_000]


@pytest.mark.parametrize(
    "steps,guards,soonest,usual",
    [
        ((SetWeight(500),), (), 0, 0),
        ((SetWeight(500), Pause(300)), ("ok",), 300, 300),
        ((SetWeight(500), Pause(5)), ("ok",), 10, 40),  # guards hold the rise
        ((SetWeight(500), Pause()), ("ok", "evidence"), 60, 90),
        ((SetWeight(500), Pause(300), Analysis(("ok",))), (), 310, 310),  # it is asked once more
        ((SetWeight(500), Pause(20), Analysis(("ok",))), (), 30, 40),  # a window reaches back
        ((SetWeight(500), Pause(300), Analysis(("evidence",))), (), 360, 390),  # evidence begins when it is asked
        ((SetWeight(500), Pause(300), Analysis(("evidence",))), ("evidence",), 310, 310),
        ((SetWeight(500), Pause(300), Analysis(("advice",))), ("advice",), 300, 300),
        ((Pause(60),), ("ok",), 60, 60),  # nobody is exposed, so nobody watches
    ],
)
def test_how_long_a_weight_takes(
    steps: tuple[Step, ...], guards: tuple[str, ...], soonest: float, usual: float
) -> None:
    frozen = plan(*steps, guards=guards)
    [stage] = stages(frozen)
    assert (lasts(frozen, stage, PASSES, soonest=True), lasts(frozen, stage, PASSES)) == (soonest, usual)
