"""Doubts about a condition that can be evaluated but probably does not mean what it says. Called at writing.

Doubts are warnings: attributes come from whoever asks, so their types are known only as far as somebody declared them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from croupier.core.flags.cel.compiler import compile_value
from croupier.core.flags.cel.errors import Undecided
from croupier.core.flags.cel.inference import infer, sum_of
from croupier.core.flags.cel.kinds import NUMBERS, Type
from croupier.core.flags.cel.refusals import nearest
from croupier.core.flags.cel.render import render, shorten
from croupier.core.flags.cel.signatures import SIGNATURES
from croupier.core.flags.cel.syntax import (
    ARITHMETIC,
    And,
    Binary,
    Call,
    Choice,
    Has,
    ListOf,
    Literal,
    Node,
    Not,
    Or,
    children,
    path_of,
    tested_path,
)
from croupier.core.flags.cel.times import read_zone

_ORDERED: Final = NUMBERS | {Type.STRING, Type.BOOL, Type.TIMESTAMP, Type.DURATION, Type.VERSION}
_CALENDAR: Final = "get"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What looks wrong, and at which character, counted from 1."""

    column: int
    message: str


def check(node: Node, types: Mapping[str, Type]) -> tuple[Doubt, ...]:
    """What to warn the author about, in the order of the text. ``types`` tells what is known, by dotted path."""
    checking = _Checking(types)
    checking.condition(node)
    checking.visit(node)
    return tuple(sorted(checking.doubts, key=lambda doubt: doubt.column))


class _Checking:
    def __init__(self, types: Mapping[str, Type]) -> None:
        self.doubts: list[Doubt] = []
        self._types = types
        paths = [name.split(".") for name in types]
        self._known = {".".join(path[:length]) for path in paths for length in range(1, len(path) + 1)}

    def _doubt(self, node: Node, message: str) -> None:
        self.doubts.append(Doubt(node.column, message))

    def _type(self, node: Node) -> Type:
        return infer(node, self._types)

    def condition(self, node: Node) -> None:
        """The node stands where true or false is wanted."""
        kind = self._type(node)
        if kind not in {Type.BOOL, Type.ANY}:
            self._doubt(node, f"{_named(node)} is {kind.words}, not true or false: this can never be decided")

    def visit(self, node: Node) -> None:
        path = tested_path(node) if isinstance(node, Has) else path_of(node)
        if path:
            self._attribute(node, path)
            return
        match node:
            case Binary():
                self._binary(node)
            case Call():
                self._call(node)
            case And() | Or():
                self._junction(node)
            case Not(operand=operand) | Choice(condition=operand):
                self.condition(operand)
            case _:
                pass
        for child in children(node):
            self.visit(child)

    def _attribute(self, node: Node, path: tuple[str, ...]) -> None:
        name = ".".join(path)
        # Below a known attribute of unknown shape anything may be.
        if name in self._known or any(".".join(path[:length]) in self._types for length in range(1, len(path))):
            return
        if near := nearest(name, self._known):
            self._doubt(node, f"no attribute {name} is known: did you mean {near}?")
        elif name.isupper():  # as codes are written, not attributes: somebody forgot the quotes
            self._doubt(node, f"no attribute {name} is known: did you mean '{name}'?")

    def _binary(self, node: Binary) -> None:
        symbol = node.operator
        left, right = self._type(node.left), self._type(node.right)
        if isinstance(node.left, Not) and symbol not in ARITHMETIC:
            rest = f"{render(node.left.operand)} {symbol} {render(node.right)}"
            self._doubt(node.left, f"! belongs to {_named(node.left.operand)} alone: write !({shorten(rest)})")
        elif (always := _constant(node)) is not None:
            self._doubt(node, f"{_named(node)} is always {'true' if always else 'false'}")
        elif symbol == "in":
            self._membership(node, left, right)
        elif symbol in ARITHMETIC:
            if sum_of(left, symbol, right) is None:
                self._never(node, left, right)
        elif Type.ANY not in {left, right}:
            self._comparison(node, left, right)

    def _comparison(self, node: Binary, left: Type, right: Type) -> None:
        alike = left is right or NUMBERS.issuperset({left, right})
        if node.operator in {"==", "!="}:
            if not alike:
                always = "never true" if node.operator == "==" else "always true"
                self._doubt(node, f"{self._both(node, left, right)}: this is {always}")
        elif not alike or left not in _ORDERED:
            self._never(node, left, right)

    def _never(self, node: Binary, left: Type, right: Type) -> None:
        hint = ": write double(...) around the whole one" if {left, right} == NUMBERS else ""
        why = f"{node.operator} can never be decided{hint}"
        self._doubt(node, f"{self._both(node, left, right)}: {why}")

    def _both(self, node: Binary, left: Type, right: Type) -> str:
        return f"{_named(node.left)} is {left.words}, {_named(node.right)} is {right.words}"

    def _membership(self, node: Binary, left: Type, right: Type) -> None:
        if right is Type.STRING:
            self._doubt(node, f"in looks into lists: write {_named(node.right)}.contains({_named(node.left)})")
        elif right not in {Type.LIST, Type.MAP, Type.ANY}:
            self._never(node, left, right)
        elif isinstance(node.right, ListOf):
            kinds = {self._type(item) for item in node.right.items}
            alike = NUMBERS if left in NUMBERS else {left}
            if not kinds or (left is not Type.ANY and Type.ANY not in kinds and not kinds & alike):
                self._doubt(
                    node, f"{_named(node.left)} is {left.words}, and nothing in the list is: this is never true"
                )

    def _call(self, node: Call) -> None:
        takes = SIGNATURES[node.function].takes
        calendar = node.function.startswith(_CALENDAR)
        for place, operand in enumerate(node.operands):
            wanted = {Type.STRING} if calendar and place else takes
            kind = self._type(operand)
            if wanted and kind is not Type.ANY and kind not in wanted:
                self._doubt(operand, f"{_named(operand)} is {kind.words}: {node.function} can never be decided")
        if calendar and len(node.operands) == 2 and isinstance(zone := node.operands[1], Literal):
            try:
                read_zone(str(zone.value))
            except Undecided:
                self._doubt(zone, f"there is no time zone {_named(zone)} on this machine")

    def _junction(self, node: And | Or) -> None:
        symbol, word = ("==", "never true") if isinstance(node, And) else ("!=", "always true")
        seen: dict[str, Literal] = {}
        for operand in node.operands:
            self.condition(operand)
            match operand:
                case Binary(operator=operator, left=left, right=Literal() as value) if operator == symbol:
                    first = seen.setdefault(render(left), value)
                    if first.value != value.value:
                        pair = f"{_named(first)} and {_named(value)}"
                        self._doubt(operand, f"{_named(left)} is compared with {pair} at once: this is {word}")
                case _:
                    pass


def _named(node: Node) -> str:
    return shorten(render(node))


def _constant(node: Binary) -> bool | None:
    """What a comparison of constants always is."""
    if node.operator in ARITHMETIC or not (_is_constant(node.left) and _is_constant(node.right)):
        return None
    try:
        value = compile_value(node, now=lambda: 0.0)({})
    except Undecided:
        return None
    return bool(value)


def _is_constant(node: Node) -> bool:
    return isinstance(node, Literal) or (isinstance(node, ListOf) and all(map(_is_constant, node.items)))
