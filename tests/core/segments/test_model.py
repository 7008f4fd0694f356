from collections.abc import Mapping

import pytest

from croupier.core.segments import AttributeMatch, Segment

NORDIC_VIPS = Segment("nordic-vips", (AttributeMatch("market", ("SE", "FI")), AttributeMatch("tier", ("vip",))))


@pytest.mark.parametrize(
    "attributes, inside",
    [
        ({"market": "SE", "tier": "vip"}, True),
        ({"market": "FI", "tier": "vip", "brand": "x"}, True),
        ({"market": "DE", "tier": "vip"}, False),
        ({"market": "SE", "tier": "regular"}, False),
        ({"market": "se", "tier": "vip"}, False),
        ({"market": "SE"}, False),
        ({}, False),
    ],
)
def test_every_match_must_hold(attributes: Mapping[str, str], inside: bool) -> None:
    assert NORDIC_VIPS.contains(attributes) is inside


def test_a_segment_without_matches_is_everybody() -> None:
    assert Segment("all", ()).contains({})
