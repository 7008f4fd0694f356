"""The burn rule: a budget burnt too fast in both windows fails; a glimpse, the past and an incident of both do not."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import (
    BurnRule,
    Comparison,
    Counts,
    EventsSli,
    Gate,
    GateState,
    Group,
    HardStop,
    Objective,
    Opinion,
    RatioSli,
    Reading,
    Verdict,
)
from croupier.core.gates.check import check_gate
from croupier.core.gates.judge import judge, short_span, span
from croupier.core.rollout.explain import describe_gate

SLI = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
RULE = BurnRule(window_s=600, short_s=60, factor=10)
GATE = Gate("burn", SLI, objective=Objective(0.99), rule=RULE)
KESTREL: Group = (("psp", "kestrel"),)
FINE = Counts(1_000, 1_000)


def bad(share: float, total: int = 1_000) -> Counts:
    return Counts(total - round(share * total), total)


def look(
    canary: Counts | Mapping[Group, Counts],
    recent: Counts | Mapping[Group, Counts] | None = None,
    baseline: Counts | Mapping[Group, Counts] | None = FINE,
    *,
    seen_s: float = 600,
    gate: Gate = GATE,
) -> GateState:
    """One look, so many seconds after the present weight was confirmed."""

    def whole(counts: Counts | Mapping[Group, Counts] | None) -> Mapping[Group, Counts] | None:
        return {(): counts} if isinstance(counts, Counts) else counts

    reading = Reading(
        0, seen_s, whole(canary) or {}, whole(baseline), recent=whole(canary if recent is None else recent)
    )
    return judge(gate, GateState(gate.name), reading, seen_s, watching_since=0, next_bp=500)


def said(*args: object, **options: object) -> tuple[Verdict, str]:
    latest = look(*args, **options).latest  # type: ignore[arg-type]
    assert latest is not None
    return latest.verdict, latest.reason


def test_a_budget_burnt_too_fast_over_both_windows_fails() -> None:
    verdict, reason = said(bad(0.12))
    assert verdict is Verdict.FAIL
    assert reason.endswith("; burns its budget 12 times as fast as it may, now 12 times as fast as it may")
    assert look(bad(0.12)).violated_since == 0


def test_slower_than_the_factor_passes() -> None:
    state = look(bad(0.08))
    assert state.latest is not None
    assert state.latest.verdict is Verdict.PASS
    assert state.passed_at == 600
    assert state.violated_since is None


@pytest.mark.parametrize(
    "seen_s, verdict", [(60, Verdict.INCONCLUSIVE), (299, Verdict.INCONCLUSIVE), (300, Verdict.FAIL)]
)
def test_a_glimpse_neither_condemns_nor_passes(seen_s: float, verdict: Verdict) -> None:
    assert said(bad(0.2), seen_s=seen_s)[0] is verdict


def test_a_glimpse_says_how_long_it_takes() -> None:
    assert said(bad(0.2), seen_s=60)[1].endswith("; it fails if this goes on for 240 s more")


def test_what_is_over_holds_and_does_not_condemn() -> None:
    verdict, reason = said(bad(0.12), recent=bad(0.0))
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.endswith(", but hardly now")


def test_an_incident_of_both_is_not_blamed() -> None:
    verdict, reason = said(bad(0.5), baseline=bad(0.5))
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.endswith("; the baseline burns likewise, so the release is not blamed")
    assert said(bad(0.5), baseline=bad(0.3))[0] is Verdict.FAIL
    generous = Gate("burn", SLI, objective=Objective(0.99), comparison=Comparison(2), rule=RULE)
    assert said(bad(0.5), baseline=bad(0.3), gate=generous)[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("baseline", [None, Counts(0, 0), Counts(0, 19)])
def test_without_a_baseline_the_budget_decides(baseline: Counts | None) -> None:
    assert said(bad(0.5), baseline=baseline)[0] is Verdict.FAIL


def test_too_little_is_no_opinion() -> None:
    assert said(Counts(0, 19)) == (Verdict.INCONCLUSIVE, "19 of the 20 canary events needed for an opinion")
    assert said(Counts(0, 0)) == (Verdict.NO_DATA, "the canary had no matching events in the window")


def test_a_group_that_burns_names_itself() -> None:
    split = {(): bad(0.02), KESTREL: bad(0.5, 40)}
    verdict, reason = said(split, baseline={(): FINE, KESTREL: FINE})
    assert verdict is Verdict.FAIL
    assert reason.startswith("psp=kestrel: ")


def test_a_hard_stop_acts_at_the_first_look() -> None:
    gate = Gate("burn", SLI, objective=Objective(0.99), hard_stop=HardStop(failing=0.5), rule=RULE)
    state = look(bad(0.6), seen_s=10, gate=gate)
    assert state.latest is not None
    assert state.latest.hard
    assert state.latest.verdict is Verdict.FAIL


def test_a_source_without_a_short_window_answers_with_the_long_one() -> None:
    reading = Reading(0, 600, {(): bad(0.2)}, {(): FINE})
    state = judge(GATE, GateState("burn"), reading, 600, watching_since=0, next_bp=500)
    assert state.latest is not None
    assert state.latest.findings[0].recent == bad(0.2)
    assert state.latest.findings[0].opinion is Opinion.VIOLATED


def test_the_windows_that_are_read() -> None:
    assert span(GATE, GateState("burn"), 1_000, watching_since=100) == (400, 1_000)
    assert span(GATE, GateState("burn"), 1_000, watching_since=700) == (700, 1_000)
    assert short_span(GATE, 400, 1_000) == (940, 1_000)
    assert short_span(GATE, 980, 1_000) == (980, 1_000)
    assert short_span(Gate("slo", SLI), 400, 1_000) is None


@given(share=st.floats(0, 1), now=st.floats(0, 1), seen_s=st.integers(1, 600), total=st.integers(0, 10_000))
def test_it_fails_only_what_burns_in_both_windows(share: float, now: float, seen_s: int, total: int) -> None:
    canary, recent = bad(share, total), bad(now, total)
    verdict, _ = said(canary, recent=recent, seen_s=seen_s)
    if verdict is Verdict.FAIL:
        assert canary.bad_share * seen_s / 600 >= 0.1 - 1e-9
        assert recent.bad_share >= 0.1 - 1e-9
    if verdict is Verdict.PASS:
        assert canary.bad_share < 0.1 + 1e-9
        assert total >= 20


@pytest.mark.parametrize(
    "gate, path",
    [
        (Gate("g", SLI, comparison=Comparison(), rule=RULE), ("spec", "burn")),
        (Gate("g", SLI, objective=Objective(1), rule=RULE), ("spec", "objective", "atLeast")),
        (Gate("g", SLI, objective=Objective(0.8), rule=RULE), ("spec", "burn", "factor")),
        (Gate("g", SLI, objective=Objective(0.99), rule=BurnRule(factor=0)), ("spec", "burn", "factor")),
        (Gate("g", SLI, objective=Objective(0.99), rule=BurnRule(window_s=30)), ("spec", "burn")),
        (Gate("g", SLI, objective=Objective(0.99), rule=BurnRule(min_samples=0)), ("spec", "burn", "minSamples")),
        (
            Gate("g", EventsSli("x"), objective=Objective(0.99), hard_stop=HardStop(events=1), rule=RULE),
            ("spec", "objective"),
        ),
    ],
)
def test_senseless_burns_are_refused(gate: Gate, path: tuple[str, ...]) -> None:
    assert path in [problem.path for problem in check_gate(gate)]


def test_it_says_what_it_asks() -> None:
    assert describe_gate(GATE) == (
        "the error budget of 99 % of deposits_total good burnt less than 10 times too fast "
        "over 10 min and the last 1 min"
    )
