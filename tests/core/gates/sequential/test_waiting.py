"""Counts of a group that is heard of seldom are bet on together: sooner, at the same odds, and just as fairly."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from tests.core.gates.sequential.test_look import ADYEN, BOTH, GATE, KESTREL, T, counts, reading

from croupier.core.gates import Counts, Gate, GateState, SequentialRule
from croupier.core.gates.judge import judge
from croupier.core.gates.sequential.bets import Arm, Pair, against_baseline
from croupier.core.gates.sequential.capital import cap, grown, stake
from croupier.core.gates.sequential.evidence import Evidence, Suspect, Trial
from croupier.core.gates.sequential.restart import restarted
from croupier.core.gates.sequential.samples import NONE
from croupier.core.gates.sequential.terms import terms
from croupier.core.gates.sequential.trials import taken_back
from croupier.core.gates.sequential.waiting import Waiting, with_sample

SEED = 7
RULE = SequentialRule()
Sample = tuple[tuple[int, int], tuple[int, int]]


def trials(gate: Gate, samples: Iterable[Sample], *, weights: Iterable[int] = ()) -> Iterator[Trial]:
    """The whole's test after each sample (bad, total of canary and baseline), at weights that may change."""
    state, at, since, before = GateState(gate.name), T, T, 5_000
    for (canary, baseline), weight in zip(samples, weights or iter(lambda: 5_000, 0), strict=False):
        since, before = (at if weight != before else since), weight
        at += 10
        said = reading({(): canary}, {(): baseline}, at)
        state = judge(gate, state, said, at, watching_since=since, weight_bp=weight, next_bp=weight)
        assert state.evidence is not None
        yield state.evidence.trials[0]


def test_until_three_of_the_baseline_and_one_of_the_canary_nothing_is_bet() -> None:
    first, second, third = trials(GATE, [((1, 1), (0, 1)), ((0, 0), (0, 2)), ((0, 9), (0, 9))])
    assert first.relative == stake(len(first.relative.bets))
    assert first.waiting == Waiting(counts((1, 1)), counts((0, 1)), 1, 10.0, fresh=True, phi=2.0)
    assert second.waiting is None
    held = terms(GATE, RULE, RULE.budget)
    gains = against_baseline([Pair(Arm(1, 1), Arm(0, 3))], tolerance=held.tolerance, ratios=held.ratios)
    assert gains is not None
    assert second.relative == grown(first.relative, gains, trickle=0.1, cap=held.limit, phi=2.0)
    assert third.relative != second.relative
    assert (third.canary, third.baseline) == (counts((1, 10)), counts((0, 12)))  # each counted once


def test_enough_wait_for_nobody() -> None:
    assert all(trial.waiting is None for trial in trials(GATE, [((0, 1), (0, 3))] * 4))


def test_six_samples_are_the_longest_and_then_what_there_is_must_do() -> None:
    few = [*trials(GATE, [((0, 1), (0, 0)), ((0, 0), (1, 1)), *[((0, 0), (0, 0))] * 4])]
    assert [trial.waiting is None for trial in few] == [False] * 5 + [True]
    assert few[-1].relative != few[0].relative
    none = [*trials(GATE, [((0, 0), (0, 1))] * 6)]
    assert none[-1].relative == none[0].relative
    assert none[-1].waiting == Waiting(fresh=True)  # the new weight has had no bet yet


def test_short_samples_wait_for_a_minute_and_long_ones_for_six() -> None:
    seldom: Waiting | None = None
    for sample in range(58):
        seldom = with_sample(seldom, NONE, NONE, 1.0, fresh=not sample, phi=1.0)
        assert not seldom.over
    assert with_sample(seldom, NONE, NONE, 1.0, fresh=False, phi=1.0).over
    assert not Waiting(NONE, NONE, 5, 300.0).over


def test_what_waited_at_another_weight_is_bet_on_at_the_change() -> None:
    """By itself: there the versions' shares were others. Weights that change at every look hide nothing."""
    first, last = trials(GATE, [((1, 1), (0, 1)), ((0, 1), (0, 1))], weights=(5_000, 8_000))
    assert last.waiting == Waiting(counts((0, 1)), counts((0, 1)), 1, 10.0, fresh=True, phi=2.0)
    held = terms(GATE, RULE, RULE.budget)
    gains = against_baseline([Pair(Arm(1, 1), Arm(0, 1))], tolerance=held.tolerance, ratios=held.ratios)
    assert gains is not None
    assert last.relative == grown(first.relative, gains, trickle=0.1, cap=held.limit, phi=2.0)
    assert with_sample(last.waiting, NONE, counts((0, 1)), 10.0, fresh=False, phi=2.0) == Waiting(
        counts((0, 1)), counts((0, 2)), 2, 20.0, fresh=True, phi=2.0
    )
    first, last = trials(GATE, [((1, 1), (0, 0)), ((0, 1), (0, 1))], weights=(5_000, 8_000))
    assert last.relative == first.relative  # of one version alone nothing can be told


