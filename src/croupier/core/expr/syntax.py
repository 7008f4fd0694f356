"""The syntax tree of an expression. Made by the parser, read by the compiler and by the search for a failing result."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "literal", "name", "item", "member", "maybe", "index", "slice", "unary", "binary", "choice", "call", "list", "map"
]


@dataclass(frozen=True, slots=True)
class Node:
    """``value`` is the literal's, or the name, field, operator or function; ``parts`` are the operands, in the order of
    the text. A slice without an end has a nil there; a map's parts are keys and values in turn. ``column`` is from 1.
    """

    kind: Kind
    column: int
    value: bool | int | float | str | None = None
    parts: "tuple[Node, ...]" = ()


NIL = Node("literal", 0)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for part in node.parts:
        yield from walk(part)
