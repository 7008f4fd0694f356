"""Conditions as JSONLogic for flagd. Called by ``flagd_export``.

A condition is true, false or undecided (an attribute is missing), JSONLogic knows only the first two. So two
expressions are built side by side, "is true" and "is false"; undecided is neither.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from croupier.adapters.imports.report import Impossible
from croupier.core.flags import cel
from croupier.core.flags.cel.signatures import SEGMENT
from croupier.core.flags.cel.syntax import (
    MIRRORED,
    NOW,
    And,
    Binary,
    Call,
    Choice,
    Has,
    ListOf,
    Literal,
    Name,
    Node,
    Not,
    Or,
    path_of,
    tested_path,
)
from croupier.core.segments import Segment

_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}
_METHODS: Final = {"startsWith": "starts_with", "endsWith": "ends_with"}


def condition_logic(text: str, segments: Mapping[str, Segment]) -> Any:
    """JSONLogic that is true where the condition is. Raises ``Impossible`` for what flagd cannot ask."""
    return _when(cel.parse(text), True, segments) if text else True


def is_present(path: tuple[str, ...]) -> Any:
    return {"!==": [{"var": ".".join(path)}, None]}


def segment_logic(segment: Segment) -> Any:
    """Whether the player is in the segment."""
    return _all([{"in": [{"var": match.attribute}, list(match.values)]} for match in segment.matches])


def _all(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else {"and": parts} if parts else True


def _any(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else {"or": parts} if parts else False


def _when(node: Node, wanted: bool, segments: Mapping[str, Segment]) -> Any:
    """JSONLogic that is true where the node is ``wanted``."""
    inner = partial(_when, segments=segments)
    match node:
        case Not(operand=operand):
            return inner(operand, not wanted)
        case And(operands=operands) | Or(operands=operands):
            parts = [inner(each, wanted) for each in operands]
            return _all(parts) if isinstance(node, And) is wanted else _any(parts)
        case Choice(condition=asked, then=then, otherwise=otherwise):
            chosen = _all([inner(asked, True), inner(then, wanted)])
            return _any([chosen, _all([inner(asked, False), inner(otherwise, wanted)])])
        case Call(function=function) if function == SEGMENT:
            return _segment(node, wanted, segments)
        case _:
            return _leaf(node, wanted)


def _leaf(node: Node, wanted: bool) -> Any:
    match node:
        case Literal(value=bool() as value):
            return value is wanted
        case Has():
            return _has(node, wanted)
        case Binary(operator=operator, left=left, right=right):
            return _comparison(operator, left, right, wanted)
        case Call(function=function, operands=(subject, Literal(value=str(value)))) if path := path_of(subject):
            return _test(function, path, value, wanted)
        case _ if path := path_of(node):
            return {"===": [{"var": ".".join(path)}, wanted]}
        case _:
            raise Impossible(f"flagd cannot ask {cel.render(node)[:60]!r}")


def _has(node: Has, wanted: bool) -> Any:
    path = tested_path(node)
    if path is None:
        raise Impossible(f"flagd cannot ask {cel.render(node)[:60]!r}")
    there = is_present(path)
    return there if wanted else _all([*([is_present(path[:-1])] if path[1:] else []), {"!": [there]}])


def _segment(node: Call, wanted: bool, segments: Mapping[str, Segment]) -> Any:
    (name,) = (part.value for part in node.arguments if isinstance(part, Literal))
    segment = segments.get(str(name))
    if segment is None:
        raise Impossible(f"there is no segment '{name}'")
    inside = segment_logic(segment)
    return inside if wanted else {"!": [inside]}


def _test(function: str, path: tuple[str, ...], value: str, wanted: bool) -> Any:
    variable = {"var": ".".join(path)}
    if function in _METHODS:
        test: Any = {_METHODS[function]: [variable, value]}
    elif function == "contains":
        test = {"in": [value, variable]}
    else:
        raise Impossible(f"flagd has no {function}")
    return _all([is_present(path), test if wanted else {"!": [test]}])


def _comparison(operator: str, left: Node, right: Node, wanted: bool) -> Any:
    if operator != "in" and path_of(left) is None and not isinstance(left, Call | Name):
        if operator not in MIRRORED:
            raise Impossible(f"flagd cannot ask {cel.render(Binary(0, operator, left, right))[:60]!r}")
        left, right, operator = right, left, MIRRORED[operator]
    path = path_of(left)
    match operator, left, right:
        case "in", _, ListOf(items=items) if path and all(isinstance(item, Literal) for item in items):
            test: Any = {"in": [{"var": ".".join(path)}, [item.value for item in items if isinstance(item, Literal)]]}
            return _all([is_present(path), test if wanted else {"!": [test]}])
        case (("==" | "!="), _, Literal(value=value)) if path:
            same = (operator == "==") is wanted
            return _all([is_present(path), {"===" if same else "!==": [{"var": ".".join(path)}, value]}])
        case (("<" | "<=" | ">" | ">="), _, Literal(value=int() | float() as value)) if path:
            asked = operator if wanted else _OPPOSITE[operator]
            return _all([is_present(path), {asked: [{"var": ".".join(path)}, value]}])
        case (
            ("<" | "<=" | ">" | ">="),
            Name(name=name),
            Call(function="timestamp", arguments=(Literal(value=str(at)),)),
        ) if name == NOW:
            seconds = int(datetime.fromisoformat(at).timestamp())
            return {operator if wanted else _OPPOSITE[operator]: [{"var": "$flagd.timestamp"}, seconds]}
        case _:
            return _versions(operator, left, right, wanted)


def _versions(operator: str, left: Node, right: Node, wanted: bool) -> Any:
    match left, right:
        case (
            Call(function="semver", arguments=(subject,)),
            Call(function="semver", arguments=(Literal(value=str(version)),)),
        ) if (path := path_of(subject)) and operator != "in":
            asked = "=" if operator == "==" else operator
            if not wanted:
                asked = _OPPOSITE[asked]
            return _all([is_present(path), {"sem_ver": [{"var": ".".join(path)}, asked, version]}])
        case _:
            raise Impossible(f"flagd cannot ask {cel.render(Binary(0, operator, left, right))[:60]!r}")
