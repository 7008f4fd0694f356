"""Text to syntax tree: the grammar of CEL without what flags do not need. Called wherever a condition is read.

Precedence from weak to strong: ?: | || | && | == != < <= > >= in | + - | * / % | unary ! - | . [] ().
"""

import sys
from collections.abc import Callable
from typing import Final

from croupier.core.flags.cel.errors import CelError
from croupier.core.flags.cel.lexer import Token, tokens
from croupier.core.flags.cel.literals import read_int, read_string
from croupier.core.flags.cel.refusals import WORDS, refuse_name, refuse_rest
from croupier.core.flags.cel.signatures import checked_call
from croupier.core.flags.cel.syntax import (
    NOW,
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
    children,
)

MAX_CHARACTERS: Final = 4_096
MAX_DEPTH: Final = 64
MAX_NODES: Final = 500

_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_BINDING: Final = {"in": 1, "==": 1, "!=": 1, "<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3}


def parse(text: str) -> Node:
    """The condition's syntax tree. Raises CelError, which says what is wrong, where, and what to write instead."""
    if len(text) > MAX_CHARACTERS:
        hint = "Put the values into a segment and write segment('name')."
        raise CelError(f"The condition is longer than {MAX_CHARACTERS:,} characters.", column=MAX_CHARACTERS, hint=hint)
    if not text.strip():
        raise CelError("The condition is empty.", column=1, hint="Write true for everybody.")
    parser = _Parser(tokens(text))
    node = parser.expression()
    parser.end()
    # No tree is deeper than it has nodes, so most need no measuring.
    if parser.nodes > MAX_DEPTH and _depth(node) > MAX_DEPTH:
        raise _too_deep(1)
    return node


def _depth(node: Node) -> int:
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in children(node))
    return deepest


def _too_deep(column: int) -> CelError:
    hint = "Split the condition into several rules or segments."
    return CelError(f"The condition is nested deeper than {MAX_DEPTH} levels.", column=column, hint=hint)


