"""When a gate looks, at which span, what it remembers, and which looks are worth recording."""

from dataclasses import replace

import pytest

from croupier.core.gates import (
    ClassicRule,
    Counts,
    EventsSli,
    Gate,
    GateState,
    HardStop,
    Objective,
    RatioSli,
    Reading,
    Silence,
    Verdict,
)
from croupier.core.gates.judge import RECORD_EVERY_S, due, is_news, span
from croupier.core.gates.judge import judge as judge_at_weight

GATE = Gate(
    "deposits",
    RatioSli("deposits_total", good=(("outcome", ("ok",)),)),
    objective=Objective(0.99),
    hard_stop=HardStop(failing=0.9),
    rule=ClassicRule(interval_s=10, window_s=60, consecutive=3),
)
NEW = GateState("deposits")
T = 10_000.0


def judge(gate: Gate, state: GateState, said: Reading | Silence, now: float) -> GateState:
    return judge_at_weight(gate, state, said, now, watching_since=T - 600, next_bp=10_000)


def said(good: int, *, since: float = T - 60) -> Reading:
    return Reading(since, T, {(): Counts(good, 100)}, None)


GOOD, BAD, DEAD = said(100), said(90), said(0)


def test_first_look_is_one_interval_after_the_weight_is_confirmed() -> None:
    assert not due(GATE, NEW, T, watching_since=T)
    assert not due(GATE, NEW, T + 9.9, watching_since=T)
    assert due(GATE, NEW, T + 10, watching_since=T)


@pytest.mark.parametrize(
    "judged_at, looked_at, is_due",
    [(None, None, True), (T - 10, None, True), (T - 9, None, False), (T - 60, T - 9, False), (T - 60, T - 10, True)],
)
def test_the_next_look_is_an_interval_after_the_last(
    judged_at: float | None, looked_at: float | None, is_due: bool
) -> None:
    state = GateState("deposits", judged_at=judged_at)
    assert due(GATE, state, T, watching_since=T - 600, looked_at=looked_at) is is_due


def test_a_clock_that_was_set_back_does_not_blind_a_gate() -> None:
    future = GateState("deposits", judged_at=T + 3600)
    assert due(GATE, future, T, watching_since=T - 10)
    assert not due(GATE, future, T, watching_since=T - 9)
    assert due(GATE, future, T, watching_since=T - 60, looked_at=T + 3600)
    assert not due(GATE, future, T, watching_since=T - 60, looked_at=T - 9)


def test_span_is_the_window_but_never_older_than_the_present_weight() -> None:
    assert span(GATE, NEW, T, watching_since=T - 600) == (T - 60, T)
    assert span(GATE, NEW, T, watching_since=T - 25) == (T - 25, T)


def test_what_must_not_happen_is_looked_for_without_a_gap() -> None:
    """A weight was changed between two looks, or nobody looked for minutes: one double debit is one too many."""
    debits = Gate("debits", EventsSli("double_debits_total"), hard_stop=HardStop(events=1), rule=GATE.rule)
    assert span(debits, NEW, T, watching_since=T - 15) == (T - 15, T)
    seen = judge(debits, GateState("debits"), Reading(T - 60, T, {(): Counts(0, 0)}, None), T)
    assert seen.read_to == T
    assert span(debits, seen, T + 40, watching_since=T + 30) == (T, T + 40)
    assert span(debits, seen, T + 10, watching_since=T - 600) == (T - 50, T + 10)
    blind = judge(debits, seen, Silence("away"), T + 50)
    assert span(debits, blind, T + 300, watching_since=T + 290) == (T, T + 300)
    assert span(debits, blind, T + 9_000, watching_since=T + 8_990) == (T + 5_400, T + 9_000)
    assert span(debits, seen, T - 100, watching_since=T - 130) == (T - 130, T - 100)  # the clock was set back
    assert judge(GATE, NEW, GOOD, T).read_to is None


def test_a_pass_is_remembered_with_its_time() -> None:
    after = judge(GATE, NEW, GOOD, T)
    assert (after.passed_at, after.judged_at, after.streaks, after.violated_since) == (T, T, (), None)
    assert after.latest is not None
    assert after.latest.verdict is Verdict.PASS


def test_any_other_verdict_forgets_the_pass() -> None:
    passed = judge(GATE, NEW, GOOD, T)
    assert judge(GATE, passed, BAD, T + 10).passed_at is None
    assert judge(GATE, passed, Silence("down"), T + 10).passed_at is None
    assert judge(GATE, passed, Reading(T, T, {}, None), T + 10).passed_at is None


def test_the_harm_began_with_the_first_violation_of_the_run() -> None:
    first = judge(GATE, NEW, said(90, since=T - 60), T)
    second = judge(GATE, first, said(90, since=T - 50), T + 10)
    assert first.violated_since == second.violated_since == T - 60
    assert second.streaks == (((), 2),)
    assert judge(GATE, second, GOOD, T + 20).violated_since is None


def test_a_hard_stop_tells_since_when() -> None:
    state = judge(GATE, NEW, DEAD, T)
    assert state.latest is not None
    assert state.latest.hard
    assert state.violated_since == T - 60


def test_silence_is_no_data_and_keeps_the_streak() -> None:
    suspect = judge(GATE, judge(GATE, NEW, BAD, T), BAD, T + 10)
    silent = judge(GATE, suspect, Silence("metrics are unreachable"), T + 20)
    assert silent.latest is not None
    assert (silent.latest.verdict, silent.latest.reason) == (Verdict.NO_DATA, "metrics are unreachable")
    assert silent.latest.findings == ()
    assert silent.streaks == suspect.streaks
    after = judge(GATE, silent, BAD, T + 30)
    assert after.latest is not None
    assert after.latest.verdict is Verdict.FAIL


def test_what_is_news() -> None:
    passed = judge(GATE, NEW, GOOD, T)
    suspect = judge(GATE, passed, BAD, T + 10)
    assert is_news(NEW, passed)
    assert is_news(passed, suspect)
    assert is_news(suspect, judge(GATE, suspect, BAD, T + 20))
    assert not is_news(passed, judge(GATE, passed, GOOD, T + 10))
    assert is_news(passed, judge(GATE, passed, GOOD, T + RECORD_EVERY_S))


def test_the_first_pass_after_it_was_forgotten_is_news() -> None:
    forgotten = replace(judge(GATE, NEW, GOOD, T), passed_at=None)
    assert is_news(forgotten, judge(GATE, forgotten, GOOD, T + 10))


def test_a_look_before_the_recorded_one_is_news_since_the_clock_was_set_back() -> None:
    passed = judge(GATE, NEW, GOOD, T)
    assert is_news(passed, judge(GATE, passed, GOOD, T - 600))
