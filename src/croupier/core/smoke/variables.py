"""``${name}`` in the texts of a smoke check: which names a text uses, and the text with their values. Pure.

Names are variables, parts of earlier answers, fields of accounts (``${player.login}``), and what is made for each run:
``${uuid}`` (a new one at each place), ``${run}`` (one for the whole run), ``${totp:player.totp}`` (RFC 6238).
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

BUILT_IN: Final = frozenset({"uuid", "run", "service", "version"})

_NAME: Final = re.compile(r"\$\{([^${}]+)\}")

Value = Any
"""What a name stands for: a text, or a part of a JSON answer."""


def names_in(text: str) -> tuple[str, ...]:
    """Every name that the text uses."""
    return tuple(match[1].strip() for match in _NAME.finditer(text))


def filled(text: str, value: Callable[[str], Value]) -> str:
    """The text with values for names. Raises whatever ``value`` raises for a name that has none."""
    return _NAME.sub(lambda match: as_text(value(match[1].strip())), text)


def filled_json(body: Any, value: Callable[[str], Value]) -> Any:
    """The JSON value with values for names in its texts; a text that is one name alone becomes that name's value."""
    if isinstance(body, str):
        alone = _NAME.fullmatch(body)
        return value(alone[1].strip()) if alone else filled(body, value)
    if isinstance(body, list):
        return [filled_json(item, value) for item in body]
    if isinstance(body, dict):
        return {filled(key, value): filled_json(item, value) for key, item in body.items()}
    return body


def as_text(value: Value) -> str:
    """The value as it is written within a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, default=str)


def amounts_in(body: Any, fields: Sequence[str]) -> Iterator[tuple[str, Decimal | None]]:
    """The amounts in a body, by field, wherever they are; ``None`` for one that is no number (yet)."""
    if isinstance(body, list):
        for item in body:
            yield from amounts_in(item, fields)
    elif isinstance(body, dict):
        for key, item in body.items():
            if key in fields:
                yield key, _number(item)
            else:
                yield from amounts_in(item, fields)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None