def test_what_waits_does_not_choose_how_it_is_weighed() -> None:
    """By the clumps that were known before the first of it, though its own failures have taught more since."""
    waiting = with_sample(None, NONE, counts((1, 1)), 10.0, fresh=False, phi=1.5)
    assert with_sample(waiting, counts((0, 1)), counts((1, 2)), 10.0, fresh=False, phi=4.0).phi == 1.5
    assert with_sample(Waiting(fresh=True), NONE, counts((1, 1)), 10.0, fresh=False, phi=4.0) == Waiting(
        NONE, counts((1, 1)), 1, 10.0, fresh=True, phi=4.0
    )


def test_where_there_is_no_baseline_any_more_nothing_waits() -> None:
    *_, last = trials(BOTH, [((0, 1), (0, 1)), ((1, 1), (0, 0))], weights=(5_000, 10_000))
    assert last.waiting is None
    assert last.relative != stake(len(last.relative.bets))


def test_what_a_sick_instance_won_does_not_wait_either() -> None:
    *_, trial = trials(GATE, [((1, 1), (0, 1))])
    sick = Suspect("pod-1", counts((1, 1)), 0.0, 10.0, (trial,))
    (back,) = taken_back((trial,), sick)
    assert (trial.waiting is None, back.waiting) == (False, None)
    assert restarted(Evidence((trial,), None, T), lambda _: True).trials[0].waiting is None


def test_groups_wait_each_for_itself_and_the_whole_does_not() -> None:
    gate, state = replace(BOTH, by=("psp",)), GateState("errors")
    arm = {KESTREL: (0, 1), ADYEN: (0, 9), (): (0, 10)}
    said = reading(arm, arm, T + 10)
    state = judge(gate, state, said, T + 10, watching_since=T, weight_bp=5_000, next_bp=5_000)
    assert state.evidence is not None
    waiting = {trial.group: trial.waiting for trial in state.evidence.trials}
    assert waiting == {
        (): None,
        ADYEN: None,
        KESTREL: Waiting(counts((0, 1)), counts((0, 1)), 1, 10.0, fresh=True, phi=2.0),
    }


def drawn(random: np.random.Generator, mean: float, share: float) -> tuple[int, int]:
    total = int(random.poisson(mean))
    return int(random.binomial(total, share)), total


def test_a_sparse_fault_is_found_in_fewer_events_than_sample_by_sample() -> None:
    """One and a half events a sample and version, a tenth of them bad on the canary, next to the same bets on each."""
    random, together, apart = np.random.default_rng(SEED), 0.0, 0.0
    held = terms(GATE, RULE, RULE.budget)
    for _ in range(20):
        samples = [(drawn(random, 1.5, 0.1), drawn(random, 1.5, 0.003)) for _ in range(100)]
        *_, trial = trials(GATE, samples)
        together += trial.log_e
        each = stake(len(held.ratios))
        for canary, baseline in samples:
            gains = against_baseline([Pair(Arm(*canary), Arm(*baseline))], tolerance=1.1, ratios=held.ratios)
            each = grown(each, gains, trickle=1 / 120, cap=held.limit, phi=2.0) if gains else each
        apart += each.log_e
    assert together > 1.2 * apart > 0


@pytest.mark.parametrize("incident", [None, 2, 7])
def test_the_healthy_are_spared_whatever_happens_to_both(incident: int | None) -> None:
    """Ville's inequality with the adversary who stops at the best moment: an incident of both versions begins and ends
    every few samples, in the midst of what waits.
    """
    random, runs, alpha, most = np.random.default_rng(SEED), 400, 0.05, 0
    needed = -math.log(alpha)
    held = terms(GATE, RULE, alpha)
    assert held.limit == cap(needed, samples=5)
    for _ in range(runs):
        test, waiting = stake(len(held.ratios)), None
        for tick in range(150):
            share = 0.7 if incident and tick // incident % 3 == 2 else 0.03
            canary, baseline = drawn(random, 1.5, share), drawn(random, 1.5, share)
            waiting = with_sample(waiting, counts(canary), counts(baseline), 10.0, fresh=not tick, phi=1.0)
            if waiting.over:
                pair = Pair(_arm(waiting.canary), _arm(waiting.baseline))
                gains = against_baseline([pair], tolerance=1.0, ratios=held.ratios)
                test = grown(test, gains, trickle=1 / 120, cap=held.limit) if gains else test
            waiting = waiting.left
            if test.log_e >= needed:
                most += 1
                break
    assert most <= alpha * runs + 2 * math.sqrt(alpha * runs)


def _arm(counted: Counts) -> Arm:
    return Arm(counted.bad, counted.total)
