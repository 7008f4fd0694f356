"""The words for what was found."""

from typing import Any

import pytest

from croupier.core.flags.reading import kind_of, named


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "nothing"),
        (True, "true or false"),
        (2.5, "the number 2.5"),
        pytest.param(10**5_000, "a huge number", id="huge"),
        ("", "an empty text"),
        ("a" * 50, f"the text '{'a' * 40}'"),
        ("\ud800", "the text '\\ud800'"),
        ({}, "an object"),
        ((), "a list"),
        (b"", "a bytes"),
    ],
)
def test_kinds(value: Any, words: str) -> None:
    assert kind_of(value) == words


def test_a_name_in_a_message_can_be_written() -> None:
    assert named("half \ud83c") == "half \\ud83c"
    assert named(3) == "3"
