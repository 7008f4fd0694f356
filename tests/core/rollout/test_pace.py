"""``steps: auto``: which weights a service's traffic asks for, and the steps that they become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import Comparison, Gate, RatioSli, SequentialRule
from croupier.core.rollout.check import check
from croupier.core.rollout.pace import deciding, paced, pinned, weights
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Asked, Auto, Pace, Pause, RolloutSpec, SetWeight

SLI = RatioSli("requests_total", good=(("code", ("200",)),))
EVIDENCE = Gate("evidence", SLI, comparison=Comparison(), rule=SequentialRule())
CLASSIC = Gate("classic", SLI, comparison=Comparison())
GATES = {gate.name: gate for gate in (EVIDENCE, CLASSIC)}


def spec(*steps: Asked) -> RolloutSpec:
    return RolloutSpec("shop", "shop", steps, ("classic", "evidence"))


@pytest.mark.parametrize(
    "per_s, ladder, last_bp",
    [
        (None, (100, 500, 1_000, 2_500, 5_000), 5_000),  # large for the first weight, small for the last
        (2.0, (5_000,), 5_000),
        (20.0, (500, 1_000, 2_500, 5_000), 5_000),
        (10.0, (1_000, 2_500, 5_000), 5_000),
        (20.3, (490, 1_000, 2_500, 5_000), 5_000),  # 5 % would be near, but a step of its own is not worth its time
        (25.0, (400, 1_000, 2_500, 5_000), 5_000),
        (70.0, (140, 500, 1_000, 2_500, 5_000), 5_700),
        (100.0, (100, 500, 1_000, 2_500, 5_000), 7_000),
        (184.0, (100, 500, 1_000, 2_500, 5_000), 8_300),
        (200.0, (100, 500, 1_000, 2_500, 5_000), 8_500),
        (2_000.0, (100, 500, 1_000, 2_500, 5_000), 9_500),
    ],
)
def test_the_weights_of_a_traffic(per_s: float | None, ladder: tuple[int, ...], last_bp: int) -> None:
    assert weights(Auto(), per_s) == (ladder, last_bp)


def test_the_steps_are_explicit_and_end_in_a_watch_with_a_baseline() -> None:
    steps, pace = paced(spec(Auto(weights_bp=(100, 1_000, 5_000), harm=10, dwell=8)), GATES, 600.0)
    step = Analysis(("evidence",), harm=10, dwell=8)
    assert steps == (
        SetWeight(100),
        step,
        SetWeight(1_000),
        step,
        SetWeight(5_000),
        Analysis(("evidence",), harm=10, dwell=30),
        SetWeight(9_500),
        Pause(1200.0),
        step,
    )
    assert pace == Pace(600.0, 100, 9_500)


def test_without_a_watch_the_last_weight_is_asked_like_any_other() -> None:
    steps, _ = paced(spec(Auto(weights_bp=(100, 5_000), watch_s=0.0)), GATES, 600.0)
    assert steps[-2:] == (SetWeight(9_500), Analysis(("evidence",)))
    steps, _ = paced(spec(Auto(weights_bp=(100, 5_000), last_bp=5_000, watch_s=0.0)), GATES, 600.0)
    assert steps[-2:] == (SetWeight(5_000), Analysis(("evidence",), dwell=30))


def test_the_bake_never_shortens_a_step() -> None:
    steps, _ = paced(spec(Auto(weights_bp=(100,), dwell=40)), GATES, None)
    assert steps[1] == Analysis(("evidence",), dwell=40)


def test_first_and_last_may_be_given() -> None:
    assert weights(Auto(first_bp=200, last_bp=8_000), 20.0) == ((200, 500, 1_000, 2_500, 5_000), 8_000)
    assert weights(Auto(first_bp=9_000, last_bp=9_200), 20.0) == ((9_000,), 9_200)


def test_it_goes_on_from_the_steps_before_it() -> None:
    steps, pace = paced(spec(SetWeight(500), Pause(), Auto()), GATES, 2_000.0)
    assert steps[:4] == (SetWeight(500), Pause(), SetWeight(1_000), Analysis(("evidence",)))
    assert pace == Pace(2_000.0, 1_000, 9_500)


def test_where_nothing_is_left_above_it_bakes_where_it_is() -> None:
    steps, pace = paced(spec(SetWeight(6_000), Pause(60.0), Auto(watch_s=0.0)), GATES, None)
    assert steps == (SetWeight(6_000), Pause(60.0), Analysis(("evidence",), dwell=30))
    assert pace == Pace(None, 6_000, 6_000)


def test_only_guards_that_gather_evidence_decide() -> None:
    assert deciding(spec(Auto()), GATES) == ("evidence",)
    assert deciding(spec(Auto()), {}) == ()
    assert paced(spec(SetWeight(500)), GATES, 20.0) == ((SetWeight(500),), None)


auto = st.builds(
    Auto,
    weights_bp=st.lists(st.integers(1, 9_999), min_size=1, max_size=6, unique=True).map(
        lambda found: tuple(sorted(found))
    ),
    first_bp=st.none() | st.integers(1, 9_999),
    last_bp=st.none() | st.integers(1, 9_999),
    harm=st.none() | st.integers(1, 100),
    dwell=st.none() | st.integers(1, 50),
    bake=st.integers(1, 60),
    watch_s=st.sampled_from([0.0, 60.0]),
)


@given(auto, st.none() | st.floats(0.0, 1e6), st.sampled_from([(), (SetWeight(300), Pause(1.0)), (SetWeight(0),)]))
def test_whatever_is_chosen_rises_keeps_a_baseline_and_makes_sense(
    auto: Auto, per_s: float | None, before: tuple[Asked, ...]
) -> None:
    asked = spec(*before, auto)
    if check(asked):
        return
    plan = resolve(asked, GATES.values(), [], per_s=per_s)
    found = [step.weight_bp for step in plan.steps if isinstance(step, SetWeight)]
    assert found == sorted(set(found))
    assert 0 < found[-1] < 10_000
    assert check(RolloutSpec("shop", "shop", plan.steps, plan.guards)) == ()
    assert isinstance(plan.steps[-1], Analysis)
    assert plan.pace is not None
    assert plan.pace.last_bp == found[-1]
    if auto.first_bp is None and per_s and plan.pace.first_bp > auto.weights_bp[0] and not before:
        assert plan.pace.first_bp / 10_000 * per_s <= 1.0 + 1e-6


RATE = st.one_of(st.none(), st.floats(0.01, 100_000.0))


@given(
    st.lists(RATE, min_size=2, max_size=5),
    st.builds(Auto, first_bp=st.one_of(st.none(), st.integers(1, 9_999)), last_bp=st.none()),
)
def test_several_have_one_ladder_whatever_each_gets(rates: list[float | None], auto: Auto) -> None:
    pinned_spec, whole = pinned(spec(auto), rates)
    for rate in (*rates, whole):
        steps, pace = paced(pinned_spec, GATES, rate)
        assert steps == paced(pinned_spec, GATES, whole)[0]
        assert pace is not None
        for alone in rates:  # no later a baseline, and no larger a first weight, than for any of them alone
            ladder, last_bp = weights(auto, alone)
            assert pace.last_bp <= last_bp
            assert pace.first_bp <= (ladder[0] if ladder else last_bp)
    assert check(pinned_spec) == ()


def test_the_first_weight_is_for_the_traffic_of_all_and_the_last_for_the_least() -> None:
    pinned_spec, whole = pinned(spec(Auto(), Pause()), [60.0, 140.0])
    assert whole == 200.0
    auto, pause = pinned_spec.steps
    assert isinstance(auto, Auto)
    assert (auto.first_bp, auto.last_bp, pause) == (100, 5_000, Pause())
    unknown, nobody = pinned(spec(Auto()), [60.0, None])
    assert (nobody, paced(unknown, GATES, nobody)[0]) == (None, paced(spec(Auto()), GATES, None)[0])
    assert pinned(spec(SetWeight(500)), [None, None]) == (spec(SetWeight(500)), None)
