import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.sequential.budget import Held, needed, together, used

tests = st.lists(st.builds(Held, st.floats(0.0, 1.0), st.floats(-50.0, 800.0)), max_size=8)


@given(tests, st.randoms())
def test_the_order_of_tests_is_all_the_same(held: list[Held], random: object) -> None:
    assert together(reversed(held)) == pytest.approx(together(held), abs=1e-9)


@given(tests)
def test_no_test_brings_less_than_its_share(held: list[Held]) -> None:
    whole = together(held)
    assert math.isfinite(whole)
    for test in held:
        if test.weight:
            assert whole >= test.log_e + math.log(test.weight) - 1e-9


def test_a_test_that_spends_its_part_spends_the_budget() -> None:
    assert together([Held(0.0025, needed(0.0025)), Held(0.0075, -800.0)]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    "spent, share", [(0.0, 1.0), (3.0, 1.0), (-needed(0.01), 0.0), (-99.0, 0.0), (-needed(0.1), 0.5)]
)
def test_how_far_a_gate_has_come(spent: float, share: float) -> None:
    assert used(spent, 0.01) == pytest.approx(share)
