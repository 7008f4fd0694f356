"""A syntax tree as text again, for messages and for showing rules: what it gives parses to an equal condition.

Called by the checker and by the words for why.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from croupier.core.flags.cel.syntax import (
    And,
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    MapOf,
    Name,
    Negate,
    Node,
    Not,
    Or,
    Select,
)

_STRENGTH: Final[dict[str, int]] = dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 4) | {
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render(node: Node) -> str:
    """The condition in its usual spelling: single quotes, one space around operators, no parentheses without need."""
    return _RENDERERS[type(node)](node)


def shorten(text: str, longest: int = 60) -> str:
    """The text for a message: its beginning, if it is long."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _strength(node: Node) -> int:
    match node:
        case Choice():
            return 1
        case Or():
            return 2
        case And():
            return 3
        case Binary():
            return _STRENGTH[node.operator]
        case Not() | Negate():
            return 7
        case Literal(value=int() | float() as value) if str(value).startswith("-"):
            return 7
        case _:
            return 8


def _at_least(node: Node, strength: int) -> str:
    return render(node) if _strength(node) >= strength else f"({render(node)})"


def _value(node: Node) -> object:
    return node.value if isinstance(node, Literal) else None


def _literal(node: Literal) -> str:
    match node.value:
        case None:
            return "null"
        case bool():
            return "true" if node.value else "false"
        case str():
            return f"'{''.join(_character(character) for character in node.value)}'"
        case float():
            # A literal too large for a double is infinite, as in CEL.
            return repr(node.value) if math.isfinite(node.value) else f"{'-' if node.value < 0 else ''}1e999"
        case _:
            return str(node.value)


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _field(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else f"`{name}`"


def _select(node: Select) -> str:
    return f"{_at_least(node.operand, 8)}.{_field(node.field)}"


def _has(node: Has) -> str:
    return f"has({_select(Select(0, node.operand, node.field)) if node.operand else node.field})"


def _binary(node: Binary) -> str:
    strength = _STRENGTH[node.operator]
    return f"{_at_least(node.left, strength)} {node.operator} {_at_least(node.right, strength + 1)}"


def _call(node: Call) -> str:
    receiver = "" if node.receiver is None else f"{_at_least(node.receiver, 8)}."
    return f"{receiver}{node.function}({', '.join(map(render, node.arguments))})"


def _choice(node: Choice) -> str:
    return f"{_at_least(node.condition, 2)} ? {_at_least(node.then, 2)} : {render(node.otherwise)}"


_RENDERERS: Final[dict[type, Callable[[Any], str]]] = {
    Literal: _literal,
    Name: lambda node: str(node.name),
    Select: _select,
    Has: _has,
    Index: lambda node: f"{_at_least(node.operand, 8)}[{render(node.index)}]",
    ListOf: lambda node: f"[{', '.join(map(render, node.items))}]",
    MapOf: lambda node: f"{{{', '.join(f'{render(key)}: {render(value)}' for key, value in node.entries)}}}",
    Not: lambda node: f"!{_at_least(node.operand, 7)}",
    # Right before a number the sign would be the number's own.
    Negate: lambda node: f"-{_at_least(node.operand, 9 if type(_value(node.operand)) in {int, float} else 8)}",
    Binary: _binary,
    And: lambda node: " && ".join(_at_least(operand, 4) for operand in node.operands),
    Or: lambda node: " || ".join(_at_least(operand, 3) for operand in node.operands),
    Choice: _choice,
    Call: _call,
}
