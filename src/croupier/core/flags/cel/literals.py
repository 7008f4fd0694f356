"""Reads the literals of the language: numbers, and strings with their escapes. Called by the parser."""

import re
from collections.abc import Callable

from croupier.core.flags.cel.errors import CelError

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""The range of whole numbers."""

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)"
)
_PLAIN = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def read_int(text: str, column: int, *, negative: bool = False) -> int:
    """A decimal or hexadecimal whole number. Raises CelError if it does not fit into 64 bits."""
    # Without leading zeros 19 digits are enough; int() refuses thousands of digits in an unhelpful way.
    value = int(text, 16) if text[:2] in {"0x", "0X"} else int(text) if len(text.lstrip("0")) < 20 else HIGHEST + 2
    value = -value if negative else value
    if not LOWEST <= value <= HIGHEST:
        raise CelError("The number does not fit into 64 bits.", column=column, hint="Write it with a decimal point.")
    return value


def read_string(text: str, column: int) -> str:
    """The value of a string literal, given with its prefix and quotes."""
    raw = text[0] in "rR"
    if raw:
        text = text[1:]
    width = 3 if text[:3] in {"'''", '"""'} else 1
    body = text[width:-width]
    if raw or "\\" not in body:
        return body
    start = column + raw + width
    return _ESCAPE.sub(_unescape(start), body)


def _unescape(start: int) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        plain, two, four, eight, octal = match.groups()
        if plain:
            return _PLAIN.get(plain, plain)
        if octal:
            return chr(int(octal, 8))
        digits = two or four or eight
        code = int(digits, 16) if digits else -1
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise CelError(
                "This is no escape sequence." if code < 0 else "The escape sequence names no character.",
                column=start + match.start(),
                hint="Write \\\\ for a backslash itself, or put r before the string.",
            )
        return chr(code)

    return replace
