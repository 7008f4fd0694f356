"""Conditions built for imported rules, which hold or do not hold, but are never undecided for want of an attribute.

In the vendors' rules a missing attribute is an answer; here it would make the whole rule undecided. So every part asks
first whether its attribute is there. Used by the imports.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from croupier.adapters.imports.report import Impossible
from croupier.core.flags import cel
from croupier.core.flags.cel.parser import MAX_NODES
from croupier.core.flags.cel.syntax import (
    NOW,
    And,
    Binary,
    Call,
    Has,
    ListOf,
    Literal,
    Name,
    Node,
    Not,
    Or,
    Select,
    walk,
)

TRUE: Final = Literal(0, True)
FALSE: Final = Literal(0, False)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD: Final = re.compile(r"[A-Za-z0-9_./ -]+")


def attribute(path: Sequence[str]) -> Node:
    """The attribute at a path. Raises ``Impossible`` for a name that conditions cannot say."""
    first, *rest = path
    if not _NAME.fullmatch(first) or first == NOW:
        raise Impossible(f"conditions cannot name the attribute '{first}'")
    node: Node = Name(0, first)
    for name in rest:
        if not _FIELD.fullmatch(name):
            raise Impossible(f"conditions cannot name the attribute '{'.'.join(path)}'")
        node = Select(0, node, name)
    return node


def present(path: Sequence[str]) -> Node:
    """Whether the attribute, and everything above it, is there."""
    attribute(path)
    steps = (Has(0, attribute(path[:at]) if at else None, name) for at, name in enumerate(path))
    return both(*steps)


def literal(value: bool | float | str | None) -> Node:
    return Literal(0, value)


def is_one_of(path: Sequence[str], values: Sequence[str | float | bool]) -> Node:
    """Whether the attribute is there and equals one of the values."""
    if not values:
        return FALSE
    if len(values) == 1:
        return both(present(path), Binary(0, "==", attribute(path), literal(values[0])))
    listed = ListOf(0, tuple(map(literal, values)))
    return both(present(path), Binary(0, "in", attribute(path), listed))


def compared(path: Sequence[str], operator: str, value: float | str, read: str | None = None) -> Node:
    """Whether the attribute is there and stands so to the value; both are read by the function ``read`` first."""
    left, right = attribute(path), literal(value)
    if read is not None:
        left, right = Call(0, read, None, (left,)), right if read == "double" else Call(0, read, None, (right,))
    return both(present(path), Binary(0, operator, left, right))


def text_test(path: Sequence[str], method: str, value: str) -> Node:
    """Whether the attribute is there and ``method`` (startsWith, endsWith, contains, matches) holds of it."""
    return both(present(path), Call(0, method, attribute(path), (literal(value),)))


def moment(operator: str, text: str) -> Node:
    """``now`` compared with a point in time, written as RFC 3339."""
    return Binary(0, operator, Name(0, NOW), Call(0, "timestamp", None, (literal(text),)))


def both(*nodes: Node) -> Node:
    """All of them; flat, without what is true anyway."""
    parts = [part for node in nodes for part in (node.operands if isinstance(node, And) else (node,)) if part != TRUE]
    unique = tuple(dict.fromkeys(parts))
    if FALSE in unique:
        return FALSE
    return And(0, unique) if len(unique) > 1 else unique[0] if unique else TRUE


def either(nodes: Iterable[Node]) -> Node:
    """Any of them; flat, without what is false anyway."""
    parts = [part for node in nodes for part in (node.operands if isinstance(node, Or) else (node,)) if part != FALSE]
    unique = tuple(dict.fromkeys(parts))
    if TRUE in unique:
        return TRUE
    return Or(0, unique) if len(unique) > 1 else unique[0] if unique else FALSE


def negated(node: Node) -> Node:
    if node in (TRUE, FALSE):
        return FALSE if node == TRUE else TRUE
    return node.operand if isinstance(node, Not) else Not(0, node)


def bounded(node: Node) -> Node:
    """The node. Raises ``Impossible`` for one that is too large to be written, before it is put into larger ones."""
    if sum(1 for _ in islice(walk(node), MAX_NODES + 1)) > MAX_NODES:
        raise Impossible(f"a condition of it has more than {MAX_NODES} parts")
    return node


def text_of(node: Node) -> str:
    """The condition as a rule writes it; ``""`` for everybody. Raises ``Impossible`` where it cannot be said."""
    if node == TRUE:
        return ""
    text = cel.render(node)
    try:
        cel.parse(text)
    except cel.CelError as error:
        raise Impossible(f"the condition {text[:60]!r} cannot be said here: {error.message}") from None
    return text
