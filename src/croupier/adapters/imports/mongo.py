"""GrowthBook's targeting conditions, written like MongoDB's queries, as ours. Called by ``growthbook``.

A missing attribute and null are the same there. What holds of lists (any member of a list may be ``$in``) cannot be
said of an attribute that may or may not be one, so attributes are taken for single values where no operator is for
lists only.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

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
    negated,
    present,
    text_test,
)
from croupier.adapters.imports.report import Impossible, list_of, object_of
from croupier.core.flags.cel.syntax import Binary, Call, Node

PLAYER: Final = "id"
"""The attribute that GrowthBook knows players by, unless told otherwise."""

VERSIONS_DIFFER: Final = "a version that is no semantic one (1.2, v1.2.3) fits no comparison of versions now"

_VERSIONS: Final = {"$veq": "==", "$vlt": "<", "$vlte": "<=", "$vgt": ">", "$vgte": ">="}
_OPPOSITES: Final = {
    "$ne": "$eq",
    "$nin": "$in",
    "$nini": "$ini",
    "$vne": "$veq",
    "$notInGroup": "$inGroup",
    "$notRegex": "$regex",
    "$notRegexi": "$regexi",
}
_DEEPEST: Final = 20


class Conditions:
    """Translates conditions that may name saved groups. ``changed`` is told of what is different here."""

    def __init__(self, groups: Mapping[str, Any], changed: Callable[[str], None]) -> None:
        self._groups, self._changed = groups, changed

    def of(self, data: Any, depth: int = 0) -> Node:
        """Whom the condition fits. Raises ``Impossible``."""
        if depth > _DEEPEST:
            raise Impossible("a condition of it is nested too deeply")
        parts = [self._part(name, asked, depth + 1) for name, asked in object_of(data, "a condition").items()]
        return bounded(both(*parts))

    def _part(self, name: str, asked: Any, depth: int) -> Node:
        match name:
            case "$or" | "$nor":
                alternatives = [self.of(each, depth) for each in list_of(asked, name)]
                any_of = either(alternatives) if alternatives else TRUE
                return any_of if name == "$or" else negated(any_of)
            case "$and":
                return both(*(self.of(each, depth) for each in list_of(asked, name)))
            case "$not":
                return negated(self.of(asked, depth))
            case "$savedGroup":
                return self._saved(object_of(asked, name), depth)
            case _ if name.startswith("$"):
                raise Impossible(f"a condition uses {name}")
            case _:
                return self._value(path_of(name), asked, depth)

    def _saved(self, reference: Mapping[str, Any], depth: int) -> Node:
        group = object_of(self._groups.get(str(reference.get("id"))), "a saved group")
        match group.get("type"):
            case "list":
                name = str(reference.get("attributeKey", group.get("attributeKey")))
                return _is_in(path_of(name), group.get("values"))
            case "condition":
                return self.of(group.get("condition"), depth)
            case kind:
                raise Impossible(f"it goes by a saved group of the type {kind}")

    def _value(self, path: tuple[str, ...], asked: Any, depth: int) -> Node:
        """What is asked of one attribute: its value, or operators that all hold."""
        if isinstance(asked, Mapping) and all(name.startswith("$") for name in asked):
            return both(*(self._operation(name, path, given, depth + 1) for name, given in asked.items()))
        return _equals(path, asked)

    def _operation(self, operator: str, path: tuple[str, ...], given: Any, depth: int) -> Node:
        if depth > _DEEPEST:
            raise Impossible("a condition of it is nested too deeply")
        if operator in _OPPOSITES:
            return negated(self._operation(_OPPOSITES[operator], path, given, depth))
        if operator == "$not":
            return negated(self._value(path, given, depth))
        if operator == "$inGroup":
            group = self._groups.get(str(given), [])
            return _is_in(path, group.get("values") if isinstance(group, Mapping) else group)
        if operator in _VERSIONS:
            self._changed(VERSIONS_DIFFER)
            return both(_is_there(path), compared(path, _VERSIONS[operator], _version(given), "semver"))
        if operator not in _OPERATIONS:
            raise Impossible(f"a condition uses {operator}")
        return _OPERATIONS[operator](path, given)


def path_of(name: str) -> tuple[str, ...]:
    """The attribute of this name, which may be a dotted path; the player's id is the targeting key here."""
    return ("targetingKey",) if name == PLAYER else tuple(name.split("."))


