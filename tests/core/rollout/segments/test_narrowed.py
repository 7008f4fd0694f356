"""Gates for one segment's players: what they count, their part of the budget, and which cannot be made."""

from dataclasses import replace

import pytest
from tests.core.rollout.segments.stories import DEPOSITS, DK, HOLD, LOGINS, NORTH, SE, share

from croupier.core.gates import (
    MEASURED,
    AnalysisRule,
    EventsSli,
    Gate,
    HoldPlayers,
    KillFlag,
    LatencySli,
    MeasuredSli,
    OnGroupFail,
    PromqlSli,
    RatioSli,
    SequentialRule,
    Sli,
)
from croupier.core.rollout.check import check
from croupier.core.rollout.prove import prove
from croupier.core.rollout.resolve import gate_uses, resolve, unprovable
from croupier.core.rollout.segments.guards import judges, named_by_steps, of_segments
from croupier.core.rollout.segments.kept import within
from croupier.core.rollout.segments.narrowed import beside, narrowed, unnarrowable
from croupier.core.rollout.spec import Pause, Plan, RolloutSpec, SegmentFail, SetSegment, SetWeight, Step
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

OK = (("outcome", ("ok",)),)
BRANDED = Segment("vip", (AttributeMatch("brand", ('a"b', "c")), AttributeMatch("vip", ("yes",))))


def spec(*steps: Step, guards: tuple[str, ...] = ()) -> RolloutSpec:
    return RolloutSpec("shop", "shop", steps, guards)


@pytest.mark.parametrize(
    "sli, expected",
    [
        (RatioSli("d", OK), RatioSli("d", OK, (("brand", ('a"b', "c")), ("vip", ("yes",))))),
        (RatioSli("d", OK, (("brand", ("c", "d")),)), RatioSli("d", OK, (("brand", ("c",)), ("vip", ("yes",))))),
        (LatencySli("d", 0.4), LatencySli("d", 0.4, (("brand", ('a"b', "c")), ("vip", ("yes",))))),
        (EventsSli("d"), EventsSli("d", (("brand", ('a"b', "c")), ("vip", ("yes",))))),
        (
            PromqlSli('t{v="{{version}}"} or u', "b"),
            PromqlSli(
                't{v="{{version}}",brand=~"a\\"b|c",vip=~"yes"} or u{brand=~"a\\"b|c",vip=~"yes"}',
                'b{brand=~"a\\"b|c",vip=~"yes"}',
            ),
        ),
        (MeasuredSli(), MeasuredSli()),
    ],
)
def test_it_counts_the_segments_players(sli: Sli, expected: Sli) -> None:
    assert narrowed(Gate("g", sli), BRANDED).sli == expected


def test_it_splits_by_no_label_that_has_one_value_and_acts_on_no_group() -> None:
    actions = OnGroupFail((KillFlag("psp_{psp}"), HoldPlayers(("market",))))
    gate = replace(DEPOSITS, by=("market", "psp"), on_group_fail=actions)
    assert (narrowed(gate, SE).by, narrowed(gate, NORTH).by) == (("psp",), ("market", "psp"))
    assert narrowed(gate, SE).on_group_fail is None
    assert narrowed(gate, SE).name == "deposits@se"


STEPS: tuple[Step, ...] = (
    share(Segment("se", ()), 1_000, "deposits", "logins"),
    Pause(60.0),
    share(DK, 2_500, "deposits"),
    Pause(60.0),
    SetWeight(5_000),
    Pause(60.0),
)


def budgets(plan: Plan) -> dict[str, float]:
    return {gate.name: gate.rule.budget for gate in plan.gates if isinstance(gate.rule, SequentialRule)}


def test_the_plan_has_the_gates_with_their_parts_of_one_budget() -> None:
    plan = resolve(spec(*STEPS, guards=("deposits",)), [DEPOSITS, LOGINS], [SE])
    assert [gate.name for gate in plan.gates] == ["deposits", "deposits@se", "logins@se", "deposits@market=DK"]
    assert [step.guards for step in plan.steps if isinstance(step, SetSegment)] == [
        ("deposits@se", "logins@se"),
        ("deposits@market=DK",),
    ]
    # A part each, and of each part two holds may begin everything anew.
    assert budgets(plan) == dict.fromkeys(budgets(plan), 0.01 / 4 / 3)
    assert sum(budgets(plan).values()) * 3 == pytest.approx(0.01)
    assert of_segments(plan) == ("deposits@se", "logins@se", "deposits@market=DK")
    assert named_by_steps(plan) == ("se", "market=DK")
    found = judges(plan, "logins@se")
    assert found is not None
    assert (found.segment, found.base, found.on_fail) == (SE, "logins", HOLD)


def test_no_reserve_is_kept_where_nobody_is_held() -> None:
    steps = (share(SE, 1_000, "deposits", on_fail=SegmentFail.ABORT), Pause(60.0))
    assert budgets(resolve(spec(*steps), [DEPOSITS], [SE])) == {"deposits@se": 0.01}


@pytest.mark.parametrize("name", ["deposits@se", "deposits@market=DK"])
def test_it_can_turn_red(name: str) -> None:
    plan = resolve(spec(*STEPS), [DEPOSITS, LOGINS], [SE])
    assert prove(plan, name).red_after_s is not None


