"""Smoke checks that a rollout names."""

import pytest

from croupier.core.rollout.check import check
from croupier.core.rollout.check_smoke import smoke_uses
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Resort, RolloutSpec, SetWeight, Smoke, Undecided
from croupier.core.smoke import SmokeCheck
from croupier.errors import Rejected


def spec(step: Smoke, smoke: Smoke | None = None) -> RolloutSpec:
    return RolloutSpec("shop", "shop", (step, SetWeight(500)), smoke=smoke)


def test_uses_have_their_places() -> None:
    assert smoke_uses(spec(Smoke(("a",)), Smoke(("b", "a")))) == (
        ("b", ("spec", "smoke", "checks", 0)),
        ("a", ("spec", "smoke", "checks", 1)),
        ("a", ("spec", "strategy", "canary", "steps", 0, "smoke", "checks", 0)),
    )


@pytest.mark.parametrize(
    "smoke,problem",
    [
        (Smoke(()), "checks: no smoke check is named."),
        (Smoke(("a", "a")), "checks[1]: smoke check 'a' is named twice here."),
        (Smoke(("a",), Resort.HOLD), "onFail: a check that failed will not pass by waiting."),
        (Smoke(("a",), on_no_data=Undecided(Resort.ABORT, 0.0)), "onNoData.after: every release would go back"),
    ],
)
def test_what_makes_no_sense(smoke: Smoke, problem: str) -> None:
    step = [f"{found}" for found in check(spec(smoke))]
    whole = [f"{found}" for found in check(spec(Smoke(("b",)), smoke))]
    assert any(f"spec.strategy.canary.steps[0].smoke.{problem}" in text for text in step), step
    assert any(f"spec.smoke.{problem}" in text for text in whole), whole


def test_the_plan_carries_the_checks_as_they_are_now() -> None:
    checks = [SmokeCheck("a"), SmokeCheck("b"), SmokeCheck("c")]
    plan = resolve(spec(Smoke(("b", "a")), Smoke(("b",))), [], [], checks)
    assert (plan.smoke, plan.checks) == (Smoke(("b",)), (SmokeCheck("b"), SmokeCheck("a")))
    with pytest.raises(Rejected, match="there is no smoke check 'b'") as refused:
        resolve(spec(Smoke(("b",))), [], [], checks[:1])
    assert refused.value.problems[0].field == "spec.strategy.canary.steps[0].smoke.checks[0]"
