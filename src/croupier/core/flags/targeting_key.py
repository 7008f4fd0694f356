"""By which key a player is put into a bucket: ``targetingKey``, else ``user``, or the attribute that the flag names.

Called by ``evaluate``; part of every answer that depends on a share.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

KeyOf: TypeAlias = Callable[[Mapping[str, Any]], str]
"""A context -> the player's key. Raises ``NoKey`` with words where there is none."""


class NoKey(LookupError):
    """The context has no usable key. The words name the attribute, never its value."""


def key_of(by: str) -> KeyOf:
    """How to find the key: at the dotted path ``by``, or where it usually is (``""``)."""
    return _usual if not by else _at(by)


def _usual(context: Mapping[str, Any]) -> str:
    key = context.get("targetingKey")
    if key is None:
        key = context.get("user")
    if type(key) is str and key:
        return key
    return _text(_id(key), "targetingKey or user")


def _at(by: str) -> KeyOf:
    first, *path = by.split(".")

    def key(context: Mapping[str, Any]) -> str:
        value = context.get(first)
        for name in path:
            value = _part(value, name)
        return value if type(value) is str and value else _text(_id(value), by)

    return key


def _id(value: Any) -> Any:
    """A user may be an object with an ``id`` (or a ``key``) instead of the id itself."""
    if value is None or isinstance(value, str | int | float):
        return value
    found = _part(value, "id")
    return _part(value, "key") if found is None else found


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _text(value: Any, where: str) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise NoKey(f"{where} is missing" if value is None or value == "" else f"{where} is no usable key")
