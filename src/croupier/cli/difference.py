"""What differs between two documents, field by field. Pure; asked by ``croupier diff``.

Items of a list are told apart by what they say, so that one more in the middle is one difference and not all that
follow. What is new or taken out as a whole is said field by field, too. What may be a secret is said to differ, and
never shown.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

SECRETS: Final = frozenset({"env", "headers", "token", "password", "secret", "secrets", "authorization", "apikey"})
"""Fields below which values may be secrets: a process' environment, headers of requests."""
HIDDEN: Final = "(not shown)"
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: ``before`` or ``after`` is ``None`` where it is not there. Values are text already."""

    field: str
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        """``spec.steps[2].setWeight: 10 becomes 20``."""
        if self.before is None:
            return f"{self.field}: {self.after} is new"
        if self.after is None:
            return f"{self.field}: {self.before} is taken out"
        if HIDDEN in (self.before, self.after):
            return f"{self.field}: changes {HIDDEN}"
        return f"{self.field}: {self.before} becomes {self.after}"


def differences(before: Any, after: Any, field: str = "", *, secret: bool = False) -> Iterator[Difference]:
    """All of them, in the order of the fields."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{field}.{name}" if field else str(name)
            hides = secret or _hides(name)
            yield from differences(before.get(name, _ABSENT), after.get(name, _ABSENT), inner, secret=hides)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, field, secret=secret)
    elif _is_leaf(before) and _is_leaf(after):
        yield Difference(field, _text(before, secret=secret), _text(after, secret=secret))
    else:
        yield from (Difference(at, text, None) for at, text in _leaves(before, field, secret=secret))
        yield from (Difference(at, None, text) for at, text in _leaves(after, field, secret=secret))


def masked(value: Any, *, secret: bool = False) -> Any:
    """The document with every value hidden that may be a secret."""
    if isinstance(value, Mapping):
        return {name: masked(inner, secret=secret or _hides(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, secret=secret) for inner in value]
    return HIDDEN if secret else value


def _of_lists(before: Sequence[Any], after: Sequence[Any], field: str, *, secret: bool) -> Iterator[Difference]:
    keys = [[json.dumps(item, sort_keys=True, default=str) for item in side] for side in (before, after)]
    for what, i, j, k, m in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        if what == "equal":
            continue
        both = min(j - i, m - k)
        for offset in range(both):
            yield from differences(before[i + offset], after[k + offset], f"{field}[{k + offset}]", secret=secret)
        for place in range(i + both, j):
            yield from differences(before[place], _ABSENT, f"{field}[{place}]", secret=secret)
        for place in range(k + both, m):
            yield from differences(_ABSENT, after[place], f"{field}[{place}]", secret=secret)


def _is_leaf(value: Any) -> bool:
    """What is said on one line: a single value, a list of such, and what is empty."""
    if isinstance(value, list):
        return not any(isinstance(item, list | Mapping) for item in value)
    return not isinstance(value, Mapping) or not value


def _leaves(value: Any, field: str, *, secret: bool) -> Iterator[tuple[str, str]]:
    """Every field of something with its text; none of what is not there."""
    if not _is_leaf(value):
        inner = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, each in inner:
            at = f"{field}.{name}" if isinstance(value, Mapping) else f"{field}[{name}]"
            yield from _leaves(each, at, secret=secret or _hides(name))
    elif (text := _text(value, secret=secret)) is not None:
        yield field, text


def _hides(name: object) -> bool:
    return str(name).replace("-", "").lower() in SECRETS


def _text(value: Any, *, secret: bool) -> str | None:
    if value is _ABSENT:
        return None
    if secret:
        return HIDDEN
    return value if isinstance(value, str) and value else json.dumps(masked(value), ensure_ascii=False)
