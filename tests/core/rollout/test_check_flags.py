"""Flag steps that would reach players without the code."""

import pytest

from croupier.core.rollout.check import check
from croupier.core.rollout.check_flags import wrong_flag
from croupier.core.rollout.spec import RolloutSpec, SetFlag, SetWeight


@pytest.mark.parametrize(
    "step, weight, hint",
    [
        (SetFlag("f", share_bp=10_001), 10_000, "Write a percentage from 0 to 100."),
        (SetFlag("f"), 2_500, "Write to: {percent: 25}, or put the step after setWeight: 100."),
        (SetFlag("f"), 0, "Put it after a setWeight."),
        (SetFlag("f", wait_s=float("inf")), 10_000, "Write 0s to 1h."),
        (SetFlag("f", wait_s=-1.0), 10_000, "Write 0s to 1h."),
    ],
)
def test_wrong(step: SetFlag, weight: int, hint: str) -> None:
    assert [problem.hint for problem in wrong_flag(step, weight, ("flag",))] == [hint]


def test_a_step_among_others() -> None:
    steps = (SetWeight(2_500), SetFlag("f", share_bp=2_500), SetWeight(10_000), SetFlag("f"))
    assert check(RolloutSpec("s", "s", steps)) == ()
    assert [each.field for each in check(RolloutSpec("s", "s", steps[:1] + steps[3:]))] == [
        "spec.strategy.canary.steps[1].flag.to"
    ]
