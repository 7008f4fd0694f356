"""YAML 1.2's core schema: what an unquoted scalar means. ``no``, ``NO`` and ``1:30`` are text. Called by ``tree``."""

import math
import re
from typing import Any, Final

_NULL: Final = re.compile(r"|~|null|Null|NULL")
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]{1,40}")
_BASED: Final = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,6})?")
_SPECIAL: Final = {"nan": math.nan, "inf": math.inf}


def resolved(text: str) -> Any:
    """The value of an unquoted scalar: ``None``, a truth value, a number, or the text itself."""
    if _NULL.fullmatch(text):
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = re.fullmatch(r"([-+]?)\.(nan|inf)", text.lower())
    return (-1 if special[1] == "-" else 1) * _SPECIAL[special[2]] if special else text
