"""Whether a flag's context is in a segment: the same answer as the data plane gives for the request's headers."""

from collections.abc import Mapping, Sequence
from typing import Any

from croupier.core.flags.cel import Test


def segment_test(matches: Sequence[tuple[str, Sequence[str]]]) -> Test:
    """A test of the line's matches: every attribute must have one of its values, compared as text.

    A missing attribute never matches, as a missing header does not. True and false are texts: ``true`` and ``false``.
    """
    wanted = tuple((attribute.split("."), frozenset(values)) for attribute, values in matches)

    def test(context: Mapping[str, Any]) -> bool:
        return all(_text(context, path) in values for path, values in wanted)

    return test


def _text(context: Mapping[str, Any], path: Sequence[str]) -> str | None:
    value: Any = context
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            return None
