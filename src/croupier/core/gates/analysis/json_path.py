"""Kubernetes' JSONPath, as far as it picks a value out of JSON: ``{$.data.ok}``, ``{.items[0].value}``.

Fields, quoted fields, indexes, slices, ``*``, ``..field`` and simple filters. Templates with text, ``range`` or several
expressions make texts, which nobody can compare: refused. Called by the check of gates and by the provider of web
metrics.
"""

import json
import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

from croupier.errors import Rejected

Pick: TypeAlias = Callable[[Any], Iterator[Any]]

_STEP: Final = re.compile(
    r"""
    \.\.(?P<below>[^\s.\[\]{}()'"*,]+)
  | (?P<all>\.\*|\[\*\])
  | \.(?P<field>(?:\\.|[^\s.\[\]{}()'"*,\\])+)
  | \[\s*(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*\]
  | \[\s*(?P<index>-?\d{1,9})\s*\]
  | \[\s*(?P<start>-?\d{1,9})?\s*:\s*(?P<end>-?\d{1,9})?\s*\]
  | \[\?\(\s*@(?P<path>(?:\.[^\s.\[\]{}()'"*,=!<>]+)*)\s*
      (?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>'[^']*'|"[^"]*"|-?\d+(?:\.\d+)?|true|false)\s*)?\)\]
    """,
    re.VERBOSE,
)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_MOST: Final = 10_000
"""Values that a path looks at."""
_LONGEST: Final = 1_000


@lru_cache(maxsize=256)
def read_path(text: str) -> tuple[Pick, ...]:
    """The steps of the path. Raises ``Rejected``."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
    inner = inner.removeprefix("$")
    if inner and inner[0] not in ".[":
        inner = f".{inner}"
    steps: list[Pick] = []
    at = 0
    while at < len(inner) and len(text) <= _LONGEST and inner != ".":
        found = _STEP.match(inner, at)
        if found is None:
            break
        steps.append(_step(found))
        at = found.end()
    if at < len(inner) and inner != ".":
        raise Rejected(
            f"this JSONPath cannot be read from '{inner[at : at + 40]}' on.",
            hint="Write one path, for example {$.data.items[0].value}.",
        )
    return tuple(steps)


def picked(path: str, data: Any) -> list[Any]:
    """The values that the path leads to, in order; of very many the first."""
    found = [data]
    for step in read_path(path):
        found = [inner for value in found for inner in step(value)][:_MOST]
    return found


def _step(found: re.Match[str]) -> Pick:
    part = found.groupdict()
    if part["below"] is not None:
        return _below(part["below"])
    if part["all"] is not None:
        return _each
    if part["field"] is not None:
        return _field(re.sub(r"\\(.)", r"\1", part["field"]))
    if part["quoted"] is not None:
        return _field(re.sub(r"\\(.)", r"\1", part["quoted"][1:-1]))
    if part["index"] is not None:
        return _index(int(part["index"]))
    if part["path"] is not None:
        return _filter(part["path"], part["op"], part["value"])
    start, end = (int(part[name]) if part[name] is not None else None for name in ("start", "end"))
    return lambda value: iter(value[start:end] if isinstance(value, list) else ())


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _field(name: str) -> Pick:
    return lambda value: iter((value[name],) if isinstance(value, dict) and name in value else ())


def _index(place: int) -> Pick:
    return lambda value: iter((value[place],) if isinstance(value, list) and -len(value) <= place < len(value) else ())


def _below(name: str) -> Pick:
    def below(value: Any) -> Iterator[Any]:
        waiting = [value]
        while waiting:
            here = waiting.pop()
            if isinstance(here, dict) and name in here:
                yield here[name]
            waiting.extend(reversed(list(_each(here))))

    return below


def _filter(path: str, sign: str | None, written: str | None) -> Pick:
    names = [name for name in path.split(".") if name]
    wanted = json.loads(f'"{written[1:-1]}"' if written[0] in "'\"" else written) if written else None

    def fits(item: Any) -> bool:
        for name in names:
            if not isinstance(item, dict) or name not in item:
                return False
            item = item[name]
        if sign is None:
            return True
        try:
            return _COMPARE[sign](item, wanted)
        except TypeError:
            return False

    return lambda value: (item for item in _each(value) if fits(item))
