"""Syntax tree to Python closures: no source text is made, nothing is evaluated by the interpreter's own compiler.

Called wherever rules are loaded. Parts without attributes are computed once, here; the shapes of nearly all rules get
closures of their own; the rest is composed of the general operators.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from croupier.core.flags.cel import logic, shapes
from croupier.core.flags.cel.errors import CelError, Undecided
from croupier.core.flags.cel.functions import FUNCTIONS
from croupier.core.flags.cel.kinds import field, has_field
from croupier.core.flags.cel.operators import OPERATORS, at, make_list, make_map, negate
from croupier.core.flags.cel.parser import parse
from croupier.core.flags.cel.reading import Test, Value, has, read
from croupier.core.flags.cel.signatures import SEGMENT
from croupier.core.flags.cel.syntax import (
    ARITHMETIC,
    MIRRORED,
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
    path_of,
)
from croupier.core.flags.cel.times import Timestamp, from_clock

Clock: TypeAlias = Callable[[], float]
Segments: TypeAlias = Callable[[str], Test]


def compile_condition(node_or_text: Node | str, *, now: Clock, segment: Segments | None = None) -> Test:
    """A function of a context that says whether the condition holds.

    The function raises an Exception (any) when the condition cannot be decided; ``why`` has the words. ``now`` gives
    seconds since 1970, ``segment`` the test of a named segment. Raises CelError for a bad text, and for a segment that
    ``segment`` answers with a LookupError, or that nobody can answer.
    """
    node = parse(node_or_text) if isinstance(node_or_text, str) else node_or_text
    return _value(_condition(node, _Scope(now, segment)))


def compile_value(node_or_text: Node | str, *, now: Clock, segment: Segments | None = None) -> Value:
    """As ``compile_condition``, for an expression with any result."""
    node = parse(node_or_text) if isinstance(node_or_text, str) else node_or_text
    return _value(_build(node, _Scope(now, segment)))


@dataclass(frozen=True, slots=True)
class _Scope:
    now: Clock
    segment: Segments | None


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any


_Part: TypeAlias = Value | _Constant


def _build(node: Node, scope: _Scope) -> _Part:
    return _BUILDERS[type(node)](node, scope)


def _value(part: _Part) -> Value:
    if isinstance(part, _Constant):
        value = part.value
        return lambda _: value
    return part


def _condition(node: Node, scope: _Scope) -> Test | _Constant:
    """The node where true or false is wanted: a test, or a constant that is a bool."""
    if path := path_of(node):
        return shapes.flag(path)
    part = _build(node, scope)
    if isinstance(part, _Constant):
        # A constant that is no condition stays an error of each evaluation, as CEL's && and || expect.
        return part if type(part.value) is bool else shapes.truth(_value(part))
    return part if _gives_bool(node) else shapes.truth(part)


def _gives_bool(node: Node) -> bool:
    match node:
        case And() | Or() | Not() | Has() | Call(function="segment"):
            return True
        case Binary(operator=symbol):
            return symbol not in ARITHMETIC
        case _:
            return False


def _apply(function: Callable[..., Any], parts: Sequence[_Part]) -> _Part:
    """The function over the parts' values: at once where all are constants, unless that is an error."""
    if all(isinstance(part, _Constant) for part in parts):
        # An error will be raised again, by each evaluation, where && or || may absorb it.
        with suppress(Exception):
            return _Constant(function(*(part.value for part in parts if isinstance(part, _Constant))))
    values = [_value(part) for part in parts]
    if len(values) == 1:
        (one,) = values
        return lambda context: function(one(context))
    if len(values) == 2:
        one, other = values
        return lambda context: function(one(context), other(context))
    return lambda context: function(*[value(context) for value in values])


# One builder for each kind of node


def _literal(node: Literal, _: _Scope) -> _Part:
    return _Constant(node.value)


def _name(node: Name, scope: _Scope) -> _Part:
    if node.name != NOW:
        return read((node.name,))
    clock = scope.now
    return lambda _: from_clock(clock())


def _select(node: Select, scope: _Scope) -> _Part:
    if path := path_of(node):
        return read(path)
    name = node.field
    return _apply(lambda value: field(value, name), [_build(node.operand, scope)])


def _has(node: Has, scope: _Scope) -> _Part:
    name = node.field
    if node.operand is None:
        return has((name,))
    if path := path_of(node.operand):
        return has((*path, name))
    return _apply(lambda value: has_field(value, name), [_build(node.operand, scope)])


def _index(node: Index, scope: _Scope) -> _Part:
    return _apply(at, [_build(node.operand, scope), _build(node.index, scope)])


def _list(node: ListOf, scope: _Scope) -> _Part:
    return _apply(make_list, [_build(item, scope) for item in node.items])


