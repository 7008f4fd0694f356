"""Which numbers the record takes."""

import math
from dataclasses import asdict
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import Counts, GateState, Judgement, Reading, Silence, Verdict
from croupier.core.gates.recordable import LARGEST, recordable


@pytest.mark.parametrize(
    "value,expected",
    [
        (Silence("down"), True),
        (Reading(0.0, 1.0, {(): Counts(LARGEST, LARGEST)}, None), True),
        (Reading(0.0, 1.0, {(): Counts(0, LARGEST + 1)}, None), False),
        (Reading(0.0, 1.0, {(): Counts(0, 1)}, {(("psp", "x"),): Counts(0, 10**400)}), False),
        (Reading(0.0, 1.0, {}, {}, (Counts(1, 1), Counts(0, 2**53))), False),
        (Reading(0.0, math.inf, {}, None), False),
        (Reading(math.nan, 0.0, {}, None), False),
        (GateState("ok", latest=Judgement("ok", Verdict.PASS, 0.0, 0.0, 0.0, "good")), True),
        (GateState("ok", judged_at=-math.inf), False),
    ],
)
def test_what_can_be_written_down(value: object, expected: bool) -> None:
    assert recordable(value) is expected


NUMBERS = st.integers(-(2**54), 2**54) | st.floats() | st.none() | st.booleans() | st.sampled_from(Verdict)


@given(st.recursive(NUMBERS, lambda inner: st.tuples(inner, inner) | st.dictionaries(st.text(max_size=1), inner)))
def test_it_is_what_the_record_takes(value: Any) -> None:
    try:
        rfc8785.dumps(asdict(Silence(value))["reason"])
    except rfc8785.CanonicalizationError:
        assert not recordable(value)
    else:
        assert recordable(value)
