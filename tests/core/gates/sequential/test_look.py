"""The sequential rule on a gate: who is blamed, who is not, and when a canary may go on."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    GateState,
    HardStop,
    LatencySli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
    Verdict,
)
from croupier.core.gates.judge import due, is_news, judge, span
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.gates.sequential.trials import spent
from croupier.core.gates.sli import Group
from croupier.core.gates.stops_only import look

SLI = RatioSli("deposits_total", good=(("outcome", ("ok",)),))
GATE = Gate("errors", SLI, comparison=Comparison(), rule=SequentialRule())
BOTH = replace(GATE, objective=Objective(0.99), comparison=None)
SLOW = Gate("slow", LatencySli("latency_seconds", 0.4), comparison=Comparison(1.2), rule=SequentialRule())
BOTH_DEMANDS: dict[str, Any] = {"objective": Objective(0.999), "comparison": None}
T = 1_000_000.0
KESTREL, ADYEN = (("psp", "kestrel"),), (("psp", "adyen"),)
Sample = tuple[tuple[int, int], tuple[int, int] | None]
"""(bad, total) of the canary and of the baseline."""


def counts(pair: tuple[int, int]) -> Counts:
    return Counts(pair[1] - pair[0], pair[1])


Arm = Mapping[Group, tuple[int, int]]


def reading(canary: Arm, baseline: Arm | None, at: float) -> Reading:
    def whole(arm: Arm) -> dict[Group, Counts]:
        return {group: counts(pair) for group, pair in arm.items()}

    return Reading(at - 10, at, whole(canary), None if baseline is None else whole(baseline))


def watched(
    gate: Gate, samples: Iterable[Sample], *, weight_bp: int = 100, next_bp: int = 500, since: float = T
) -> Iterator[GateState]:
    """The state after each sample, 10 s apart, at one weight."""
    state, at = GateState(gate.name), since
    for canary, baseline in samples:
        at += 10
        said = reading({(): canary}, None if baseline is None else {(): baseline}, at)
        state = judge(gate, state, said, at, watching_since=since, weight_bp=weight_bp, next_bp=next_bp)
        yield state


def last(gate: Gate, samples: Iterable[Sample], *, next_bp: int = 500) -> GateState:
    *_, state = watched(gate, samples, next_bp=next_bp)
    return state


def verdicts(gate: Gate, samples: Iterable[Sample], *, next_bp: int = 500) -> list[Verdict]:
    return [state.latest.verdict for state in watched(gate, samples, next_bp=next_bp) if state.latest]


HEALTHY: Sample = ((0, 200), (1, 1800))


def test_a_healthy_canary_passes_when_harm_is_excluded() -> None:
    said = verdicts(GATE, [HEALTHY] * 12)
    assert said[:5] == [Verdict.INCONCLUSIVE] * 5
    assert said[-1] is Verdict.PASS
    assert Verdict.FAIL not in said


def test_a_larger_next_weight_asks_for_more() -> None:
    few, many = [verdicts(GATE, [((0, 20), (1, 1980))] * 60, next_bp=bp).index(Verdict.PASS) for bp in (200, 10_000)]
    assert few < many


@pytest.mark.parametrize("samples", [2, 4, 9])
@pytest.mark.parametrize("budget", [0.01, 0.002, 1e-6])
@pytest.mark.parametrize("demands", [{}, {"objective": Objective(0.999)}, BOTH_DEMANDS], ids=str)
@pytest.mark.parametrize("moving", [False, True], ids=["one weight", "the weight changes with every sample"])
def test_a_broken_canary_is_blamed_in_the_fourth_sample_and_not_sooner(
    samples: int, budget: float, demands: dict[str, Any], moving: bool
) -> None:
    """Or in whichever is the first that may; next to a baseline or without one."""
    gate = replace(GATE, rule=SequentialRule(samples=samples, budget=budget, clumps=1.0), **demands)
    for baseline in ((0, 18_000), None) if gate.objective is not None else ((0, 18_000),):
        state, said = GateState("errors"), []
        for at in range(1_000_010, 1_000_010 + 10 * samples, 10):
            one = reading({(): (2_000, 2_000)}, None if baseline is None else {(): baseline}, at)
            since = at - 10.0 if moving else T
            state = judge(gate, state, one, float(at), watching_since=since, next_bp=500)
            assert state.latest is not None
            said.append(state.latest.verdict)
        assert said == [*[Verdict.INCONCLUSIVE] * (samples - 1), Verdict.FAIL]


def test_the_verdict_says_the_counts_and_the_odds() -> None:
    latest = last(GATE, [((20, 200), (1, 1800))] * 6).latest
    assert latest is not None
    assert latest.verdict is Verdict.FAIL
    assert latest.reason.startswith("90.00 % of 1200 good, baseline 99.94 % of 10800: ")
    assert latest.reason.endswith(" to 1 that it is worse than permitted")


def test_a_hard_stop_needs_one_sample() -> None:
    gate = replace(GATE, hard_stop=HardStop(failing=0.5, samples=20))
    [state] = watched(gate, [((20, 20), (1, 1800))])
    assert state.latest is not None
    assert state.latest.hard
    assert state.violated_since == T


def test_a_group_that_fails_outright_stops_at_once() -> None:
    gate = replace(GATE, by=("psp",), hard_stop=HardStop(failing=0.5, samples=20))
    canary: Arm = {KESTREL: (30, 30), ADYEN: (0, 400)}
    baseline: Arm = {KESTREL: (0, 300), ADYEN: (0, 3000)}
    said = reading(with_whole(canary), with_whole(baseline), T + 10)
    latest = judge(gate, GateState("errors"), said, T + 10, watching_since=T, next_bp=500).latest
    assert latest is not None
    assert latest.hard
    assert latest.reason.startswith("hard stop: psp=kestrel: 0.00 % of 30 good")


@pytest.mark.parametrize("rule", [SequentialRule(), ClassicRule(min_samples=1)])
@pytest.mark.parametrize(
    "all_of,theirs,here,stops",
    [
        ((400, 8_000), (20, 400), (20, 20), False),  # 5 % of the players have no deposit there by chance
        ((400, 8_000), (20, 400), (200, 200), True),  # ... but not of two hundred
        ((20, 400), (400, 8_000), (20, 20), True),  # a provider that only the canary has
        ((400, 8_000), (0, 0), (20, 20), True),  # no baseline at all any more
    ],
)
def test_a_group_of_which_the_baseline_has_nothing_by_chance_stops_nobody(
    rule: SequentialRule | ClassicRule,
    all_of: tuple[int, int],
    theirs: tuple[int, int],
    here: tuple[int, int],
    stops: bool,
) -> None:
    gate = replace(GATE, by=("psp",), hard_stop=HardStop(failing=0.5, samples=20), rule=rule)
    said = reading({(): all_of, KESTREL: here}, {(): theirs, ADYEN: theirs}, T + 10)
    latest = judge(gate, GateState("errors"), said, T + 10, watching_since=T, next_bp=500).latest
    assert latest is not None
    assert latest.hard is stops
    overtaken = look(gate, said, T + 10, "late")
    assert overtaken.hard is stops


def test_a_sample_without_length_breaks_nothing() -> None:
    state, gate = GateState("errors"), replace(GATE, rule=SequentialRule(dwell=1))
    said = Reading(T, T, {(): Counts(9, 9)}, {(): Counts(9, 9)})
    assert judge(gate, state, said, T, watching_since=T, next_bp=500).latest is not None


def test_an_incident_of_both_blames_nobody() -> None:
    outage: Sample = ((100, 200), (900, 1800))
    assert Verdict.FAIL not in verdicts(GATE, [HEALTHY] * 6 + [outage] * 60)
    latest = last(BOTH, [HEALTHY] * 6 + [outage] * 20).latest
    assert latest is not None
    assert latest.verdict is Verdict.INCONCLUSIVE
    assert latest.reason.endswith("the baseline misses it likewise, so the release is not blamed")


@pytest.mark.parametrize("failed", [1.0, 0.7, 0.1])
def test_an_incident_that_is_over_is_soon_forgotten(failed: float) -> None:
    """However much failed, and for however long: an hour of waiting for a minute of failures helps nobody."""
    bad: Sample = ((int(20 * failed), 20), (int(400 * failed), 400))
    good: Sample = ((0, 20), (0, 400))
    samples = [good] * 10 + [bad] * 30 + [good] * 12
    said = verdicts(replace(GATE, objective=Objective(0.99)), samples)
    assert said[9] is Verdict.PASS
    assert set(said[12:40]) == {Verdict.INCONCLUSIVE}
    assert said[41] is Verdict.INCONCLUSIVE  # one good sample is not the end of it yet
    assert said[-1] is Verdict.PASS


def test_an_objective_alone_is_asked_only_of_those_who_are_worse_than_the_baseline() -> None:
    """60 % above the baseline and still within the objective: good enough."""
    assert Verdict.FAIL not in verdicts(BOTH, [((8, 2000), (45, 18000))] * 200)
    assert Verdict.FAIL in verdicts(BOTH, [((80, 2000), (45, 18000))] * 10)


def test_without_a_baseline_the_objective_decides() -> None:
    alone = replace(BOTH, comparison=Comparison())
    assert Verdict.FAIL in verdicts(alone, [((30, 300), None)] * 10)
    assert Verdict.FAIL not in verdicts(alone, [((1, 300), None)] * 100)
    assert Verdict.FAIL not in verdicts(GATE, [((30, 300), None)] * 10), "there is nothing to compare with"


def test_silence_and_an_empty_sample_hold() -> None:
    state = last(GATE, [HEALTHY] * 12)
    hushed = judge(GATE, state, Silence("away"), T + 200, watching_since=T, next_bp=500)
    assert (hushed.passed_at, hushed.evidence) == (None, state.evidence)
    empty = judge(GATE, state, reading({}, {}, T + 200), T + 200, watching_since=T, next_bp=500)
    assert empty.latest is not None
    assert empty.latest.verdict is Verdict.NO_DATA
    assert empty.evidence is not None
    assert state.evidence is not None
    assert spent(empty.evidence) == spent(state.evidence), "nothing is learnt, bit for bit"


SPARSE: Sample = ((0, 1), (0, 100))
HUSHED: Sample = ((0, 0), (0, 100))


def test_none_of_few_events_is_an_answer() -> None:
    lively = [SPARSE, HUSHED] * 3
    assert verdicts(GATE, lively) == [*[Verdict.INCONCLUSIVE, Verdict.NO_DATA] * 2, Verdict.INCONCLUSIVE, Verdict.PASS]
    assert verdicts(GATE, [SPARSE, HUSHED, HUSHED] * 3)[-1] is Verdict.PASS
    state = last(GATE, [SPARSE, HUSHED, HUSHED])
    assert state.evidence is not None
    assert (state.evidence.samples, state.evidence.quiet) == (3, 2)
    assert state.evidence.missed == pytest.approx(2 * 100 / 99)


def test_none_of_many_is_silence() -> None:
    """How many are due the baseline says, and not a canary that dies just after a change of weight."""
    assert verdicts(GATE, [HEALTHY] * 12 + [((0, 0), (1, 1800))])[-2:] == [Verdict.PASS, Verdict.NO_DATA]
    dying: list[Sample] = [((0, 1), (2, 9_500)), *[((0, 0), (2, 9_500))] * 80]
    assert list(last_words(dying, weight_bp=500)) == [*[Verdict.INCONCLUSIVE], *[Verdict.NO_DATA] * 80]
    assert Verdict.PASS not in list(last_words([((0, 1), (1, 10)), *[((0, 0), (1, 10))] * 80], weight_bp=0))


def last_words(samples: Iterable[Sample], *, weight_bp: int) -> Iterator[Verdict]:
    for state in watched(GATE, samples, weight_bp=weight_bp):
        assert state.latest is not None
        yield state.latest.verdict


def test_a_canary_that_falls_silent_holds() -> None:
    said = verdicts(GATE, [*[SPARSE] * 8, *[HUSHED] * 6])
    assert said[8:] == [Verdict.PASS] * 4 + [Verdict.NO_DATA] * 2
    assert verdicts(GATE, [HUSHED] * 20) == [Verdict.NO_DATA] * 20, "not even one event"
    nobody: Sample = ((0, 0), (0, 0))
    assert verdicts(GATE, [*[SPARSE] * 8, nobody])[-1] is Verdict.NO_DATA, "nobody plays"


def test_silence_begins_anew_with_each_weight() -> None:
    state, at = last(GATE, [SPARSE] * 8), T + 210
    for number in range(8):
        hushed = reading({(): (0, 0)}, {(): (0, 100)}, at + 10 * number)
        state = judge(GATE, state, hushed, at + 10 * number, watching_since=T + 200, next_bp=5_000)
        assert state.latest is not None
        assert state.latest.verdict is Verdict.NO_DATA
    assert state.evidence is not None
    assert state.evidence.samples < SequentialRule().dwell


def test_nothing_is_counted_twice() -> None:
    state = last(GATE, [HEALTHY] * 3)
    again = reading({(): (200, 200)}, {(): (0, 1800)}, T + 30)
    assert judge(GATE, state, again, T + 31, watching_since=T, next_bp=500) == state


def test_it_reads_on_from_where_it_stopped_and_from_each_new_weight() -> None:
    state = last(GATE, [HEALTHY] * 3)
    assert span(GATE, GateState("errors"), T + 10, watching_since=T) == (T, T + 10)
    assert span(GATE, state, T + 40, watching_since=T) == (T + 30, T + 40)
    assert span(GATE, state, T + 60, watching_since=T + 50) == (T + 50, T + 60)
    assert span(GATE, state, T + 20, watching_since=T) == (T, T + 20), "the clock was set back"
    assert due(GATE, state, T + 40, watching_since=T)


def test_each_sample_is_recorded() -> None:
    *_, before, after = watched(GATE, [HEALTHY] * 12)
    assert is_news(before, after)


def test_evidence_stays_over_a_change_of_weight_and_passing_begins_anew() -> None:
    state = last(GATE, [HEALTHY] * 12)
    at = T + 210
    after = judge(GATE, state, reading({(): (0, 500)}, {(): (1, 1500)}, at), at, watching_since=T + 200, next_bp=5_000)
    assert after.evidence is not None
    assert after.evidence.samples == 1
    assert after.passed_at is None
    assert after.evidence.trials[0].canary == Counts(2900, 2900)


def test_patience_ends_where_there_is_little_traffic() -> None:
    quick = replace(GATE, rule=SequentialRule(patience=20))
    quiet: Sample = ((0, 1), (0, 2000))
    said = verdicts(quick, [quiet] * 20, next_bp=10_000)
    assert said[18:] == [Verdict.INCONCLUSIVE, Verdict.PASS]


def with_whole(arm: Arm) -> Arm:
    return {**arm, (): (sum(bad for bad, _ in arm.values()), sum(total for _, total in arm.values()))}


def by_group(kestrel_bad: int, *, ticks: int, mix: int = 50) -> list[GateState]:
    gate = replace(GATE, by=("psp",))
    states, state = [], GateState("errors")
    for index in range(1, ticks + 1):
        canary = {KESTREL: (kestrel_bad, mix), ADYEN: (0, 150)}
        baseline = {KESTREL: (3, 300), ADYEN: (1, 1500)}
        arms = [
            {**arm, (): (sum(b for b, _ in arm.values()), sum(n for _, n in arm.values()))}
            for arm in (canary, baseline)
        ]
        said = reading(arms[0], arms[1], T + 10 * index)
        state = judge(gate, state, said, T + 10 * index, watching_since=T, next_bp=500)
        states.append(state)
    return states


def test_a_group_that_fails_is_named() -> None:
    latest = by_group(25, ticks=8)[-1].latest
    assert latest is not None
    assert latest.verdict is Verdict.FAIL
    assert latest.reason.startswith("psp=kestrel: ")


@pytest.mark.parametrize("groups", [1, 40])
def test_three_samples_convict_nobody_in_however_many_groups(groups: int) -> None:
    """All of them fail in everything, and so does the whole."""
    gate, state = replace(GATE, by=("psp",)), GateState("errors")
    names: list[Group] = [(("psp", f"p{number}"),) for number in range(groups)]
    verdicts = []
    for index in range(1, 8):
        canary, baseline = dict.fromkeys(names, (500, 500)), dict.fromkeys(names, (0, 5000))
        said = reading(with_whole(canary), with_whole(baseline), T + 10 * index)
        state = judge(gate, state, said, T + 10 * index, watching_since=T, next_bp=500)
        assert state.latest is not None
        verdicts.append(state.latest.verdict)
    assert verdicts.index(Verdict.FAIL) == 3


def test_groups_share_the_budget() -> None:
    evidence = by_group(0, ticks=1)[-1].evidence
    assert evidence is not None
    assert [trial.group for trial in evidence.trials] == [(), ADYEN, KESTREL]
    assert [trial.budget for trial in evidence.trials] == pytest.approx([0.0025, 0.003375, 0.003375])


def test_a_group_that_comes_later_gets_of_what_is_left() -> None:
    gate = replace(GATE, by=("psp",))
    state = GateState("errors")
    seen: list[list[Group]] = [[()], [(), KESTREL], [(), KESTREL, ADYEN]]
    for index, groups in enumerate(seen, 1):
        arm = dict.fromkeys(groups, (0, 9))
        at = T + 10 * index
        state = judge(gate, state, reading(arm, arm, at), at, watching_since=T, next_bp=500)
    assert state.evidence is not None
    assert [trial.budget for trial in state.evidence.trials] == pytest.approx([0.0025, 0.00675, 0.000675])


def test_another_mix_of_groups_is_no_fault() -> None:
    """The canary receives twice the share of a provider that fails ten times as often as the others."""
    said = [state.latest.verdict for state in by_group(1, ticks=100, mix=100) if state.latest]
    assert Verdict.FAIL not in said


def test_a_slower_canary_is_blamed() -> None:
    assert Verdict.FAIL in verdicts(SLOW, [((60, 400), (90, 1800))] * 12)
    assert Verdict.FAIL not in verdicts(SLOW, [((20, 400), (90, 1800))] * 100)
    assert verdicts(SLOW, [((20, 400), (90, 1800))] * 30)[-1] is Verdict.PASS


@pytest.mark.played
def test_a_healthy_canary_is_blamed_in_a_hundredth_of_the_rollouts_at_most() -> None:
    """Each gate exactly on the edge of what it tolerates, looked at after every sample."""
    random = np.random.default_rng(7)
    blamed = 0
    for _ in range(150):
        samples: list[Sample] = [
            ((int(random.binomial(200, 0.011)), 200), (int(random.binomial(1800, 0.01)), 1800)) for _ in range(100)
        ]
        blamed += Verdict.FAIL in verdicts(replace(GATE, rule=SequentialRule(clumps=1.0)), samples)
    assert blamed <= 6, "1.5 are expected at the most"


def test_a_latency_is_compared_at_two_thresholds() -> None:
    """Of the canary within 480 ms as many as of the baseline within 400 ms: a fifth slower is no fault."""
    shifted = replace(SLOW, comparison=Comparison(1.0, canary_threshold_s=0.48))
    assert shifted.canary_sli == LatencySli("latency_seconds", 0.48)
    assert (SLOW.canary_sli, GATE.canary_sli) == (SLOW.sli, GATE.sli)
    state = last(shifted, [((40, 400), (90, 1800))] * 8)
    assert state.latest is not None
    assert (state.latest.verdict, state.latest.reason.split(":")[0]) == (
        Verdict.FAIL,
        "90.00 % of 3200 within 0.48 s, baseline 95.00 % of 14400 within 0.4 s",
    )
    alone = last(shifted, [((40, 400), None)])
    assert alone.latest is not None
    assert alone.latest.reason.startswith("90.00 % of 400 within 0.48 s; ")
    assert Verdict.FAIL not in verdicts(shifted, [((20, 400), (90, 1800))] * 60)


def clumped(parts: tuple[Counts, ...], ticks: int = 40) -> list[Verdict]:
    """A canary that failed in clumps of four as its baseline does, unluckily; the baseline was counted in ``parts``."""
    state, at, said = GateState("errors"), T, []
    for tick in range(ticks):
        at += 10
        both = reading({(): (4 * (tick % 3 == 0), 200)}, {(): (4, 1800)}, at)
        state = judge(GATE, state, replace(both, parts=parts), at, watching_since=T, next_bp=500)
        assert state.latest is not None
        said.append(state.latest.verdict)
    return said


def test_clumps_are_measured_on_the_instances() -> None:
    """Four failures at once in one instance of four, again and again, are one fault each."""
    together = (Counts(446, 450), Counts(450, 450), Counts(450, 450), Counts(450, 450))
    apart = (Counts(449, 450),) * 4
    assert Verdict.FAIL in clumped(apart)
    assert Verdict.FAIL in clumped(())
    assert Verdict.FAIL not in clumped(together)


def test_a_measured_dispersion_is_used_from_the_next_sample_on() -> None:
    one = Reading(T, T + 10, {(): Counts(199, 200)}, {(): Counts(1796, 1800)}, (Counts(896, 900), Counts(900, 900)))
    state = judge(GATE, GateState("errors"), one, T + 10, watching_since=T, next_bp=500)
    plain = judge(GATE, GateState("errors"), replace(one, parts=()), T + 10, watching_since=T, next_bp=500)
    fixed = replace(GATE, rule=SequentialRule(clumps=1.0))
    assert state.evidence is not None
    assert state.evidence.dispersion == Dispersion(4.0, 1.0)
    alike = judge(fixed, GateState("errors"), one, T + 10, watching_since=T, next_bp=500)
    assert alike.evidence is not None
    assert plain.evidence is not None
    assert state.evidence.trials == alike.evidence.trials  # nothing was known to clump
    assert plain.evidence.dispersion is None
    assert plain.evidence.trials != alike.evidence.trials  # two are taken for one
    assert state.latest is not None
    assert state.latest.parts == one.parts  # what is needed to make it again


def test_a_group_alone_spends_no_more_than_its_part() -> None:
    state = by_group(25, ticks=8)[-1]
    assert state.evidence is not None
    kestrel = next(trial for trial in state.evidence.trials if trial.group == KESTREL)
    assert kestrel.log_e > 0
    assert spent(state.evidence) >= 0.0
    assert spent(None) == -float("inf")


# --- what promotes, and what must not -----------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", [None, (0, 0)])
def test_without_anything_to_compare_with_nothing_passes(baseline: tuple[int, int] | None) -> None:
    said = verdicts(GATE, [((50, 50), baseline)] * 80)
    assert Verdict.PASS not in said
    assert Verdict.PASS not in verdicts(GATE, [((0, 50), baseline)] * 80), "however good it looks"


def test_groups_that_do_not_meet_are_compared_together() -> None:
    """The canary's events carry another label than the baseline's, or none."""
    gate, state = replace(GATE, by=("psp",)), GateState("errors")
    for index in range(1, 8):
        canary: Arm = {(): (300, 300), KESTREL: (200, 200)}
        said = reading(canary, with_whole({ADYEN: (0, 3000)}), T + 10 * index)
        state = judge(gate, state, said, T + 10 * index, watching_since=T, next_bp=500)
    assert state.latest is not None
    assert state.latest.verdict is Verdict.FAIL


def test_a_total_failure_of_both_does_not_go_on() -> None:
    latest = last(GATE, [((200, 200), (1800, 1800))] * 80).latest
    assert latest is not None
    assert latest.verdict is Verdict.INCONCLUSIVE
    assert latest.reason.endswith("too much fails to go on")


@pytest.mark.parametrize("max_ratio", [1.1, 1.5, 2.0, 3.0, 10.0])
@pytest.mark.parametrize("bad", [0, 18])
def test_a_canary_that_is_no_worse_is_not_blamed_for_what_is_tolerated(max_ratio: float, bad: int) -> None:
    generous = replace(GATE, comparison=Comparison(max_ratio))
    said = verdicts(generous, [((bad, 1800), (18, 1800))] * 100)
    assert Verdict.FAIL not in said
    assert Verdict.FAIL in verdicts(generous, [((400, 1800), (18, 1800))] * 10)


def test_new_groups_without_end_break_nothing() -> None:
    gate, state = replace(GATE, by=("psp",)), GateState("errors")
    seen: dict[Group, tuple[int, int]] = {}
    for index in range(1, 140):
        seen[(("psp", f"p{index}"),)] = (0, 10)
        said = reading(with_whole(seen), with_whole(seen), T + 10 * index)
        state = judge(gate, state, said, T + 10 * index, watching_since=T, next_bp=500)
    assert state.latest is not None
    assert state.latest.verdict is Verdict.PASS
    assert state.evidence is not None
    assert math.fsum(trial.budget for trial in state.evidence.trials) <= 0.01
    assert len(state.evidence.trials) < 20
    assert len(state.latest.findings) == 140, "all of it is recorded, so that it can be judged again"


def test_a_gate_of_many_holds_at_stronger_evidence() -> None:
    """Two failures at 5 to 1 hold a rollout that has one gate; who has three meets that by chance too often."""
    samples: list[Sample] = [*[((1, 20), (1, 1980))] * 2, *[((0, 20), (0, 1980))] * 10]
    alone, of_three = (replace(GATE, objective=Objective(0.99), rule=SequentialRule(budget=b)) for b in (0.01, 0.003))
    assert verdicts(alone, samples)[-1] is Verdict.INCONCLUSIVE
    assert verdicts(of_three, samples)[-1] is Verdict.PASS
    assert verdicts(of_three, [*samples, ((1, 20), (0, 1980))])[-1] is Verdict.INCONCLUSIVE


def test_nothing_passes_while_a_group_is_under_suspicion() -> None:
    """However small its part of the budget is."""
    gate, state = replace(GATE, by=("psp",)), GateState("errors")
    canary: dict[Group, tuple[int, int]] = {ADYEN: (0, 400)}
    baseline: dict[Group, tuple[int, int]] = {ADYEN: (0, 4000)}
    said = []
    for index in range(1, 40):
        if index < 7:  # others come first and take nine tenths of what is left, each time
            canary[(("psp", f"p{index}"),)] = baseline[(("psp", f"p{index}"),)] = (0, 10)
        if index == 8:
            canary[KESTREL], baseline[KESTREL] = (3, 6), (0, 60)
        state = judge(
            gate,
            state,
            reading(with_whole(canary), with_whole(baseline), T + 10 * index),
            T + 10 * index,
            watching_since=T,
            next_bp=500,
        )
        assert state.latest is not None
        assert state.evidence is not None
        odds = max(trial.log_e for trial in state.evidence.trials)
        said.append((state.latest.verdict, odds))
    assert all(verdict is not Verdict.PASS for verdict, odds in said if odds >= math.log(100))
    assert any(verdict is Verdict.INCONCLUSIVE and odds >= math.log(100) for verdict, odds in said)


@pytest.mark.parametrize("total", [10**400])
def test_numbers_that_no_formula_takes_hold(total: int) -> None:
    [state] = watched(GATE, [((total // 2, total), (0, total))])
    assert state.latest is not None
    assert state.latest.verdict is Verdict.NO_DATA
    assert state.latest.reason.startswith("the counts cannot be judged: ")


@pytest.mark.parametrize("at_least", [1.0, 1e-17])
def test_extreme_objectives_can_be_judged(at_least: float) -> None:
    gate = replace(GATE, objective=Objective(at_least))
    assert all(
        state.latest is not None and "cannot be judged" not in state.latest.reason
        for state in watched(gate, [HEALTHY] * 3)
    )
