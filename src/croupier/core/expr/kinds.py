"""What values are: nil, bool, int, float, string, array and map, as expr calls them. Called throughout this package."""

import math
from typing import Any, Final

from croupier.core.expr.errors import Unanswerable

LARGEST: Final = 2**63 - 1
LONGEST: Final = 10_000
"""Characters of a text, and items of a range, that are put together."""
_KINDS: Final[dict[type, str]] = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    list: "array",
    dict: "map",
}


def kind_of(value: Any) -> str:
    """The kind by its name in expr."""
    return _KINDS[type(value)]


def numeric(value: Any) -> int | float:
    """The value, which must be a number. Raises ``Unanswerable``."""
    if type(value) is int or type(value) is float:
        return value
    raise Unanswerable(f"{shown(value)} is no number")


def whole(value: int) -> int:
    """The value, which must fit into 64 bits. Raises ``Unanswerable``."""
    if abs(value) > LARGEST:
        raise Unanswerable("the number does not fit into 64 bits")
    return value


def ordered(values: list[Any]) -> bool:
    """Whether they are all numbers, or all texts, so that they have an order."""
    return all(type(each) in (int, float) for each in values) or all(type(each) is str for each in values)


def shown(value: Any, depth: int = 2) -> str:
    """The value in a sentence, not for ever; of lists in lists so many levels."""
    match value:
        case None:
            text = "nil"
        case bool():
            text = "true" if value else "false"
        case float():
            text = number(value)
        case str():
            text = f"'{value[:120]}'"  # what is longer is cut anyway
        case list() if value and not depth:
            text = f"a list of {len(value)}"
        case list():
            items = ", ".join(shown(each, depth - 1) for each in value[:10])
            text = f"[{items}{', …' if len(value) > 10 else ''}]"
        case dict():
            text = f"a map of {len(value)}"
        case _:
            text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"


def number(value: float) -> str:
    """A number as people write it: ``0.95``, ``NaN``, ``+Inf``."""
    if math.isfinite(value):
        return f"{value:.12g}"
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
