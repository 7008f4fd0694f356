"""Which JSON values a variant may stand for, brought to the one form that survives canonical JSON (RFC 8785).

There ``1.0`` and ``1`` are the same text, and whole numbers above 2^53 are not exact; so a flag read from its record
must equal the flag that was recorded. Called by ``read``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from croupier.core.flags.model import Value, ValueType

_DEEPEST: Final = 32
_LARGEST: Final = 2**53 - 1


def plain(value: Any, depth: int = 0) -> Value:
    """The value as plain JSON data of its own. Raises ``ValueError`` with words for what is none."""
    if depth > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int() | float():
            return _number(value)
        case Mapping():
            if not all(isinstance(name, str) for name in value):
                raise ValueError("every name in an object must be text")
            return {_text(name): plain(item, depth + 1) for name, item in value.items()}
        case list() | tuple():
            return [plain(item, depth + 1) for item in value]
        case _:
            raise ValueError(f"a {type(value).__name__} is no JSON value")


def type_of(value: Any) -> ValueType | None:
    """The type that this value asks for; ``None`` for one that no variant can have."""
    match value:
        case bool():
            return ValueType.BOOLEAN
        case str():
            return ValueType.STRING
        case int():
            return ValueType.INTEGER
        case float():
            return ValueType.NUMBER
        case Mapping() | list() | tuple():
            return ValueType.OBJECT
        case _:
            return None


def common(kinds: Sequence[ValueType]) -> ValueType | None:
    """The type of variants that ask for these; ``None`` where they do not go together."""
    found = set(kinds)
    if found == {ValueType.INTEGER, ValueType.NUMBER}:
        return ValueType.NUMBER
    return found.pop() if len(found) == 1 else None


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair cannot."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _text(value: str) -> str:
    if not is_text(value):
        raise ValueError("it holds half of a surrogate pair, which is no text")
    return value


def _number(value: float) -> float:
    if not abs(value) < math.inf:  # ``isfinite`` raises for a huge whole number
        raise ValueError(f"{value} is no JSON number")
    if not -_LARGEST <= value <= _LARGEST:
        raise ValueError("it is beyond 2^53, where numbers are no longer exact; write it as text")
    return int(value) if float(value).is_integer() else value
