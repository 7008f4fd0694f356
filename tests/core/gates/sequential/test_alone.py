"""What is asked of a canary where the baseline has nothing to say: the same stake, and only once that is no chance."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from croupier.core.gates import (
    Comparison,
    Counts,
    Gate,
    GateState,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.judge import judge
from croupier.core.gates.sli import Group
from croupier.core.segments import BUCKETS

SLI = RatioSli("deposits_total", good=(("outcome", ("ok",)),))
RULE = SequentialRule(clumps=1.0)
BOTH = Gate("deposits", SLI, objective=Objective(0.99), comparison=Comparison(), rule=RULE)
ONLY_AN_OBJECTIVE = replace(BOTH, comparison=None)
NO_OBJECTIVE = replace(BOTH, objective=None)
T = 1_000_000.0
Sample = tuple[tuple[int, int], tuple[int, int] | None]
"""(bad, total) of the canary and of the baseline."""


def watched(gate: Gate, samples: Sequence[Sample], weight_bp: int) -> Iterator[GateState]:
    """The state after each sample of the whole, 10 s apart."""
    state = GateState(gate.name)
    for index, (canary, baseline) in enumerate(samples, 1):
        at = T + 10 * index
        theirs: dict[Group, Counts] | None = None if baseline is None else {(): counts(baseline)}
        state = judge(
            gate,
            state,
            Reading(at - 10, at, {(): counts(canary)}, theirs),
            at,
            watching_since=T,
            weight_bp=weight_bp,
            next_bp=BUCKETS,
        )
        yield state


def counts(pair: tuple[int, int]) -> Counts:
    return Counts(pair[1] - pair[0], pair[1])


def blamed_in(gate: Gate, samples: Sequence[Sample], weight_bp: int) -> int | None:
    """The sample in which the canary is blamed, counted from 1."""
    said = enumerate(watched(gate, samples, weight_bp), 1)
    return next((at for at, state in said if state.latest and state.latest.verdict is Verdict.FAIL), None)


@pytest.mark.parametrize("gate", [BOTH, ONLY_AN_OBJECTIVE], ids=["compared", "objective only"])
@pytest.mark.parametrize("known", [True, False], ids=["weight", "no weight: segments"])
@pytest.mark.parametrize("weight_bp", [500, 900, 5_000, 8_500, 9_500])
@pytest.mark.parametrize("per_sample", [5, 20])
def test_an_outage_of_a_provider_convicts_nobody_for_having_more_of_its_players(
    gate: Gate, known: bool, weight_bp: int, per_sample: int
) -> None:
    """Most samples have deposits of the canary only, and all of them fail, for both."""
    gate, random = replace(gate, by=("psp",)), np.random.default_rng(per_sample + weight_bp)
    for _ in range(4):
        state = GateState(gate.name)
        for index in range(1, 61):
            at = T + 10 * index
            arms = []
            for share in (weight_bp / BUCKETS, 1 - weight_bp / BUCKETS):
                arm: dict[Group, Counts] = {}
                for psp in range(5):
                    total = int(random.poisson(per_sample * share / 5))
                    bad = int(random.binomial(total, 1.0 if psp == 0 and 20 <= index < 50 else 0.003))
                    arm[(("psp", f"p{psp}"),)] = counts((bad, total))
                arm[()] = Counts(sum(each.good for each in arm.values()), sum(each.total for each in arm.values()))
                arms.append(arm)
            said = Reading(at - 10, at, arms[0], arms[1])
            weight = weight_bp if known else 0
            state = judge(gate, state, said, at, watching_since=T, weight_bp=weight, next_bp=BUCKETS)
            assert state.latest is not None
            assert state.latest.verdict is not Verdict.FAIL, state.latest.reason


def test_what_was_won_against_the_baseline_counts_once_there_is_none() -> None:
    compared: list[Sample] = [((8, 20), (0, 20))]
    alone: list[Sample] = [((8, 20), None)]
    assert blamed_in(BOTH, compared * 9, 5_000) == blamed_in(BOTH, alone * 9, 5_000) == 4
    assert blamed_in(BOTH, [*compared * 2, *alone * 9], 5_000) == 4, "it is one stake"
    assert blamed_in(BOTH, [*alone * 2, *compared * 9], 5_000) == 4


def test_a_baseline_that_vanished_is_not_waited_for() -> None:
    """A gap of chance is not so long: then the objective is asked."""
    gone: list[Sample] = [((40, 40), (0, 0))] * 20
    assert blamed_in(BOTH, [((0, 40), (0, 20)), *gone], 5_000) == 1 + 4, "the first silent sample says it all"
    assert blamed_in(BOTH, [((0, 40), (0, 2)), *gone], 5_000) == 1 + 3 + 4, "after four samples"
    assert blamed_in(BOTH, [((0, 40), (0, 20)), *gone], BUCKETS) == 1 + 4, "everybody is here"
    assert blamed_in(BOTH, gone, 0) == 4, "nothing says that there should be any"
    assert blamed_in(ONLY_AN_OBJECTIVE, [((0, 40), (0, 20)), *gone], 5_000) is not None
    assert blamed_in(NO_OBJECTIVE, [((0, 40), (0, 20)), *gone], 5_000) is None, "there is nothing to ask"


def test_a_baseline_that_failed_itself_before_it_fell_silent_says_that_it_is_an_incident() -> None:
    """For a while: what it failed is forgotten by and by."""
    gone: list[Sample] = [((40, 40), (0, 0))] * 200
    failing: list[Sample] = [((0, 40), (0, 20)), ((20, 40), (10, 20))]
    at = blamed_in(BOTH, [*failing, *gone], 5_000)
    assert at is not None
    assert at > 60


def test_after_a_rise_of_a_segments_share_what_was_seen_before_says_nothing() -> None:
    """Nobody knows the weight there; of a group the whole tells how many events to expect."""
    state, gate = GateState("deposits"), replace(BOTH, by=("psp",))
    rare: Group = (("psp", "rare"),)
    for index in range(1, 121):
        at = T + 10 * index
        ours, out = (5, 0) if index <= 60 else (95, 1)
        canary: dict[Group, Counts] = {(): Counts(ours - out, ours), rare: Counts(0, out)}
        theirs: dict[Group, Counts] = {
            (): Counts(100 - ours, 100 - ours),
            rare: Counts(1, 1) if index <= 60 else Counts(0, 0),
        }
        since = T if index <= 60 else T + 600
        said = Reading(at - 10, at, canary, theirs)
        state = judge(gate, state, said, at, watching_since=since, weight_bp=0, next_bp=BUCKETS)
        assert state.latest is not None
        assert state.latest.verdict is not Verdict.FAIL, (index, state.latest.reason)


def test_yesterday_is_there_though_everybody_has_the_canary_now() -> None:
    """The weight says nothing of a day on which all had one version."""
    yesterday = replace(BOTH, comparison=Comparison(against="yesterday"))
    samples: list[Sample] = [((2, 2), (1, 1)), *[((2, 2), (0, 0))] * 2] * 20
    assert blamed_in(yesterday, samples, BUCKETS) is None
    assert blamed_in(BOTH, samples, BUCKETS) is not None


def test_what_misses_the_objective_does_not_pass_before_it_can_be_compared() -> None:
    """Fails 3 % where 1 % may; whether the stable version does as well nobody has heard."""
    samples: list[Sample] = [*[((3, 100), (0, 0))] * 3, ((3, 100), (0, 1))]
    said = [state.latest for state in watched(BOTH, samples * 30, 9_900) if state.latest]
    assert {each.verdict for each in said} <= {Verdict.INCONCLUSIVE}
    assert any("too little to compare it with" in each.reason for each in said)
    healthy: list[Sample] = [*[((0, 100), (0, 0))] * 3, ((0, 100), (0, 1))]
    assert Verdict.PASS in {state.latest.verdict for state in watched(BOTH, healthy * 30, 9_900) if state.latest}


def test_a_canary_that_is_silent_as_well_makes_no_gap() -> None:
    silent: list[Sample] = [((0, 0), (0, 0))] * 50
    samples: list[Sample] = [((0, 40), (0, 4)), *silent, *[((40, 40), (0, 0))] * 2, ((40, 40), (4, 4))]
    *_, state = watched(BOTH, samples, 9_000)
    assert state.evidence is not None
    assert state.evidence.trials[0].counterpart.unmet == 0
    assert state.evidence.trials[0].log_e <= 0.0


@pytest.mark.played
@pytest.mark.parametrize("gate", [BOTH, ONLY_AN_OBJECTIVE], ids=["compared", "objective only"])
def test_a_healthy_canary_is_spared_whoever_takes_its_baseline_away_and_when(gate: Gate) -> None:
    """On the edge of both questions; the baseline goes and comes back, by what was counted so far."""
    random, blamed = np.random.default_rng(5), 0
    for _ in range(150):
        state, ahead = GateState(gate.name), False
        for index in range(1, 101):
            at = T + 10 * index
            canary = counts((int(random.binomial(200, 0.01)), 200))
            theirs: dict[Group, Counts] = {(): counts((int(random.binomial(200, 0.01 / 1.1)), 200))}
            # Whoever wants to see it blamed asks what looked worse lately.
            said = Reading(at - 10, at, {(): canary}, None if ahead else theirs)
            state = judge(gate, state, said, at, watching_since=T, weight_bp=5_000, next_bp=BUCKETS)
            ahead = canary.bad > 2 and theirs[()].bad > 2
            assert state.latest is not None
            if state.latest.verdict is Verdict.FAIL:
                blamed += 1
                break
    assert blamed <= 6, "1.5 are expected at the most"
