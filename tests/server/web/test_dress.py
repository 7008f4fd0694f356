"""Numbers as people read them."""

import pytest

from croupier.server.web.dress import percent, share


@pytest.mark.parametrize("value, text", [(5, "5\u202f%"), (0.25, "0.25\u202f%"), (100.0, "100\u202f%")])
def test_percent(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    "good, total, text",
    [(0, 0, "–"), (1, 1, "100\u202f%"), (0, 7, "0\u202f%"), (9_961, 10_000, "99.61\u202f%"), (1, 3, "33.33\u202f%")],
)
def test_a_share_keeps_the_digits_that_matter(good: int, total: int, text: str) -> None:
    assert share(good, total) == text


def test_almost_all_is_not_all() -> None:
    assert share(99_999, 100_000) == "99.99\u202f%"
