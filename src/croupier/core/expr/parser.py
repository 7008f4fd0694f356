"""Text to syntax tree. Called by ``condition``.

Precedence from weak to strong, as expr has it: ?: | or || | and && | comparisons, in, matches, contains, startsWith,
endsWith | .. | + - | * / % | ** ^ | ??; the unary not and ! bind like comparisons do and a little more, - and + below
the power.
"""

from typing import Final

from croupier.core.expr.errors import ExprError
from croupier.core.expr.functions import FUNCTIONS, PREDICATES, refuse_function
from croupier.core.expr.lexer import Token, number, string, tokens
from croupier.core.expr.syntax import NIL, Node

MAX_CHARACTERS: Final = 4_096
MAX_DEPTH: Final = 64
MAX_NODES: Final = 500

_BINARY: Final = {
    **dict.fromkeys(("or", "||"), 10),
    **dict.fromkeys(("and", "&&"), 15),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", "in", "matches", "contains", "startsWith", "endsWith"), 20),
    "..": 25,
    **dict.fromkeys(("+", "-"), 30),
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("**", "^"), 100),
    "??": 500,
}
_NEGATED: Final = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
_UNARY: Final = {"not": 50, "!": 50, "-": 90, "+": 90}
_SAME: Final = {"||": "or", "&&": "and", "!": "not", "^": "**"}
_CONSTANTS: Final = {"true": True, "false": False, "nil": None}
_ITEMS: Final = frozenset({"#", "#index"})


def parse(text: str) -> Node:
    """The expression's syntax tree. Raises ExprError, which says what is wrong, where, and what to write instead."""
    if len(text) > MAX_CHARACTERS:
        raise ExprError(f"The condition is longer than {MAX_CHARACTERS:,} characters.", column=MAX_CHARACTERS)
    if not text.strip():
        raise ExprError("The condition is empty.", column=1, hint="Write for example result[0] >= 0.95.")
    parser = _Parser(tokens(text))
    node = parser.expression()
    parser.end()
    return node


