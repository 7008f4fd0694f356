"""Labels as files write them, and as the core matches them: classes of HTTP codes spelled out, and back."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.core.gates import Matchers

_CLASS: Final = {"1xx": 100, "2xx": 200, "3xx": 300, "4xx": 400, "5xx": 500}


def matchers(labels: Mapping[str, list[str]] | None) -> Matchers:
    """``{code: [4xx]}`` as the core has it, by label."""
    return tuple(sorted((label, _accepted(values)) for label, values in (labels or {}).items()))


def written(matched: Matchers) -> dict[str, Any]:
    """The labels as people write them; ``matchers`` gives the same again."""
    return {label: _short(values) for label, values in matched}


def _accepted(values: list[str]) -> tuple[str, ...]:
    """The values, with a class of HTTP codes spelled out: ``4xx`` is 400 to 499, and ``4xx`` itself."""
    spelled = [[value, *_codes(value)] if value in _CLASS else [value] for value in values]
    return tuple(dict.fromkeys(value for group in spelled for value in group))


def _short(values: tuple[str, ...]) -> str | list[str]:
    implied = {code for value in values if value in _CLASS for code in _codes(value)}
    left = [value for value in values if value not in implied]
    return left[0] if len(left) == 1 else left


def _codes(name: str) -> list[str]:
    return [str(code) for code in range(_CLASS[name], _CLASS[name] + 100)]
