"""Shares of single segments: what is refused, and what is allowed but rarely meant."""

import pytest

from croupier.core.gates import Comparison, Gate, Objective, PopulationRule, RatioSli
from croupier.core.rollout.check import advise, check
from croupier.core.rollout.check_segments import compares_others, segment_uses, segments_written
from croupier.core.rollout.resolve import gate_uses, resolve
from croupier.core.rollout.spec import Analysis, Auto, Pause, RolloutSpec, SetSegment, SetWeight, Step
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

NAMED = Segment("staff", ())
STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
SWEDES = Segment("market=SE", (AttributeMatch("market", ("SE",)),))
RATIO = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
SLO = Gate("slo", RATIO, objective=Objective(0.99))
STEPS = (SetSegment(NAMED, 10_000), Pause(60.0), SetSegment(SWEDES, 1_000), Pause(60.0), SetWeight(500), Pause(60.0))


def spec(*steps: Step | Auto, segment: str | None = None) -> RolloutSpec:
    return RolloutSpec("p", "p", steps, ("slo",), segment=segment)


def test_a_plan_says_who_is_in_a_segment() -> None:
    plan = resolve(spec(*STEPS), [SLO], [STAFF])
    assert [step.segment for step in plan.steps if isinstance(step, SetSegment)] == [STAFF, SWEDES]
    assert segment_uses(spec(*STEPS)) == (
        ("staff", ("spec", "strategy", "canary", "steps", 0, "setSegment", "segment")),
    )
    assert segments_written(spec(*STEPS)) == (
        (SWEDES, ("spec", "strategy", "canary", "steps", 2, "setSegment", "match")),
    )


def test_a_segment_that_nobody_declared() -> None:
    with pytest.raises(Rejected, match="there is no segment 'staff'"):
        resolve(spec(*STEPS), [SLO], [])


@pytest.mark.parametrize(
    "steps, segment, problem",
    [
        ((SetSegment(NAMED, 10_001), Pause()), None, "a weight of 100.01 is not possible"),
        ((SetSegment(NAMED, 100), Pause()), "germans", "'setSegment' and spec.segment cannot stand together"),
        ((SetSegment(NAMED, 0), Analysis(("slo",))), None, "this step can never end: the canary's weight is 0 here"),
    ],
)
def test_what_makes_no_sense_is_refused(steps: tuple[Step, ...], segment: str | None, problem: str) -> None:
    [found] = check(spec(*steps, segment=segment))
    assert found.message.startswith(problem)


def test_a_segments_players_are_enough_to_ask_a_gate() -> None:
    assert check(spec(SetSegment(NAMED, 100), Analysis(("slo",)))) == ()


@pytest.mark.parametrize(
    "steps, problem",
    [
        ((SetSegment(NAMED, 500), Pause(), SetSegment(NAMED, 100), Pause()), "the weight of staff falls from 5 to 1"),
        ((SetWeight(500), Pause(), SetSegment(NAMED, 100), Pause()), "this step has no effect: staff has 5 already"),
        ((SetSegment(NAMED, 500),), "nobody has time to look at 5 % of staff"),
    ],
)
def test_what_is_rarely_meant_is_warned_of(steps: tuple[Step, ...], problem: str) -> None:
    [found] = advise(spec(*steps))
    assert found.message.startswith(problem)


def test_steps_as_people_write_them_give_no_warning() -> None:
    assert advise(spec(*STEPS)) == ()
    assert advise(spec(SetSegment(NAMED, 0), Pause(), SetWeight(500), Pause()))[0].message.startswith(
        "this step has no effect"
    )


def test_no_weight_says_what_share_of_players_is_due() -> None:
    everybody = Gate("slo", RATIO, rule=PopulationRule())
    with pytest.raises(Rejected, match="no one weight says what it should be"):
        resolve(spec(*STEPS), [everybody], [STAFF])


def test_players_of_a_segment_are_not_everybody_else() -> None:
    def told(gate: Gate, *steps: Step) -> list[str]:
        asked = spec(*steps)
        return [each.message for each in compares_others(asked, gate_uses(asked), {"slo": gate}, {"staff": STAFF})]

    compares = Gate("slo", RATIO, comparison=Comparison())
    assert told(compares, *STEPS) == [
        "gate 'slo' compares the players of staff with everybody else, who may differ without any release."
    ]
    assert told(compares, SetWeight(500)) == []
    assert told(Gate("slo", RATIO, comparison=Comparison(), objective=Objective(0.9)), *STEPS) == []
    swedish = RatioSli("deposits_total", good=(("outcome", ("ok",)),), total=(("market", ("SE",)),))
    assert told(Gate("slo", swedish, comparison=Comparison()), SetSegment(SWEDES, 100), Pause()) == []
    assert told(Gate("other", swedish, comparison=Comparison()), *STEPS) != []
