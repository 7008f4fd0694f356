"""Can it be written down? The record (RFC 8785) takes whole numbers up to 2^53 - 1 and no infinite ones.

Asked of what a metric source says and of what a gate makes of it, before anything else: what cannot be written would
keep the other gates' verdicts, which stand in the same entry, from being recorded. No true counter comes near.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Final

LARGEST: Final = 2**53 - 1


def recordable(value: object) -> bool:
    """Whether every number in it can be, however deep."""
    # The frequent kinds first: a look asks this of everything that its gate remembers.
    kind = type(value)
    if isinstance(value, tuple):
        return all(map(recordable, value))
    if kind is str or value is None:
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= LARGEST
    if names := _fields(kind):  # type: ignore[arg-type] # every type is hashable
        return all(recordable(getattr(value, name)) for name in names)
    return all(map(recordable, value.values())) if isinstance(value, Mapping) else True


@cache
def _fields(kind: type) -> tuple[str, ...]:
    """Those of a dataclass; none of anything else."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
