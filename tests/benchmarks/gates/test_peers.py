"""The opponents do what their sources say: an unfair one would make the comparison worthless."""

import pytest
from benchmarks.gates._world import EDGES_MS, Arm, Part
from benchmarks.gates.peers import ArgoRun, Flagger, Kayenta, Peer, Said, Threshold, fast, usual
from benchmarks.gates.peers.kayenta import high


def arm(errors: int = 0, requests: int = 1_000) -> Arm:
    return Arm(
        requests,
        errors,
        (0,) * len(EDGES_MS),
        300.0,
        ((20, 0),) * 5,
        (Part(requests, errors, (0,) * len(EDGES_MS), 100, 0),),
    )


GOOD, BAD, GONE = arm(), arm(errors=100), None
BASELINE = arm(requests=9_000)


def back_after(peer: Peer, *canaries: Arm | None, baseline: Arm | None = BASELINE) -> int | None:
    """The sample with which it went back."""
    for number, canary in enumerate(canaries, start=1):
        if peer.see(canary, baseline) is Said.BACK:
            return number
    return None


def minutes(*looks: Arm | None) -> list[Arm | None]:
    return [look for look in looks for _ in range(6)]


def test_a_threshold_wants_three_violations_in_a_row() -> None:
    assert back_after(Threshold(usual()), *minutes(BAD, BAD, BAD)) == 18
    assert back_after(Threshold(usual()), *minutes(BAD, BAD, GOOD, BAD, BAD, GOOD)) is None


def test_argos_failure_limit_is_cumulative_and_exceeded_not_reached() -> None:
    run = ArgoRun(usual(), window=6, failure_limit=3)
    assert back_after(run, *minutes(BAD, GOOD, BAD, GOOD, BAD, GOOD)) is None
    assert back_after(run, *minutes(GOOD, BAD)) == 12


def test_argo_repeats_what_erred_after_ten_seconds_and_gives_up_at_the_fifth_error_in_a_row() -> None:
    assert back_after(ArgoRun(usual()), *minutes(GONE, GONE), baseline=None) == 6 + 4
    four, answer = [GONE] * 9, [GOOD] * 6
    run = ArgoRun(usual(), window=1)
    assert back_after(run, *four, *answer, *[GONE] * 4, *answer) is None


def test_argo_errs_on_an_empty_result_only() -> None:
    # Ten missing samples are not all of a window of thirty.
    assert back_after(ArgoRun(usual()), *[GOOD] * 20, *[GONE] * 25) is None


def test_flaggers_failed_checks_are_never_forgotten_and_looked_at_one_interval_later() -> None:
    flagger = Flagger(threshold=2)
    assert back_after(flagger, *minutes(BAD, GOOD, GOOD, GOOD, BAD)) is None
    assert back_after(flagger, *minutes(GOOD)) == 6


def test_a_failed_check_halts_flaggers_advance() -> None:
    steady, halted = Flagger(), Flagger()
    back_after(steady, *minutes(GOOD, GOOD, GOOD, GOOD, GOOD))
    back_after(halted, *minutes(GOOD, GOOD, BAD, GOOD, GOOD))
    assert steady.weight > halted.weight == 0.01


def test_no_values_are_a_failed_check_for_flagger() -> None:
    assert back_after(Flagger(), *minutes(*[GONE] * 6)) == 36


@pytest.mark.parametrize(
    "experiment,allowed,found",
    [
        ([0.02, 0.021, 0.022, 0.019, 0.023] * 8, 1.1, True),
        ([0.0105, 0.0104, 0.0106, 0.0103, 0.0107] * 8, 1.1, False),  # clearly higher, by less than is allowed
        ([0.0105, 0.0104, 0.0106, 0.0103, 0.0107] * 8, 1.0, True),
        ([0.0] * 39 + [2.0], 1.1, False),  # one point makes the mean, not the ranks
        ([], 1.1, False),
    ],
)
def test_kayenta_wants_a_sure_shift_and_a_large_enough_effect(
    experiment: list[float], allowed: float, *, found: bool
) -> None:
    control = [0.0095, 0.0097, 0.0096, 0.0098, 0.0094] * 8
    assert high(experiment, control, allowed=allowed) is found


def test_kayenta_counts_the_effect_as_none_over_a_baseline_of_zeros() -> None:
    assert not high([0.5, 0.6] * 20, [0.0] * 40)


def test_rare_errors_are_ties_to_kayenta() -> None:
    # Thrice as many points with an error, each thrice as bad, and yet most points of both are zero.
    assert not high([0.0] * 28 + [0.015] * 12, [0.0] * 36 + [0.005] * 4)


def test_kayenta_judges_every_five_minutes() -> None:
    story = [arm(errors=50 + number % 3) for number in range(31)]
    peer = Kayenta(usual())
    baselines = [arm(errors=number % 2, requests=9_000) for number in range(31)]
    said = [peer.see(canary, baseline) for canary, baseline in zip(story, baselines, strict=True)]
    assert said.index(Said.BACK) == 29


def test_schedules_end_where_they_say() -> None:
    slow, quick = usual(), fast(200)
    for _ in range(179):
        assert slow.go_on() is Said.WATCH
    assert slow.weight == 1.0
    assert slow.go_on() is Said.DONE
    for _ in range(4 * 6 + 30):
        quick.go_on()
    assert (quick.weight, quick.whole) == (0.95, True)
