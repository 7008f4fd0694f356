"""A made-up population for previews: contexts built from the attributes and values that rules ask for.

Seeded, so that the same rules give the same players. Used where no players were seen yet.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import xxhash

from croupier.core.flags import cel
from croupier.core.flags.cel.signatures import SEGMENT
from croupier.core.flags.cel.syntax import Binary, Call, Literal, Node, attributes, walk
from croupier.core.flags.model import Flag
from croupier.core.segments import Segment

_MISSING: Final = object()
_PATHS_OF_KEYS: Final = ("targetingKey",)


def sample(
    flags: Iterable[Flag], segments: Mapping[str, Segment], *, size: int, seed: str = ""
) -> list[dict[str, Any]]:
    """``size`` contexts that differ in every attribute that these flags' conditions read: a value that is asked for,
    another one, or none. Each has its own key, also where a flag knows players by another attribute.
    """
    asked: dict[str, list[Any]] = {}
    keys = dict.fromkeys(_PATHS_OF_KEYS)
    for flag in flags:
        for node in _conditions(flag):
            _ask(node, segments, asked)
        keys |= dict.fromkeys(_keys(flag))
    choices = {path: _choices(values) for path, values in sorted(asked.items()) if path not in keys}
    return [_context(number, choices, list(keys), seed) for number in range(size)]


def _conditions(flag: Flag) -> Iterator[Node]:
    for rules in (flag.rules, *(override.rules or () for override in flag.environments.values())):
        for rule in rules:
            if rule.condition:
                yield cel.parse(rule.condition)


def _keys(flag: Flag) -> Iterator[str]:
    rules = [*flag.rules, *(rule for override in flag.environments.values() for rule in override.rules or ())]
    for bucketing in (flag.bucketing, *(rule.bucketing for rule in rules)):
        if bucketing is not None and bucketing.by:
            yield bucketing.by


def _ask(node: Node, segments: Mapping[str, Segment], asked: dict[str, list[Any]]) -> None:
    """Note the attributes that the condition reads, and the values that it compares them with."""
    for path in attributes(node):
        asked.setdefault(path, [])
    for part in walk(node):
        match part:
            case Call(function=function, operands=(Literal(value=str(name)),)) if function == SEGMENT:
                for match in segments[name].matches if name in segments else ():
                    asked.setdefault(match.attribute, []).extend(match.values)
            case Binary() | Call():
                values = [each.value for each in walk(part) if isinstance(each, Literal)]
                for path in attributes(part):
                    asked[path] += values
            case _:
                pass


def _choices(values: Sequence[Any]) -> list[Any]:
    """The values themselves, one beside each number, something else, and nothing; or both truths."""
    found: dict[tuple[type, Any], Any] = {}
    for value in values:
        beside = (value - 1, value, value + 1) if type(value) in (int, float) else (value,)
        found |= {(type(each), each): each for each in beside}
    if not found:
        return [True, False, _MISSING]
    return [*found.values(), "something else", _MISSING]


def _context(number: int, choices: Mapping[str, Sequence[Any]], keys: Sequence[str], seed: str) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for path in keys:
        _put(context, path, f"player-{number}")
    for path, values in choices.items():
        chosen = values[xxhash.xxh64_intdigest(f"{seed}/{number}/{path}".encode()) % len(values)]
        if chosen is not _MISSING:
            _put(context, path, chosen)
    return context


def _put(context: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for part in above:
        inner = context.setdefault(part, {})
        if not isinstance(inner, dict):  # the rules read it both as a value and as an object; the object wins
            inner = context[part] = {}
        context = inner
    if not isinstance(context.get(name), dict):
        context[name] = value
