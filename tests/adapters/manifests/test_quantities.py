"""Quantities: what is taken, in which unit. What is refused is in ``test_complaints``."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.manifests.anything import VALUES, taken_or_refused

from croupier.adapters.manifests import quantities


@pytest.mark.parametrize(
    "written, seconds",
    [
        ("5m", 300), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("400ms", 0.4), ("1m30s500ms", 90.5),
        ("250us", 0.00025), (300, 300), ("300", 300), (0, 0), ("0", 0), ("0s", 0), ("8784h", 366 * 86_400),
    ],
)  # fmt: skip
def test_durations_are_seconds(written: object, seconds: float) -> None:
    assert quantities.duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written, size",
    [("512Mi", 512 << 20), ("2Gi", 2 << 30), ("500M", 500_000_000), ("2048k", 2_048_000), (1 << 20, 1 << 20)],
)
def test_sizes_are_bytes(written: object, size: int) -> None:
    assert quantities.size(written) == size


@pytest.mark.parametrize(
    "written, share",
    [("99%", 0.99), ("99.5 %", 0.995), ("0.1%", 0.001), ("100%", 1.0), ("0%", 0.0), (0.99, 0.99), (0, 0)],
)
def test_shares_are_between_0_and_1(written: object, share: float) -> None:
    assert quantities.share(written) == share


@given(st.integers(0, 10_000))
def test_every_weight_to_a_hundredth_is_taken(weight_bp: int) -> None:
    assert quantities.weight(weight_bp / 100) == weight_bp
    assert quantities.weight(float(f"{weight_bp / 100:g}")) == weight_bp


@pytest.mark.parametrize(
    "reader",
    [
        quantities.duration,
        quantities.size,
        quantities.share,
        quantities.weight,
        quantities.jump,
        quantities.ratio,
        lambda value: quantities.whole(value, 1, 100),
    ],
)
@given(value=VALUES)
def test_anything_is_taken_or_refused_in_words(reader: Callable[[object], Any], value: object) -> None:
    taken_or_refused(reader, value)
