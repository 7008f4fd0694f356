"""The type that a part of a condition will have, as far as it can be told without a context. Called by the checker."""

from collections.abc import Mapping

from croupier.core.flags.cel.kinds import KINDS, NUMBERS, Type
from croupier.core.flags.cel.signatures import SIGNATURES
from croupier.core.flags.cel.syntax import (
    ARITHMETIC,
    NOW,
    Binary,
    Call,
    Choice,
    Index,
    ListOf,
    Literal,
    MapOf,
    Name,
    Negate,
    Node,
    Select,
    path_of,
)

_SUMS = {
    (Type.TIMESTAMP, "+", Type.DURATION): Type.TIMESTAMP,
    (Type.DURATION, "+", Type.TIMESTAMP): Type.TIMESTAMP,
    (Type.DURATION, "+", Type.DURATION): Type.DURATION,
    (Type.STRING, "+", Type.STRING): Type.STRING,
    (Type.LIST, "+", Type.LIST): Type.LIST,
    (Type.TIMESTAMP, "-", Type.DURATION): Type.TIMESTAMP,
    (Type.TIMESTAMP, "-", Type.TIMESTAMP): Type.DURATION,
    (Type.DURATION, "-", Type.DURATION): Type.DURATION,
}


def infer(node: Node, types: Mapping[str, Type]) -> Type:
    """The node's type; ANY if it depends on the context."""
    match node:
        case Literal(value=value):
            return KINDS[type(value)]
        case Name(name=name) if name == NOW:
            return Type.TIMESTAMP
        case Name() | Select():
            return types.get(".".join(path_of(node) or ()), Type.ANY)
        case Index():
            return Type.ANY
        case ListOf():
            return Type.LIST
        case MapOf():
            return Type.MAP
        case _:
            return _of_operation(node, types)


def _of_operation(node: Node, types: Mapping[str, Type]) -> Type:
    match node:
        case Negate(operand=operand):
            kind = infer(operand, types)
            return kind if kind in NUMBERS else Type.ANY
        case Choice(then=then, otherwise=otherwise):
            kinds = {infer(then, types), infer(otherwise, types)}
            return kinds.pop() if len(kinds) == 1 else Type.ANY
        case Call(function=function):
            return SIGNATURES[function].result
        case Binary(operator=symbol) if symbol in ARITHMETIC:
            return sum_of(infer(node.left, types), symbol, infer(node.right, types)) or Type.ANY
        case _:
            return Type.BOOL


def sum_of(left: Type, symbol: str, right: Type) -> Type | None:
    """The type of ``left symbol right`` for an arithmetic operator; None if it can never be calculated."""
    if Type.ANY in {left, right}:
        return Type.ANY
    if left is right and (left is Type.INT or (left is Type.DOUBLE and symbol != "%")):
        return left
    return _SUMS.get((left, symbol, right))
