"""Syntax tree to closures, once. Each pays for its work before it does it. Called by ``condition``."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from croupier.core.expr import operators
from croupier.core.expr.errors import Unanswerable
from croupier.core.expr.functions import AT_ONCE, BACKWARDS, FUNCTIONS, PREDICATES, SUM
from croupier.core.expr.kinds import numeric, shown
from croupier.core.expr.syntax import Node, walk
from croupier.core.expr.work import Work


@dataclass(slots=True)
class Frame:
    """One evaluation: the result, the items that predicates look at now (innermost last), and the work left."""

    result: Any
    items: list[tuple[Any, int]] = field(default_factory=list)
    work: Work = field(default_factory=Work)
    unknown: bool | None = None
    """What a comparison with NaN is taken for; ``None``: what it is in expr."""


Run: TypeAlias = Callable[[Frame], Any]


def compiled(node: Node) -> Run:
    """The closure that evaluates this node. It raises nothing but ``Unanswerable``."""
    return _MAKERS[node.kind](node)


def _literal(node: Node) -> Run:
    value = node.value
    return lambda _: value


def _name(_: Node) -> Run:
    return lambda frame: frame.result


def _item(node: Node) -> Run:
    which = int(node.value == "#index")
    return lambda frame: frame.items[-1][which]


def _member(node: Node) -> Run:
    operand, name = compiled(node.parts[0]), str(node.value)
    return lambda frame: operators.member(operand(frame), name)


def _maybe(node: Node) -> Run:
    operand, name = compiled(node.parts[0]), str(node.value)

    def maybe(frame: Frame) -> Any:
        value = operand(frame)
        return None if value is None else operators.member(value, name)

    return maybe


def _index(node: Node) -> Run:
    operand, index = map(compiled, node.parts)
    return lambda frame: operators.item(operand(frame), index(frame))


def _slice(node: Node) -> Run:
    operand, start, end = map(compiled, node.parts)
    return lambda frame: _made(frame, operators.part(operand(frame), start(frame), end(frame)))


def _unary(node: Node) -> Run:
    operand = compiled(node.parts[0])
    if node.value == "not":
        return lambda frame: not operators.truth(operand(frame))
    if node.value == "-":
        return lambda frame: operators.negative(operand(frame))
    return lambda frame: numeric(operand(frame))


def _binary(node: Node) -> Run:
    left, right = map(compiled, node.parts)
    if node.value == "and":
        return lambda frame: operators.truth(left(frame)) and operators.truth(right(frame))
    if node.value == "or":
        return lambda frame: operators.truth(left(frame)) or operators.truth(right(frame))
    if node.value == "??":
        return lambda frame: right(frame) if (value := left(frame)) is None else value
    work, name, known = operators.BINARY[str(node.value)], str(node.value), node.parts[1].kind == "literal"

    def calculated(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        if name == "matches":
            frame.work.search(one, other, known=known)
        elif name == "in" and isinstance(other, dict):
            frame.work.look_at(one)  # which is found at once
        else:
            frame.work.look_at(one, other)
        return _made(frame, work(one, other))

    def compared(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        frame.work.look_at(one, other)
        said = work(one, other)
        nan = frame.unknown is not None and any(type(each) is float and math.isnan(each) for each in (one, other))
        return frame.unknown if nan else said

    return compared if name in operators.COMPARISONS else calculated


def _choice(node: Node) -> Run:
    condition, then, otherwise = map(compiled, node.parts)
    return lambda frame: then(frame) if operators.truth(condition(frame)) else otherwise(frame)


def _list(node: Node) -> Run:
    items = [compiled(part) for part in node.parts]
    return lambda frame: [item(frame) for item in items]


def _map(node: Node) -> Run:
    keys, values = [compiled(part) for part in node.parts[::2]], [compiled(part) for part in node.parts[1::2]]

    def made(frame: Frame) -> dict[str, Any]:
        found = {}
        for key, value in zip(keys, values, strict=True):
            name = key(frame)
            if not isinstance(name, str):
                raise Unanswerable(f"{shown(name)} is no key of a map")
            found[name] = value(frame)
        return found

    return made


def _call(node: Node) -> Run:
    name = str(node.value)
    if name in PREDICATES:
        return _asking(node, name)
    arguments, function = [compiled(part) for part in node.parts], FUNCTIONS[name][2]

    def called(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        if name not in AT_ONCE:
            frame.work.look_at(*values)
        if name in BACKWARDS:
            frame.work.compare(*values)
        elif name == "string":
            frame.work.show(*values)
        return _made(frame, function(*values))

    return called


def _made(frame: Frame, value: Any) -> Any:
    """The value, paid for as long as it is. What is in it was there before."""
    frame.work.made(value)
    return value


def _asking(node: Node, name: str) -> Run:
    """The functions that ask something of each item."""
    subject = compiled(node.parts[0])
    ask = compiled(node.parts[1]) if len(node.parts) > 1 else lambda frame: frame.items[-1][0]
    answer = _ANSWERS[name]
    parts = 1 + sum(1 for part in node.parts[1:] for _ in walk(part))

    def asked(frame: Frame) -> Any:
        items = subject(frame)
        if not isinstance(items, list):
            raise Unanswerable(f"{shown(items)} is no list")
        said = _each(frame, items, ask, parts)
        return answer(items, _looked_at(frame, said) if name == "sum" else said)

    return asked


def _each(frame: Frame, items: list[Any], ask: Run, parts: int) -> Iterator[Any]:
    for index, item in enumerate(items):
        frame.work.spend(parts)
        frame.items.append((item, index))
        said = ask(frame)
        frame.items.pop()
        yield said


def _looked_at(frame: Frame, said: Iterator[Any]) -> Iterator[Any]:
    """The same, each paid for with all that is in it: where it is a list, its numbers are added up as well."""
    for each in said:
        frame.work.look_at(each)
        yield each


def _matching(said: Iterator[Any]) -> Iterator[int]:
    return (index for index, answer in enumerate(said) if operators.truth(answer))


def _found(items: list[Any], places: Iterator[int]) -> Any:
    return next((items[place] for place in places), None)


_ANSWERS: Final[dict[str, Callable[[list[Any], Iterator[Any]], Any]]] = {
    "all": lambda _, said: all(map(operators.truth, said)),
    "any": lambda _, said: any(map(operators.truth, said)),
    "none": lambda _, said: not any(map(operators.truth, said)),
    "one": lambda _, said: len(list(_matching(said))) == 1,
    "map": lambda _, said: list(said),
    "filter": lambda items, said: [items[place] for place in _matching(said)],
    "find": lambda items, said: _found(items, _matching(said)),
    "findIndex": lambda _, said: next(_matching(said), -1),
    "findLast": lambda items, said: _found(items, iter(list(_matching(said))[-1:])),
    "findLastIndex": lambda _, said: next(iter(list(_matching(said))[-1:]), -1),
    "count": lambda _, said: len(list(_matching(said))),
    "sum": lambda _, said: SUM(list(said)),
}

_MAKERS: Final[dict[str, Callable[[Node], Run]]] = {
    "literal": _literal,
    "name": _name,
    "item": _item,
    "member": _member,
    "maybe": _maybe,
    "index": _index,
    "slice": _slice,
    "unary": _unary,
    "binary": _binary,
    "choice": _choice,
    "call": _call,
    "list": _list,
    "map": _map,
}
