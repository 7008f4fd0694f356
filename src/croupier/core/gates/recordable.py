"""Can it be written down? The record (RFC 8785) takes whole numbers up to 2^53 - 1 and no infinite ones.

Asked of what a metric source says and of what a gate makes of it, before anything else: what cannot be written would
keep the other gates' verdicts, which stand in the same entry, from being recorded. No true counter comes near.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Final

LARGEST: Final = 2**53 - 1


def recordable(value: object) -> bool:
    """Whether every number in it can be, however deep."""
    match value:
        case int():
            return abs(value) <= LARGEST
        case float():
            return math.isfinite(value)
        case tuple():
            return all(map(recordable, value))
        case Mapping():
            return all(map(recordable, value.values()))
        case _ if is_dataclass(value):
            return all(recordable(getattr(value, field.name)) for field in fields(value))
        case _:
            return True
