"""One measurement: what a provider answered, written so that it can be recorded and judged again."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from croupier.core.expr.kinds import number

LONGEST: Final = 4_096
"""Characters of a value. Of a larger one nobody knows what was judged."""
_DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class Measurement:
    """What ``metric`` was at ``at`` (epoch seconds): its ``value`` as JSON (with NaN, Infinity), or the ``error`` for
    which there is none.
    """

    metric: str
    at: float
    value: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements that were taken at one look, at most one a metric; none where none was due."""

    taken: tuple[Measurement, ...] = ()


def measured(metric: str, at: float, value: Any) -> Measurement:
    """The measurement of a value (None, bool, number, text, list, map), or the error that it cannot be recorded."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return Measurement(metric, at, error="the answer cannot be recorded")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return Measurement(metric, at, error="the answer has characters that are none")
    if len(text) > LONGEST:
        part = "ask for a part of it: aggregate in the query, or pick a field by jsonPath"
        return Measurement(metric, at, error=f"the answer is longer than {LONGEST:,} characters; {part}")
    if _depth(value) > _DEEPEST:
        return Measurement(metric, at, error=f"the answer is nested deeper than {_DEEPEST} levels")
    return Measurement(metric, at, text)


def value_of(measurement: Measurement) -> Any:
    """The value again. Only for a measurement without an error; raises ``ValueError`` where it is no JSON."""
    return json.loads(measurement.value or "null")


def is_nothing(value: Any) -> bool:
    """Whether a result is NaN and nothing else, which is what dividing by no traffic gives."""
    numbers = value if isinstance(value, list) else [value]
    return bool(numbers) and all(isinstance(each, float) and math.isnan(each) for each in numbers)


def written(measurement: Measurement) -> str:
    """The value as people read it."""
    if measurement.value is None:
        return measurement.error
    value = value_of(measurement)
    text = number(value) if isinstance(value, float) else measurement.value
    if isinstance(value, list) and all(isinstance(each, float) for each in value):
        text = f"[{', '.join(map(number, value))}]"
    return text if len(text) <= 200 else f"{text[:200]}…"


def _depth(value: Any) -> int:
    def below(each: Any) -> Iterator[Any]:
        if isinstance(each, dict):
            yield from each.values()
        elif isinstance(each, list):
            yield from each

    depth, level = 0, [value]
    while level:
        depth, level = depth + 1, [inner for each in level for inner in below(each)]
    return depth
