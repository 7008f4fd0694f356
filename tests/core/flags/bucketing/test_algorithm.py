"""Finding a part."""

import pytest

from croupier.core.flags.bucketing.algorithm import part_at


@pytest.mark.parametrize("place, index", [(0.0, 1), (0.4, 1), (0.5, 2), (0.99, 2), (1.0, 2)])
def test_the_first_part_that_ends_above_the_place_and_the_last_where_rounding_left_none(
    place: float, index: int
) -> None:
    assert part_at((0.0, 0.5, 0.99), place) == index
