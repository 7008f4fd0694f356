"""The figures of `make shape` are what they are called."""

from pathlib import Path

import pytest

import shape


@pytest.mark.parametrize(
    "sizes,expected", [([7], 7), ([1, 2], 2), (list(range(1, 11)), 9), (list(range(100, 0, -1)), 90)]
)
def test_p90_is_the_size_that_nine_in_ten_do_not_exceed(sizes: list[int], expected: int) -> None:
    assert shape.p90(sizes) == expected


def test_functions_are_found_wherever_they_are_and_measured_without_decorators() -> None:
    text = (
        "@a\n@b\ndef outer():\n    async def inner():\n        pass\n    return inner\n\n"
        "class C:\n    def m(self):\n        pass\n"
    )
    found = dict(shape.functions(Path("x.py"), text))
    assert found == {"x.py:3 outer": 4, "x.py:4 inner": 2, "x.py:9 m": 2}
