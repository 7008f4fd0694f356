"""Being in a segment: as the data plane sees it."""

from types import SimpleNamespace
from typing import Any

import pytest

from croupier.core.flags.in_segment import segment_test

VIP = [("tier", ["gold", "platinum"]), ("user.employee", ["false"])]


@pytest.mark.parametrize(
    "context, inside",
    [
        ({"tier": "gold", "user": {"employee": False}}, True),
        ({"tier": "gold", "user": {"employee": "false"}}, True),
        ({"tier": "platinum", "user": SimpleNamespace(employee=False)}, True),
        ({"tier": "gold", "user": {"employee": True}}, False),
        ({"tier": "silver", "user": {"employee": False}}, False),
        ({"tier": "gold", "user": {}}, False),
        ({"tier": "gold", "user": None}, False),
        ({"tier": ["gold"], "user": {"employee": False}}, False),
        ({}, False),
    ],
)
def test_inside(context: dict[str, Any], inside: bool) -> None:
    assert segment_test(VIP)(context) is inside


@pytest.mark.parametrize("level, inside", [(3, True), ("3", True), (3.5, True), (True, False), (4, False)])
def test_numbers_are_compared_as_text(level: Any, inside: bool) -> None:
    assert segment_test([("level", ["3", "3.5"])])({"level": level}) is inside


def test_a_segment_of_no_matches_is_everybody() -> None:
    assert segment_test([])({})
