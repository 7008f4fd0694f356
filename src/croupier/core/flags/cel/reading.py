"""Closures that read an attribute of the context. Called by the compiler.

Contexts are usually nested dicts; other mappings, plain objects and flat keys with dots (``{"user.country": ...}``) are
read too, on a slower path.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from croupier.core.flags.cel.errors import Missing
from croupier.core.flags.cel.kinds import AS_IS, adopt, field, has_field

Context: TypeAlias = Mapping[str, Any]
Value: TypeAlias = Callable[[Context], Any]
Test: TypeAlias = Callable[[Context], bool]


def read(path: tuple[str, ...]) -> Value:
    """Reads the adopted value of the attribute; the closure raises an Exception if it is missing."""
    if len(path) == 1:
        return _read_one(path[0])
    if len(path) == 2:
        return _read_two(path)
    return lambda context: read_slowly(context, path)


def _read_one(name: str) -> Value:
    def one(context: Context) -> Any:
        value = context[name]
        return value if type(value) in AS_IS else adopt(value)

    return one


def _read_two(path: tuple[str, ...]) -> Value:
    name, below = path

    def two(context: Context) -> Any:
        try:
            outer = context[name]
            value = outer[below] if type(outer) is dict else field(adopt(outer), below)
        except KeyError:
            return read_slowly(context, path)
        return value if type(value) in AS_IS else adopt(value)

    return two


def read_slowly(context: Context, path: tuple[str, ...]) -> Any:
    """The adopted value of a path of any length. Raises Missing, Undecided, or whatever the context raises."""
    start, value = _root(context, path)
    for name in path[start:]:
        value = field(value, name)
    return value


def _root(context: Context, path: tuple[str, ...]) -> tuple[int, Any]:
    """How many names lead to the first value, and that value. Flat keys count where the root is missing."""
    for length in (1, *range(len(path), 1, -1)):
        name = ".".join(path[:length])
        if name in context:
            return length, adopt(context[name])
    raise Missing(f"{path[0]} is missing")


def has(path: tuple[str, ...]) -> Test:
    """Whether the attribute is there. Of ``a.b``, ``a`` must be, as in CEL; an attribute alone may be missing."""
    first, name = path[0], path[-1]
    if len(path) == 1:
        return lambda context: name in context
    short = len(path) == 2

    def there(context: Context) -> bool:
        outer = context[first] if short and first in context else None
        if type(outer) is dict:
            return name in outer
        if ".".join(path) in context and first not in context:
            return True
        return has_field(read_slowly(context, path[:-1]), name)

    return there
