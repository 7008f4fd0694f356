import pytest

from croupier.core.gates import Gate, RatioSli
from croupier.core.rollout.spec import Plan

GATE = Gate("deposits", RatioSli("deposits_total", good=()))


def test_a_plan_knows_its_gates_by_name() -> None:
    plan = Plan(steps=(), guards=(), gates=(Gate("other", GATE.sli), GATE))
    assert plan.gate("deposits") is GATE
    with pytest.raises(KeyError, match="wallet"):
        plan.gate("wallet")