def _is_there(path: tuple[str, ...]) -> Node:
    return both(present(path), Binary(0, "!=", attribute(path), literal(None)))


def _is_null(path: tuple[str, ...]) -> Node:
    return either([negated(present(path)), Binary(0, "==", attribute(path), literal(None))])


def _exists(path: tuple[str, ...], wanted: Any) -> Node:
    return _is_there(path) if wanted else _is_null(path)


def _equals(path: tuple[str, ...], value: Any) -> Node:
    return _is_null(path) if value is None else is_one_of(path, [_scalar(value)])


def _is_in(path: tuple[str, ...], values: Any) -> Node:
    given = list_of(values, "what an attribute is to be in")
    listed = is_one_of(path, [_scalar(value) for value in given if value is not None])
    return either([listed, _is_null(path)]) if None in given else listed


def _is_in_folded(path: tuple[str, ...], values: Any) -> Node:
    """As ``_is_in``, whether letters are small or capital."""
    given = list_of(values, "what an attribute is to be in")
    texts = (_found(path, f"(?i)^{re.escape(each)}$") for each in given if isinstance(each, str))
    return either([*texts, _is_in(path, [each for each in given if not isinstance(each, str)])])


def _found(path: tuple[str, ...], pattern: Any) -> Node:
    return both(_is_there(path), text_test(path, "matches", str(pattern)))


def _ordered(operator: str) -> "Operation":
    def compare(path: tuple[str, ...], given: Any) -> Node:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            return FALSE
        return both(_is_there(path), compared(path, operator, given))

    return compare


def _holds(path: tuple[str, ...], value: Any) -> Node:
    """Whether the attribute is a list with this member."""
    return both(_is_there(path), Binary(0, "in", literal(_scalar(value)), attribute(path)))


def _holds_one(path: tuple[str, ...], asked: Any) -> Node:
    match asked:
        case {"$eq": value, **rest} if not rest:
            return _holds(path, value)
        case {"$in": [*values], **rest} if not rest:
            return either(_holds(path, each) for each in values)
        case _:
            raise Impossible("a condition uses $elemMatch in a way that cannot be said here")


def _has_size(path: tuple[str, ...], asked: Any) -> Node:
    return both(_is_there(path), Binary(0, "==", Call(0, "size", None, (attribute(path),)), literal(_scalar(asked))))


def _scalar(value: Any) -> bool | float | str:
    if not isinstance(value, bool | int | float | str):
        raise Impossible("a condition compares with a list or an object")
    return value


def _version(given: Any) -> str:
    text = str(given)
    if not re.fullmatch(r"v?\d{1,5}(\.\d{1,5}){2}(-[0-9A-Za-z.]+)?(\+.*)?", text):
        raise Impossible(f"a condition compares with the version {text}, which is no semantic one")
    return text.removeprefix("v")


Operation: TypeAlias = Callable[[tuple[str, ...], Any], Node]

_OPERATIONS: Final[dict[str, Operation]] = {
    "$eq": _equals,
    "$in": _is_in,
    "$ini": _is_in_folded,
    "$regex": _found,
    "$regexi": lambda path, pattern: _found(path, f"(?i){pattern}"),
    "$exists": _exists,
    "$all": lambda path, values: both(*(_holds(path, each) for each in list_of(values, "$all"))),
    "$elemMatch": _holds_one,
    "$size": _has_size,
    "$lt": _ordered("<"),
    "$lte": _ordered("<="),
    "$gt": _ordered(">"),
    "$gte": _ordered(">="),
}