class _Parser:
    __slots__ = ("_at", "_nesting", "_nodes", "_predicates", "_tokens")

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._nesting = 0
        self._nodes = 0
        self._predicates = 0

    # --- tokens -----------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, text: str) -> bool:
        return self._token.kind == "op" and self._token.text == text

    def _take(self, text: str) -> bool:
        found = self._is(text)
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(text)

    def _unexpected(self, wanted: str = "") -> ExprError:
        kind, text, column = self._token
        if kind == "end":
            hint = f"Close it with {wanted}." if wanted else "Finish it, or remove the last operator."
            return ExprError("The condition ends too early.", column=column, hint=hint)
        hints = {"|": "Pipes are not supported: write f(x) for x | f().", ";": "Variables are not supported."}
        hint = hints.get(text, f"{wanted} is expected." if wanted else "Is an operator missing?")
        return ExprError(f"{text} is not expected here.", column=column, hint=hint)

    def end(self) -> None:
        if self._token.kind != "end":
            raise self._unexpected()

    def _node(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExprError(f"The condition has more than {MAX_NODES} parts.", column=node.column, hint="Split it.")
        return node

    # --- operators --------------------------------------------------------------------------------------------------

    def expression(self) -> Node:
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise ExprError(f"The condition is nested deeper than {MAX_DEPTH} levels.", column=self._token.column)
        node = self._binary(0)
        column = self._token.column
        if self._take("?"):
            then = self.expression()
            self._expect(":")
            node = self._node(Node("choice", column, None, (node, then, self.expression())))
        self._nesting -= 1
        return node

    def _binary(self, weakest: int) -> Node:
        node = self._unary()
        while True:
            column = self._token.column
            negated = self._token.text == "not" and self._tokens[self._at + 1].text in _NEGATED
            operator = self._tokens[self._at + 1].text if negated else self._token.text
            binding = _BINARY.get(operator, -1) if self._token.kind in {"op", "name"} else -1
            if binding < weakest or binding < 0:
                return node
            self._at += 1 + negated
            right = self._binary(binding + (operator not in {"**", "^"}))
            node = self._node(Node("binary", column, _SAME.get(operator, operator), (node, right)))
            if negated:
                node = self._node(Node("unary", column, "not", (node,)))

    def _unary(self) -> Node:
        kind, text, column = self._token
        binding = _UNARY.get(text) if kind in {"op", "name"} else None
        if binding is None:
            return self._members(self._primary())
        self._next()
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise ExprError(f"The condition is nested deeper than {MAX_DEPTH} levels.", column=column)
        operand = self._binary(binding)
        self._nesting -= 1
        return self._node(Node("unary", column, _SAME.get(text, text), (operand,)))

    def _members(self, node: Node) -> Node:
        while True:
            column = self._token.column
            if self._take("."):
                node = Node("member", column, self._field(), (node,))
            elif self._take("?."):
                node = Node("maybe", column, self._field(), (node,))
            elif self._take("["):
                node = self._bracket(node, column)
            else:
                return node
            self._node(node)

    def _field(self) -> str:
        if self._token.kind != "name":
            raise self._unexpected()
        _, text, column = self._next()
        if self._is("("):
            hint = f"Write {text}(...)." if text in FUNCTIONS else "Results are numbers, texts, lists and maps."
            raise ExprError(f"There is no method {text}.", column=column, hint=hint)
        return text

    def _bracket(self, node: Node, column: int) -> Node:
        start = NIL if self._is(":") else self.expression()
        if not self._take(":"):
            self._expect("]")
            return Node("index", column, None, (node, start))
        end = NIL if self._is("]") else self.expression()
        self._expect("]")
        return Node("slice", column, None, (node, start, end))

    # --- what they stand between ------------------------------------------------------------------------------------

    def _primary(self) -> Node:
        token = self._token
        kind, column = token.kind, token.column
        if kind in {"number", "string"}:
            self._next()
            return self._node(Node("literal", column, number(token) if kind == "number" else string(token)))
        if kind == "name":
            return self._name()
        if kind == "item" or (self._is(".") and self._predicates):
            return self._item()
        if self._take("("):
            node = self.expression()
            self._expect(")")
            return node
        if self._take("["):
            return self._node(Node("list", column, None, self._until("]")))
        if self._take("{"):
            return self._node(Node("map", column, None, self._entries()))
        raise self._unexpected()

    def _item(self) -> Node:
        kind, text, column = self._token
        if not self._predicates:
            hint = "It is the item that all, any, none, one, map, filter, find and count look at: any(result, # > 1)."
            raise ExprError(f"{text} has no meaning here.", column=column, hint=hint)
        if kind == "item":
            if text not in _ITEMS:
                raise ExprError(f"There is no {text}.", column=column, hint="Write # or #index.")
            self._next()
        return self._node(Node("item", column, text if kind == "item" else "#"))

    def _name(self) -> Node:
        _, text, column = self._next()
        if text in _CONSTANTS:
            return self._node(Node("literal", column, _CONSTANTS[text]))
        if self._take("("):
            return self._call(text, column)
        if text == "result":
            return self._node(Node("name", column, text))
        if text == "let":
            raise ExprError("Variables are not supported.", column=column, hint="Write the value where it is used.")
        hint = f"Write {text}(...)." if text in FUNCTIONS or text in PREDICATES else "The one variable is result."
        raise ExprError(f"There is nothing called {text}.", column=column, hint=hint)

    def _call(self, name: str, column: int) -> Node:
        if name in PREDICATES:
            subject = self.expression()
            parts: tuple[Node, ...] = (subject,)
            if self._take(","):
                parts = (subject, self._predicate())
            self._expect(")")
        else:
            parts = self._until(")")
        if refused := refuse_function(name, len(parts), column):
            raise refused
        return self._node(Node("call", column, name, parts))

    def _predicate(self) -> Node:
        self._predicates += 1
        braces = self._take("{")
        node = self.expression()
        if braces:
            self._expect("}")
        self._predicates -= 1
        return node

    def _until(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(closing):
            items.append(self.expression())
            if not self._take(","):
                self._expect(closing)
                break
        return tuple(items)

    def _entries(self) -> tuple[Node, ...]:
        entries: list[Node] = []
        while not self._take("}"):
            kind, text, column = self._token
            named = kind == "name" and self._tokens[self._at + 1].text == ":"
            key = self._node(Node("literal", column, text)) if named else self.expression()
            self._at += named
            self._expect(":")
            entries += [key, self.expression()]
            if not self._take(","):
                self._expect("}")
                break
        return tuple(entries)
