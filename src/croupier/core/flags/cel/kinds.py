"""What kind of value something is, and how whatever a context holds becomes a value that conditions know.

Called by the operators, the functions and the reading of attributes. Python's own operators would say that true is 1,
so every operation asks for kinds first.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from types import NoneType
from typing import Any, Final

from croupier.core.flags.cel.errors import Missing, Undecided
from croupier.core.flags.cel.times import Duration, Timestamp, from_datetime, from_timedelta
from croupier.core.flags.cel.versions import Version


class Type(StrEnum):
    """The kinds of values. ANY is for attributes that may be of several; OBJECT only has fields."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    NULL = "null"
    LIST = "list"
    MAP = "map"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    VERSION = "version"
    OBJECT = "object"
    ANY = "any"

    @property
    def words(self) -> str:
        """As people say it: ``a number``."""
        return _WORDS[self]


_WORDS: Final = {
    Type.BOOL: "true or false",
    Type.INT: "a number",
    Type.DOUBLE: "a number",
    Type.STRING: "a string",
    Type.NULL: "null",
    Type.LIST: "a list",
    Type.MAP: "a map",
    Type.TIMESTAMP: "a timestamp",
    Type.DURATION: "a duration",
    Type.VERSION: "a version",
    Type.OBJECT: "an object",
    Type.ANY: "a value",
}

NUMBERS: Final = frozenset({Type.INT, Type.DOUBLE})

KINDS: Final[dict[type, Type]] = {
    bool: Type.BOOL,
    int: Type.INT,
    float: Type.DOUBLE,
    str: Type.STRING,
    NoneType: Type.NULL,
    list: Type.LIST,
    tuple: Type.LIST,
    dict: Type.MAP,
    Timestamp: Type.TIMESTAMP,
    Duration: Type.DURATION,
    Version: Type.VERSION,
}
AS_IS: Final = frozenset(KINDS)
"""The types whose instances are values already."""


def kind_of(value: Any) -> Type:
    """The kind of a value, or of something adopted."""
    kind = KINDS.get(type(value))
    if kind is None:
        kind = Type.MAP if issubclass(type(value), Mapping) else Type.OBJECT
    return kind


def adopt(value: Any) -> Any:
    """The value that something found in a context stands for; an object stays itself, and only its fields can be read.

    Subclasses lose what they override, so that no foreign code runs in an operator. Raises Undecided.
    """
    found = type(value)
    if found in AS_IS:
        return value
    for base, convert in _ADOPTIONS:
        if issubclass(found, base):
            return convert(value)
    return value


def _list_of(value: tuple[Any, ...]) -> Any:
    # A named tuple is a record: its fields are read by name.
    return value if hasattr(type(value), "_fields") else tuple.__getitem__(value, slice(None))


_ADOPTIONS: Final[tuple[tuple[type, Any], ...]] = (
    (str, str.__str__),
    (int, lambda value: int.__add__(value, 0)),
    (float, lambda value: float.__mul__(value, 1.0)),
    (list, lambda value: list.__getitem__(value, slice(None))),
    (tuple, _list_of),
    (set, lambda value: [*set.__iter__(value)]),
    (frozenset, lambda value: [*frozenset.__iter__(value)]),
    (datetime, from_datetime),
    (timedelta, from_timedelta),
)

_NOTHING: Final = object()
_MOST_KEYS: Final = 65_536


def entry(mapping: Mapping[Any, Any], key: Any) -> Any:
    """The adopted value below the key. Raises Missing; a mapping that raises has no such key."""
    if type(mapping) is dict:
        value = mapping.get(key, _NOTHING)
        found = value is not _NOTHING and (type(key) is str or _same_key(mapping, key))
    else:
        try:
            # First asked, so that a defaultdict makes nothing up.
            found = key in mapping and (type(key) is str or _same_key(mapping, key))
            value = mapping[key] if found else None
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - whatever foreign code does, the condition is undecided, no more
            found, value = False, None
    if not found:
        raise Missing("there is no such key")
    return value if type(value) in AS_IS else adopt(value)


def _same_key(mapping: Mapping[Any, Any], key: Any) -> bool:
    # To Python True, 1 and 1.0 are one key; to CEL a bool is no number. A foreign mapping may never end.
    keys = mapping if type(mapping) is dict else islice(mapping, _MOST_KEYS)
    return key not in (0, 1) or any((type(found) is bool) is (type(key) is bool) for found in keys if found == key)


def field(value: Any, name: str) -> Any:
    """The adopted value of ``value.name``: a map's entry, or an object's attribute. Raises Missing, Undecided."""
    kind = kind_of(value)
    if kind is Type.MAP:
        return entry(value, name)
    if kind is not Type.OBJECT:
        raise Undecided(f"{kind.words} has no fields")
    if name.startswith("_"):
        raise Missing("private attributes are not read")
    try:
        found = getattr(value, name)
        if callable(found):
            found = _NOTHING
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a property that raises is as good as missing
        found = _NOTHING
    if found is _NOTHING:
        raise Missing("there is no such attribute")
    return found if type(found) in AS_IS else adopt(found)


def has_field(value: Any, name: str) -> bool:
    """Whether ``value.name`` is there. Raises Undecided if the value can have no fields."""
    try:
        field(value, name)
    except Missing:
        return False
    return True
