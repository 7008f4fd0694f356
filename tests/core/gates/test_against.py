"""A comparison with another day: only where a source knows other days, and marked as weaker evidence in words."""

import pytest

from croupier.core.gates import (
    PROMETHEUS,
    Comparison,
    Counts,
    Gate,
    GateState,
    LatencySli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.check import check_gate
from croupier.core.gates.judge import judge
from croupier.core.gates.model import Against
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, RolloutSpec, SetWeight

SLI = RatioSli("deposits_total", good=(("outcome", ("credited",)),))


def gate(against: Against = "yesterday", source: str = PROMETHEUS) -> Gate:
    return Gate("past", SLI, comparison=Comparison(against=against), source=source)


@pytest.mark.parametrize("against, days", [("baseline", 0), ("yesterday", 1), ("last-week", 7)])
def test_how_long_ago(against: Against, days: int) -> None:
    assert Comparison(against=against).ago_s == days * 86_400


def test_its_words_say_that_it_is_weaker() -> None:
    said = Reading(0, 60, {(): Counts(80, 100)}, {(): Counts(99, 100)})
    state = GateState("past")
    for at in (10.0, 20.0, 30.0):
        state = judge(gate("last-week"), state, said, at, watching_since=0, next_bp=1)
    assert state.latest is not None
    assert state.latest.verdict is Verdict.FAIL
    assert "last week at this hour (weaker evidence: another day, other players) 99.00 % of 100" in state.latest.reason
    assert "at most 1.1 × yesterday's (weaker evidence) bad share" in describe_gate(gate())


def test_a_stable_version_that_did_not_serve_then_is_no_peer() -> None:
    said = Reading(0, 60, {(): Counts(80, 100)}, {(): Counts(0, 0)})
    state = judge(gate(), GateState("past"), said, 60, watching_since=0, next_bp=1)
    assert state.latest is not None
    assert state.latest.verdict is Verdict.INCONCLUSIVE


def test_it_needs_no_players_on_the_stable_version_now() -> None:
    spec = RolloutSpec("p", "p", (SetWeight(10_000), Analysis(("past",))))
    assert resolve(spec, [gate()], []).gates == (gate(),)


@pytest.mark.parametrize(
    "wrong, path",
    [
        (gate(source="embedded"), ("spec", "comparison", "against")),
        (
            Gate("g", SLI, comparison=Comparison(against="yesterday"), rule=SequentialRule(), source=PROMETHEUS),
            ("spec", "comparison", "against"),
        ),
        (
            Gate("g", LatencySli("s", 0.4), comparison=Comparison(1, 0, 0.5, "yesterday"), source=PROMETHEUS),
            ("spec", "comparison", "canaryThreshold"),
        ),
    ],
)
def test_where_there_is_no_other_day_it_is_refused(wrong: Gate, path: tuple[str, ...]) -> None:
    assert [problem.path for problem in check_gate(wrong)] == [path]


def test_one_with_a_past_is_sound() -> None:
    assert not check_gate(gate())
    assert not check_gate(Gate("g", SLI, objective=Objective(0.9), comparison=gate().comparison, source=PROMETHEUS))
