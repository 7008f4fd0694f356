"""The syntax tree of a condition: frozen, without source text, equal and hashable, so that it can be shared.

Made by the parser; read by the compiler, the checker and the words for why. ``column`` is where people should look,
from 1: the operator of an operation, the field of ``a.b``, the first character of everything else.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: true, 3, 0.25, 'DE', null."""

    column: int
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Name:
    """An attribute of the context, or ``now``."""

    column: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.field``"""

    column: int
    operand: "Node"
    field: str


@dataclass(frozen=True, slots=True)
class Has:
    """``has(operand.field)``, or without an operand ``has(field)``: is the attribute there?"""

    column: int
    operand: "Node | None"
    field: str


@dataclass(frozen=True, slots=True)
class Index:
    """``operand[index]``"""

    column: int
    operand: "Node"
    index: "Node"


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[a, b]``"""

    column: int
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class MapOf:
    """``{key: value}``"""

    column: int
    entries: "tuple[tuple[Node, Node], ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """``!operand``"""

    column: int
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Negate:
    """``-operand``"""

    column: int
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison, ``in`` or arithmetic: ``left operator right``."""

    column: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """``a && b && c``, flat."""

    column: int
    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """``a || b || c``, flat."""

    column: int
    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """``condition ? then : otherwise``"""

    column: int
    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``, or ``receiver.function(arguments)``."""

    column: int
    function: str
    receiver: "Node | None"
    arguments: "tuple[Node, ...]"

    @property
    def operands(self) -> "tuple[Node, ...]":
        """The receiver, if there is one, then the arguments."""
        return self.arguments if self.receiver is None else (self.receiver, *self.arguments)


Node: TypeAlias = (
    Literal | Name | Select | Has | Index | ListOf | MapOf | Not | Negate | Binary | And | Or | Choice | Call
)

NOW = "now"
"""The variable that holds the moment of evaluation."""

ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
"""The binary operators that calculate; all others say true or false."""

MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The comparisons, and how each is written with its sides exchanged."""


_BELOW: dict[type, Callable[[Any], tuple[Node, ...]]] = {
    Literal: lambda _: (),
    Name: lambda _: (),
    Select: lambda node: (node.operand,),
    Has: lambda node: () if node.operand is None else (node.operand,),
    Index: lambda node: (node.operand, node.index),
    ListOf: lambda node: node.items,
    MapOf: lambda node: tuple(part for entry in node.entries for part in entry),
    Not: lambda node: (node.operand,),
    Negate: lambda node: (node.operand,),
    Binary: lambda node: (node.left, node.right),
    And: lambda node: node.operands,
    Or: lambda node: node.operands,
    Choice: lambda node: (node.condition, node.then, node.otherwise),
    Call: lambda node: node.operands,
}


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the text."""
    return _BELOW[type(node)](node)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def path_of(node: Node) -> tuple[str, ...] | None:
    """The names of ``user.country``, outermost first; None if the node is not just an attribute being read."""
    names: list[str] = []
    while type(node) is Select:
        names.append(node.field)
        node = node.operand
    if type(node) is not Name or node.name == NOW:
        return None
    names.append(node.name)
    return tuple(reversed(names))


def attributes(node: Node) -> frozenset[str]:
    """The attributes that the condition reads, as dotted paths: ``{"market", "user.isEmployee"}``."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        path = tested_path(node) if type(node) is Has else path_of(node)
        if path:
            found.add(".".join(path))
        else:
            waiting.extend(children(node))
    return frozenset(found)


def tested_path(node: Has) -> tuple[str, ...] | None:
    """The names of the attribute that ``has`` asks for; None if it is the field of something else."""
    above = () if node.operand is None else path_of(node.operand)
    return None if above is None else (*above, node.field)
