"""One switch: which steps it is, what is refused and where, and how rollouts of it go on and back."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import (
    MEASURED,
    AnalysisRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    Measured,
    MeasuredSli,
    Objective,
    RatioSli,
    Reading,
)
from croupier.core.gates.analysis.measurement import measured
from croupier.core.gates.analysis.model import Metric, PrometheusQuery
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.blue_green import measured_before, place, steps_of
from croupier.core.rollout.check import advise, check
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.profile.fill import as_hotfix
from croupier.core.rollout.prove import prove
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Asked, BlueGreen, Pause, RolloutSpec, SetWeight, Smoke
from croupier.core.rollout.state import routes
from croupier.core.segments import BUCKETS
from croupier.errors import Rejected
from croupier.testing import Rehearsal

RATIO = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
DEPOSITS = Gate("deposits", RATIO, objective=Objective(0.99), hard_stop=HardStop(failing=0.5))
BESIDE = Gate("beside", RATIO, comparison=Comparison())
YESTERDAY = Gate("yesterday", RATIO, comparison=Comparison(against="yesterday"), source="prometheus")
CHECK = Metric("check", PrometheusQuery("errors"), "result[0] < 0.05", interval_s=10.0, count=1)
SMOKE = Gate("smoke", MeasuredSli(), rule=AnalysisRule((CHECK,)), source=MEASURED)

GOOD, BAD = Counts(1_000, 1_000), Counts(300, 1_000)


def spec(asked: BlueGreen | None = None, *, guards: tuple[str, ...] = ("deposits",), **more: Any) -> RolloutSpec:
    asked = asked or BlueGreen(watch_s=60.0)
    return RolloutSpec("shop", "shop", steps_of(asked), guards, blue_green=asked, **more)


def story(asked: BlueGreen | None = None, **more: Any) -> Rehearsal:
    return Rehearsal(resolve(spec(asked, **more), [DEPOSITS, BESIDE, YESTERDAY, SMOKE], []))


def refused(rollout: RolloutSpec) -> list[tuple[str, str]]:
    with pytest.raises(Rejected) as caught:
        resolve(rollout, [DEPOSITS, BESIDE, YESTERDAY, SMOKE], [])
    return [(problem.field, problem.message) for problem in caught.value.problems]


def look(told: Rehearsal, canary: Counts) -> None:
    """What the gates that are due see of the new version; of the old one there is nothing to see."""
    told.now += 10.0
    told.tick({name: Reading(told.now - 10.0, told.now, {(): canary}, {(): Counts(0, 0)}) for name in told.due()})
    told.settle()


def measure(told: Rehearsal, value: float) -> None:
    told.now += 10.0
    told.tick({name: Measured((measured("check", told.now, [value]),)) for name in told.due()})
    told.settle()


@pytest.mark.parametrize(
    "asked, steps",
    [
        (BlueGreen(), (SetWeight(BUCKETS), Pause(600.0))),
        (BlueGreen(watch_s=0.0), (SetWeight(BUCKETS),)),
        (BlueGreen(by_hand=True), (Pause(), SetWeight(BUCKETS), Pause(600.0))),
        (BlueGreen(wait_s=0.0), (SetWeight(BUCKETS), Pause(600.0))),
        (
            BlueGreen(checks=Smoke(("deposit",))),
            (Smoke(("deposit",)), SetWeight(BUCKETS), Pause(600.0)),
        ),
        (
            BlueGreen(before=("smoke",), wait_s=30.0),
            (Analysis(("smoke",)), Pause(30.0), SetWeight(BUCKETS), Pause(600.0)),
        ),
    ],
)
def test_the_steps_of_a_switch(asked: BlueGreen, steps: tuple[Asked, ...]) -> None:
    assert steps_of(asked) == steps
    assert check(spec(asked)) == ()
    assert advise(spec(asked)) == ()


@given(st.booleans(), st.none() | st.floats(0, 1e4), st.floats(0, 1e4), st.booleans())
def test_whatever_is_asked_there_is_one_switch_and_every_step_has_its_place(
    by_hand: bool, wait_s: float | None, watch_s: float, smokes: bool
) -> None:
    asked = BlueGreen(("smoke",) if smokes else (), by_hand, wait_s, watch_s)
    steps = steps_of(asked)
    assert [step.weight_bp for step in steps if isinstance(step, SetWeight)] == [BUCKETS]
    places = [place(spec(asked), ("spec", "strategy", "canary", "steps", index)) for index in range(len(steps))]
    assert all(each[:3] == ("spec", "strategy", "blueGreen") for each in places)
    assert len(set(places)) == len(steps)


@pytest.mark.parametrize(
    "rollout, where, what",
    [
        (spec(guards=("beside",)), "postPromotionAnalysis.templates[0].templateName", "can never pass after the"),
        (
            spec(BlueGreen(before=("deposits",))),
            "prePromotionAnalysis.templates[0].templateName",
            "counts what players",
        ),
        (
            spec(BlueGreen(before=("smok",))),
            "prePromotionAnalysis.templates[0].templateName",
            "there is no gate 'smok'",
        ),
        (spec(BlueGreen(by_hand=True, wait_s=3.0)), "autoPromotionSeconds", "no effect"),
        (spec(BlueGreen(before=("smoke", "smoke"))), "prePromotionAnalysis.templates[1]", "named twice"),
        (spec(BlueGreen(checks=Smoke(("deposit",)))), "before.checks[0]", "there is no smoke check 'deposit'"),
        (spec(guards=("deposits", "deposits")), "postPromotionAnalysis.templates[1]", "named twice"),
        (spec(BlueGreen(watch_s=-1.0)), "watch", "not possible"),
        (spec(guards=()), None, ""),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(rollout: RolloutSpec, where: str | None, what: str) -> None:
    if where is None:
        assert [problem.field for problem in advise(rollout)] == ["spec.strategy.blueGreen"]
        return
    ((field, message), *_) = refused(rollout)
    assert field == f"spec.strategy.blueGreen.{where}"
    assert what in message


def test_a_switch_of_a_segment_is_refused() -> None:
    assert ("spec.segment", "blueGreen switches everybody at once, so it goes with no segment.") in [
        (problem.field, problem.message) for problem in check(spec(segment="staff"))
    ]


def test_a_gate_that_knows_another_day_may_watch() -> None:
    told = story(guards=("yesterday",))
    assert told.state.plan.guards == ("yesterday",)


def test_places_of_a_canary_and_of_other_fields_stay() -> None:
    at = ("spec", "strategy", "canary", "steps", 0)
    assert place(replace(spec(), blue_green=None), at) == at
    assert place(spec(), ("spec", "keepStable")) == ("spec", "keepStable")
    assert place(spec(), ("spec", "strategy", "canary")) == ("spec", "strategy", "blueGreen")


def test_guards_hold_nothing_back_before_the_switch_and_everything_after_it() -> None:
    told = story()
    told.settle()
    assert told.state.weight_bp == BUCKETS  # nobody had it before, so there was nothing to wait for
    assert routes(told.state).weight_of("1.1.0") == BUCKETS
    told.now += 600.0
    told.settle()
    assert told.state.phase.value == "progressing"  # silence promotes nobody
    for _ in range(3):
        look(told, GOOD)
    assert told.state.phase.value == "succeeded"
    assert replay(told.events) == told.state


def test_a_person_switches() -> None:
    told = story(BlueGreen(by_hand=True, watch_s=60.0))
    told.settle()
    assert (told.state.phase, told.state.weight_bp) == (Phase.PAUSED, 0)
    told.command(commands.promote)
    told.settle()
    assert told.state.weight_bp == BUCKETS


def test_a_check_that_fails_before_the_switch_moves_nobody() -> None:
    told = story(BlueGreen(before=("smoke",), watch_s=60.0))
    told.settle()
    assert measured_before(told.state) == ("smoke",)
    assert told.due() == ("smoke",)
    measure(told, 0.9)
    assert told.state.phase is Phase.ABORTED
    assert told.state.abort is not None
    assert told.state.abort.gate == "smoke"
    confirmed = [event.weight_bp for event in told.events if isinstance(event, e.WeightConfirmed)]
    assert confirmed == [0]
    assert prove(told.state.plan, "smoke").red_after_s == 0.0


def test_a_check_that_passes_lets_it_go_on_and_one_that_is_waived_is_not_asked() -> None:
    told = story(BlueGreen(before=("smoke",), watch_s=60.0))
    told.settle()
    measure(told, 0.01)
    assert told.state.weight_bp == BUCKETS
    assert measured_before(told.state) == ()
    waived = story(BlueGreen(before=("smoke",), watch_s=60.0))
    waived.settle()
    waived.command(commands.promote, waive=("smoke",))
    assert measured_before(waived.state) == ()


def test_what_fails_after_the_switch_goes_back_in_one_push() -> None:
    told = story()
    told.settle()
    look(told, BAD)
    assert told.state.phase is Phase.ABORTED
    assert told.served is not None
    assert told.served.weight_of("1.1.0") == 0
    assert told.served.default == "1.0.0"


def test_a_hotfix_goes_by_its_lane_and_not_at_once() -> None:
    hurried = as_hotfix(spec(BlueGreen(before=("smoke",))))
    assert hurried.blue_green is None
    assert [step.weight_bp for step in hurried.steps if isinstance(step, SetWeight)] != [BUCKETS]
    at = ("spec", "strategy", "canary", "steps", 3)
    assert place(hurried, at) == at