class _Parser:
    __slots__ = ("_at", "_nesting", "_token", "_tokens", "nodes")

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._token = found[0]
        self._nesting = 0
        self.nodes = 0

    def _next(self) -> Token:
        token = self._token
        self._at += 1
        self._token = self._tokens[self._at]
        return token

    def _take(self, text: str) -> bool:
        if self._token.kind == "op" and self._token.text == text:
            self._next()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(text)

    def _unexpected(self, wanted: str = "") -> CelError:
        kind, text, column = self._token
        if kind == "end" and wanted:
            return CelError(f"{wanted} is missing.", column=column, hint=f"Close it with {wanted}.")
        before = self._tokens[max(self._at - 1, 0)]
        if before.kind == "name" and before.text in WORDS:
            return refuse_rest(*before)
        return refuse_rest(kind, text, column)

    def _count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            hint = "Put values into one list, or split the condition into several rules or segments."
            raise CelError(f"The condition has more than {MAX_NODES} parts.", column=self._token.column, hint=hint)

    def end(self) -> None:
        if self._token.kind != "end":
            raise self._unexpected()

    def expression(self) -> Node:
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise _too_deep(self._token.column)
        node = self._either()
        column = self._token.column
        if self._take("?"):
            then = self._either()
            self._expect(":")
            self._count()
            node = Choice(column, node, then, self.expression())
        self._nesting -= 1
        return node

    def _either(self) -> Node:
        return self._chain("||", Or, self._both)

    def _both(self) -> Node:
        return self._chain("&&", And, self._relation)

    def _relation(self) -> Node:
        return self._binary(1)

    def _chain(self, operator: str, make: type[And] | type[Or], part: Callable[[], Node]) -> Node:
        first = part()
        token = self._token
        if token.text != operator or token.kind != "op":
            return first
        operands = [first]
        while self._take(operator):
            operands.append(part())
        self._count()
        return make(token.column, tuple(operands))

    def _binary(self, weakest: int) -> Node:
        node = self._unary()
        while True:
            kind, text, column = self._token
            binding = _BINDING.get(text, 0) if kind in {"op", "name"} else 0
            if binding < weakest:
                return node
            self._next()
            right = self._binary(binding + 1)
            self._count()
            node = Binary(column, text, node, right)

    def _unary(self) -> Node:
        kind, text, column = self._token
        if kind != "op" or text not in {"!", "-"}:
            return self._member()
        self._next()
        if text == "-" and self._token.kind in {"int", "float"}:
            return self._members(self._number(negative=True, column=column))
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise _too_deep(column)
        operand = self._unary()
        self._nesting -= 1
        self._count()
        return Not(column, operand) if text == "!" else Negate(column, operand)

    def _member(self) -> Node:
        return self._members(self._primary())

    def _members(self, node: Node) -> Node:
        while self._token.kind == "op":
            column = self._token.column
            if self._take("."):
                node = self._field(node)
            elif self._take("["):
                index = self.expression()
                self._expect("]")
                node = Index(column, node, index)
            else:
                break
            self._count()
        return node

    def _field(self, node: Node) -> Node:
        kind, text, column = self._token
        if kind == "quoted":
            self._next()
            return Select(column, node, sys.intern(text[1:-1]))
        if kind != "name" or text in {"in", "true", "false", "null"}:
            raise self._unexpected()
        self._next()
        if self._take("("):
            return checked_call(Call(column, text, node, self._list_until(")")))
        return Select(column, node, sys.intern(text))

    def _primary(self) -> Node:
        kind, text, column = self._token
        self._count()
        if kind == "name":
            return self._name()
        if kind == "string":
            self._next()
            return Literal(column, sys.intern(read_string(text, column)))
        if kind in {"int", "float"}:
            return self._number(negative=False, column=column)
        if kind == "bytes":
            raise CelError("Bytes are not supported.", column=column, hint="Leave the b away: 'text'.")
        if self._take("("):
            node = self.expression()
            self._expect(")")
            return node
        if self._take("["):
            return ListOf(column, self._list_until("]"))
        if self._take("{"):
            return MapOf(column, self._entries())
        # ".market" is "market" looked up at the root, where all attributes are anyway.
        if self._take(".") and self._token.kind == "name":
            return self._name()
        raise self._unexpected()

    def _number(self, *, negative: bool, column: int) -> Node:
        kind, text, _ = self._next()
        after = self._token
        if after.kind == "name" and after.column == column + len(text) + negative:
            hint = f"Write {text}." if after.text in {"u", "U"} else "Put a space or an operator between them."
            raise CelError(f"{text}{after.text} is no number.", column=column, hint=hint)
        if kind == "int":
            return Literal(column, read_int(text, column, negative=negative))
        return Literal(column, -float(text) if negative else float(text))

    def _name(self) -> Node:
        _, text, column = self._next()
        if text in _CONSTANTS:
            return Literal(column, _CONSTANTS[text])
        if refused := refuse_name(text, column):
            raise refused
        if self._take("("):
            if text == "has":
                return self._has(column)
            return checked_call(Call(column, text, None, self._list_until(")")))
        return Name(column, sys.intern(text))

    def _has(self, column: int) -> Node:
        arguments = self._list_until(")")
        match arguments:
            case (Name(name=name),) if name != NOW:
                return Has(column, None, name)
            case (Select(operand=operand, field=field),):
                return Has(column, operand, field)
            case _:
                hint = "Write has(user.vip) or has(market)."
                raise CelError("has(...) asks for one attribute by its name.", column=column, hint=hint)

    def _list_until(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(closing):
            items.append(self.expression())
            if not self._take(","):
                self._expect(closing)
                break
            # A comma may end a list, as in CEL, but not a call's arguments.
            if closing == ")" and self._token.text == ")":
                raise self._unexpected()
        return tuple(items)

    def _entries(self) -> tuple[tuple[Node, Node], ...]:
        entries: list[tuple[Node, Node]] = []
        while not self._take("}"):
            key = self.expression()
            self._expect(":")
            entries.append((key, self.expression()))
            if not self._take(","):
                self._expect("}")
                break
        return tuple(entries)
