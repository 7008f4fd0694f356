"""What differs between two documents, field by field. Pure; asked by ``croupier diff``.

Items of a list are told apart by what they say, so that one more in the middle is one difference and not all that
follow. What may be a secret is said to differ, and never shown.
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
            hides = secret or str(name).replace("-", "").lower() in SECRETS
            yield from differences(before.get(name, _ABSENT), after.get(name, _ABSENT), inner, secret=hides)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, field, secret=secret)
    elif before is _ABSENT and isinstance(after, Mapping) and secret:
        yield from (Difference(f"{field}.{name}", None, HIDDEN) for name in after)
    else:
        yield Difference(field, _text(before, secret=secret), _text(after, secret=secret))


def masked(value: Any, *, secret: bool = False) -> Any:
    """The document with every value hidden that may be a secret."""
    if isinstance(value, Mapping):
        return {
            name: masked(inner, secret=secret or str(name).replace("-", "").lower() in SECRETS)
            for name, inner in value.items()
        }
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
            yield Difference(f"{field}[{place}]", _text(before[place], secret=secret), None)
        for place in range(k + both, m):
            yield Difference(f"{field}[{place}]", None, _text(after[place], secret=secret))


def _text(value: Any, *, secret: bool) -> str | None:
    if value is _ABSENT:
        return None
    if secret:
        return HIDDEN
    return value if isinstance(value, str) and value else json.dumps(masked(value), ensure_ascii=False)