def _map(node: MapOf, scope: _Scope) -> _Part:
    return _apply(make_map, [_build(part, scope) for entry in node.entries for part in entry])


def _not(node: Not, scope: _Scope) -> _Part:
    test = _condition(node.operand, scope)
    return _Constant(not test.value) if isinstance(test, _Constant) else logic.negation(test)


def _negate(node: Negate, scope: _Scope) -> _Part:
    return _apply(negate, [_build(node.operand, scope)])


def _and(node: And, scope: _Scope) -> _Part:
    return _junction(node, scope, absorbing=False)


def _or(node: Or, scope: _Scope) -> _Part:
    return _junction(node, scope, absorbing=True)


def _junction(node: And | Or, scope: _Scope, *, absorbing: bool) -> _Part:
    tests: list[Test] = []
    for operand in node.operands:
        test = _condition(operand, scope)
        if not isinstance(test, _Constant):
            tests.append(test)
        elif test.value is absorbing:
            return test
    if not tests:
        return _Constant(not absorbing)
    return logic.disjunction(tests) if absorbing else logic.conjunction(tests)


def _choice(node: Choice, scope: _Scope) -> _Part:
    condition = _condition(node.condition, scope)
    if isinstance(condition, _Constant):
        return _build(node.then if condition.value else node.otherwise, scope)
    then, otherwise = _value(_build(node.then, scope)), _value(_build(node.otherwise, scope))
    return logic.choice(condition, then, otherwise)


def _binary(node: Binary, scope: _Scope) -> _Part:
    symbol = node.operator
    left, right = path_of(node.left), path_of(node.right)
    if left and not right:
        constant = _build(node.right, scope)
        if isinstance(constant, _Constant) and (shape := _shape(left, symbol, constant.value)):
            return shape
        return _apply(OPERATORS[symbol], [read(left), constant])
    if right and not left:
        constant = _build(node.left, scope)
        if isinstance(constant, _Constant):
            value = constant.value
            if symbol == "in" and type(value) is str:
                return shapes.holds(right, value)
            if symbol in MIRRORED and (shape := _shape(right, MIRRORED[symbol], value)):
                return shape
        return _apply(OPERATORS[symbol], [constant, read(right)])
    parts = [_build(node.left, scope), _build(node.right, scope)]
    if isinstance(node.left, Name) and isinstance(parts[1], _Constant) and symbol in {"<", "<=", ">", ">="}:
        limit = parts[1].value
        # Of all names only "now" is no path.
        if isinstance(limit, Timestamp):
            return shapes.moment(scope.now, symbol, limit)
    return _apply(OPERATORS[symbol], parts)


def _shape(path: tuple[str, ...], symbol: str, constant: Any) -> Test | None:
    kind = type(constant)
    if symbol in {"==", "!="} and kind in {str, int, float, bool}:
        return shapes.equals(path, constant) if symbol == "==" else shapes.differs(path, constant)
    if symbol in MIRRORED and kind in {str, int, float}:
        return shapes.compares(path, symbol, constant)
    if symbol == "in" and kind is list and constant:
        kinds = {type(item) for item in constant}
        if kinds in ({str}, {int}):
            return shapes.among(path, tuple(constant))
    return None


def _call(node: Call, scope: _Scope) -> _Part:
    if node.function == SEGMENT:
        return _segment(node, scope)
    parts = [_build(operand, scope) for operand in node.operands]
    if len(parts) == 2 and node.function in shapes.TEXTS:
        value, part = parts
        if isinstance(part, _Constant) and type(part.value) is str and not isinstance(value, _Constant):
            # A pattern put together from parts may turn out to be none: an error of each evaluation.
            with suppress(Undecided):
                return shapes.text(value, node.function, part.value)
    return _apply(FUNCTIONS[node.function], parts)


def _segment(node: Call, scope: _Scope) -> Test:
    (name,) = (argument.value for argument in node.arguments if isinstance(argument, Literal))
    if scope.segment is None:
        raise CelError("Segments cannot be asked for here.", column=node.column, hint="Write the condition itself.")
    try:
        return scope.segment(str(name))
    except LookupError:
        hint = "Define it first, or mend the name."
        raise CelError(f"There is no segment {name!r}.", column=node.column, hint=hint) from None


_BUILDERS: Final[dict[type, Callable[[Any, _Scope], _Part]]] = {
    Literal: _literal,
    Name: _name,
    Select: _select,
    Has: _has,
    Index: _index,
    ListOf: _list,
    MapOf: _map,
    Not: _not,
    Negate: _negate,
    Binary: _binary,
    And: _and,
    Or: _or,
    Choice: _choice,
    Call: _call,
}
