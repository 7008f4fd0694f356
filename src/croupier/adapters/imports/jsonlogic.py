"""Conditions of flagd's targeting (JSONLogic) as CEL. What JSONLogic can say and conditions cannot is refused.

In JSONLogic a missing attribute is null: equal to nothing, less than nothing, false. Called by ``flagd``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from croupier.adapters.imports.conditions import (
    FALSE,
    TRUE,
    attribute,
    both,
    bounded,
    compared,
    either,
    is_one_of,
    literal,
    moment,
    negated,
    present,
    text_test,
)
from croupier.adapters.imports.report import Impossible
from croupier.core.flags.cel.syntax import MIRRORED, Binary, Call, Node

_NOW: Final = ("$flagd", "timestamp")
_DEEPEST: Final = 50


def condition(logic: Any, depth: int = 0) -> Node:
    """Whether the logic is true of a context. Raises ``Impossible`` where that cannot be said."""
    if depth > _DEEPEST:
        raise Impossible("its targeting is nested too deeply")
    if isinstance(logic, bool):
        return TRUE if logic else FALSE
    if path := variable(logic):
        # An attribute is true unless it is null, false, 0 or empty.
        return both(present(path), negated(is_one_of(path, [False, 0, ""])))
    operator, operands = operation(logic)
    inner = partial(condition, depth=depth + 1)
    match operator, operands:
        case (("and" | "or"), _):
            parts = [inner(each) for each in operands]
            node = both(*parts) if operator == "and" else either(parts)
        case (("!" | "!!"), [operand]):
            node = negated(inner(operand)) if operator == "!" else inner(operand)
        case "if", [asked, then, otherwise]:
            chosen = inner(asked)
            node = either([both(chosen, inner(then)), both(negated(chosen), inner(otherwise))])
        case _:
            node = _comparison(operator, operands)
    return bounded(node)  # an if says its condition twice, and that doubles


def _comparison(operator: str, operands: list[Any]) -> Node:
    match operator, operands:
        case (("==" | "==="), [left, right]):
            return _equal(left, right)
        case (("!=" | "!=="), [left, right]):
            return negated(_equal(left, right))
        case (("<" | "<=" | ">" | ">="), [left, right]):
            return _ordered(operator, left, right)
        case (("<" | "<="), [low, middle, high]):
            return both(_ordered(operator, low, middle), _ordered(operator, middle, high))
        case "in", [left, right]:
            return _within(left, right)
        case (("starts_with" | "ends_with"), [left, str(text)]):
            return text_test(_path(left), "startsWith" if operator == "starts_with" else "endsWith", text)
        case "sem_ver", [left, asked, right]:
            return _version(left, asked, right)
        case _:
            raise Impossible(f"its targeting uses '{operator}' in a way that conditions cannot say")


def operation(logic: Any) -> tuple[str, list[Any]]:
    """Operator and operands. Raises ``Impossible`` for what is no operation."""
    if not isinstance(logic, Mapping) or len(logic) != 1:
        raise Impossible(f"its targeting compares with {str(logic)[:40]!r}")
    ((operator, operands),) = logic.items()
    return str(operator), operands if isinstance(operands, list) else [operands]


def variable(logic: Any) -> tuple[str, ...] | None:
    """The path of ``{"var": "a.b"}``; ``None`` for anything else, also for one with a default."""
    if not isinstance(logic, Mapping) or list(logic) != ["var"]:
        return None
    name = logic["var"][0] if isinstance(logic["var"], list) and len(logic["var"]) == 1 else logic["var"]
    return tuple(name.split(".")) if isinstance(name, str) and name else None


def _path(logic: Any) -> tuple[str, ...]:
    path = variable(logic)
    if path is None:
        raise Impossible("its targeting computes what it compares")
    return path


def _plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _equal(left: Any, right: Any) -> Node:
    if variable(left) is None:
        left, right = right, left
    path = _path(left)
    if right is None:
        return negated(present(path))
    if not _plain(right):
        raise Impossible("its targeting compares with a list, an object or a second attribute")
    return is_one_of(path, [right])


def _ordered(operator: str, left: Any, right: Any) -> Node:
    if variable(left) is None:
        left, right, operator = right, left, MIRRORED[operator]
    path = _path(left)
    if isinstance(right, bool) or not isinstance(right, int | float):
        raise Impossible("its targeting compares the size of something else than numbers")
    if path == _NOW:
        try:
            return moment(operator, datetime.fromtimestamp(right, UTC).isoformat().replace("+00:00", "Z"))
        except (ValueError, OverflowError, OSError):
            raise Impossible("its targeting names a time that does not exist") from None
    return compared(path, operator, right)


def _within(left: Any, right: Any) -> Node:
    if (path := variable(left)) and isinstance(right, list) and all(_plain(each) for each in right):
        return is_one_of(path, right)
    if isinstance(left, str) and (path := variable(right)):
        # Inside of a text, or one of a list: whichever the attribute is.
        inside = Call(0, "contains", attribute(path), (literal(left),))
        return both(present(path), either([inside, Binary(0, "in", literal(left), attribute(path))]))
    raise Impossible("its targeting uses 'in' between other things than an attribute and constants")


def _version(left: Any, operator: Any, right: Any) -> Node:
    path = _path(left)
    numbers = re.match(r"(\d+)\.(\d+)\.\d+", right) if isinstance(right, str) else None
    if numbers is None:
        raise Impossible(f"its targeting compares with the version {right!r}, which is not whole")
    major, minor = int(numbers[1]), int(numbers[2])
    match operator:
        case "=" | "!=":
            node = compared(path, "==", right, "semver")
            return node if operator == "=" else both(present(path), compared(path, "!=", right, "semver"))
        case "<" | "<=" | ">" | ">=":
            return compared(path, operator, right, "semver")
        case "^":
            return _between(path, f"{major}.0.0-0", f"{major + 1}.0.0-0")
        case "~":
            return _between(path, f"{major}.{minor}.0-0", f"{major}.{minor + 1}.0-0")
        case _:
            raise Impossible(f"its targeting compares versions by {operator!r}")


def _between(path: tuple[str, ...], first: str, beyond: str) -> Node:
    return both(compared(path, ">=", first, "semver"), compared(path, "<", beyond, "semver"))
