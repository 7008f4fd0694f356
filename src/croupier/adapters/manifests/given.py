"""What a document leaves out has the core's default. Used wherever shapes become the core's dataclasses."""

from typing import TypeVar

T = TypeVar("T")


def given(value: T | None, default: T) -> T:
    """The value if one was written."""
    return default if value is None else value