def test_one_that_cannot_turn_red_is_told_where_it_is_named() -> None:
    weak = replace(DEPOSITS, rule=SequentialRule(samples=100_000))
    [problem] = unprovable(spec(*STEPS[:2]), {"deposits": weak, "logins": LOGINS})
    assert problem.message.startswith("gate 'deposits@se' cannot turn red here")
    assert problem.path == ("spec", "strategy", "canary", "steps", 0, "setSegment", "guards", 0)


@pytest.mark.parametrize(
    "steps, problem, field",
    [
        ((share(SE, 100, "deposits", "deposits"), Pause()), "gate 'deposits' is named twice for se.", "guards"),
        ((SetSegment(SE, 100, on_fail=HOLD), Pause()), "'onFail' says what a gate of se does, and the", "onFail"),
        (
            (share(SE, 100, "deposits"), Pause(1.0), share(SE, 200, "deposits", on_fail=SegmentFail.ABORT), Pause()),
            "the gates of se do 'hold' at an earlier step and 'abort' here.",
            "onFail",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(steps: tuple[Step, ...], problem: str, field: str) -> None:
    [found] = check(spec(*steps))
    assert found.message.startswith(problem)
    assert field in found.path


def test_a_later_share_of_the_segment_need_not_name_its_gates_again() -> None:
    assert check(spec(share(SE, 100, "deposits"), Pause(1.0), SetSegment(SE, 200), Pause())) == ()


@pytest.mark.parametrize(
    "gate, problem",
    [
        (
            replace(DEPOSITS, sli=RatioSli("d", OK, (("market", ("MT", "DE")),))),
            "gate 'deposits' counts market MT and DE only, and nobody of se has that.",
        ),
        (
            Gate("deposits", MeasuredSli(), rule=AnalysisRule(()), source=MEASURED),
            "gate 'deposits' cannot be asked of se alone: it counts no single events.",
        ),
        (replace(DEPOSITS, sli=EventsSli("d", (("market", ("MT",)),))), "gate 'deposits' counts market MT only, and"),
        (
            replace(DEPOSITS, sli=LatencySli("edge_request_duration_seconds", 0.4)),
            "gate 'deposits' is counted by the edge, whose metrics have no label 'market'",
        ),
    ],
)
def test_gates_that_cannot_judge_the_segment(gate: Gate, problem: str) -> None:
    asked = spec(*STEPS[:2])
    [found] = unnarrowable(asked, {"deposits": gate, "logins": LOGINS}, {"se": SE})
    assert found.message.startswith(problem)
    assert found.path[-2:] == ("guards", 0)
    with pytest.raises(Rejected):
        resolve(asked, [gate, LOGINS], [SE])
    if isinstance(gate.sli, MeasuredSli):
        assert list(unprovable(asked, {"deposits": gate, "logins": LOGINS})) == []


def test_counters_of_prometheus_are_narrowed_without_a_look_at_what_they_select() -> None:
    gates = {"deposits": replace(DEPOSITS, sli=PromqlSli("t", "b")), "logins": LOGINS}
    assert list(unnarrowable(spec(*STEPS[:2]), gates, {"se": SE})) == []


def test_a_guard_of_everybody_that_cannot_tell_whose_failures_they_are() -> None:
    gates = {"deposits": DEPOSITS, "logins": LOGINS, "twice": Gate("twice", EventsSli("t"))}
    [warned] = beside(spec(*STEPS, guards=("deposits", "logins", "twice", "unknown")), gates)
    assert warned.message.startswith("what takes market=DK back alone may show in gate 'logins' as well")
    assert list(beside(spec(SetWeight(100), Pause(), guards=("deposits",)), gates)) == []


def test_a_gate_that_there_is_not() -> None:
    assert [name for name, _ in gate_uses(spec(*STEPS))] == ["deposits", "logins", "deposits"]
    with pytest.raises(Rejected, match="there is no gate 'logins'") as refused:
        resolve(spec(*STEPS), [DEPOSITS], [SE])
    assert refused.value.problems[0].path[-3:] == ("setSegment", "guards", 1)


def test_the_longest_name_is_the_gates_where_values_have_slashes() -> None:
    slashed = Segment("brand=a/b", (AttributeMatch("brand", ("a/b",)),))
    short = Segment("brand=a", (AttributeMatch("brand", ("a",)),))
    plan = resolve(
        spec(share(short, 100, "deposits"), Pause(1.0), share(slashed, 100, "deposits"), Pause(1.0)), [DEPOSITS], []
    )
    assert plan.gate("deposits@brand=a/b").name == "deposits@brand=a/b"
    assert plan.gate("deposits@brand=a/b/psp=x").name == "deposits@brand=a/b"
    assert plan.gate("deposits@brand=a/psp=x").name == "deposits@brand=a"
    with pytest.raises(KeyError):
        plan.gate("deposits")


@pytest.mark.parametrize(
    "inner, outer, expected",
    [(SE, NORTH, True), (NORTH, SE, False), (SE, SE, True), (SE, BRANDED, False), (SE, Segment("all", ()), True)],
)
def test_who_is_surely_in_another_segment(inner: Segment, outer: Segment, expected: bool) -> None:
    assert within(inner, outer) is expected
