"""Reading plain JSON data strictly. Used by ``read`` and ``preset``; a ``Reader`` lives for one document."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, TypeVar

from croupier.core.flags.values import is_text
from croupier.errors import Problem

T = TypeVar("T")
Path: TypeAlias = tuple[str | int, ...]


class Reader:
    """Collects every mistake with its place, so that all are told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, path: Path, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, path, hint))

    def fields(self, data: Any, path: Path, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self.wrong(path, f"expected an object, found {kind_of(data)}.")
            return {}
        for key in data:
            if key not in known:
                near = get_close_matches(str(key), known, 1)
                hint = f"Did you mean '{near[0]}'?" if near else f"Known are {', '.join(known)}."
                self.wrong((*path, named(key)), "unknown field.", hint)
        return data

    def text(self, data: Mapping[str, Any], name: str, path: Path, default: str = "") -> str:
        value = data.get(name, default)
        if isinstance(value, str) and is_text(value):
            return value
        self.wrong((*path, name), f"expected text, found {kind_of(value)}.")
        return default

    def truth(self, data: Mapping[str, Any], name: str, path: Path, default: bool = False) -> bool:
        value = data.get(name, default)
        if isinstance(value, bool):
            return value
        self.wrong((*path, name), f"expected true or false, found {kind_of(value)}.")
        return default

    def items(self, data: Mapping[str, Any], name: str, path: Path, read: Callable[[Any, Path], T]) -> tuple[T, ...]:
        value = data.get(name, ())
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.wrong((*path, name), f"expected a list, found {kind_of(value)}.")
            return ()
        return tuple(read(item, (*path, name, index)) for index, item in enumerate(value))

    def word(self, item: Any, path: Path) -> str:
        if not isinstance(item, str) or not item or not is_text(item):
            self.wrong(path, f"expected a word, found {kind_of(item)}.")
            return ""
        return item

    def choice(self, data: Mapping[str, Any], name: str, path: Path, kinds: type[T], default: T) -> T:
        value = data.get(name, default)
        try:
            return kinds(value)  # type: ignore[call-arg]
        except (ValueError, TypeError):
            known = ", ".join(str(kind) for kind in kinds)  # type: ignore[attr-defined]
            self.wrong((*path, name), f"'{named(value)[:60]}' is not known.", f"Known are {known}.")
            return default


def named(value: Any) -> str:
    """The value in a message, which must be text that can be written."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def kind_of(value: Any) -> str:
    """What was found, in the words of JSON."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() if abs(value) >= 10**40:  # Python may refuse to write it out
            return "a huge number"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{named(value[:40])}'" if value else "an empty text"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"
