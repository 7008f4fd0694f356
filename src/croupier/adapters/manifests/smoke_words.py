"""How people write what only smoke checks have: methods, statuses, amounts, parts of JSON.

Takes what YAML or JSON held and returns the core's value, or raises ``Misread``. Called by the fields of the smoke
check's shape.
"""

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final

import re2

from croupier.adapters.manifests.misread import Misread, described

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_SECRET_VARIABLE: Final = re.compile(r"SMOKE_[A-Z0-9_]{1,80}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*){0,5}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_LARGEST_BODY: Final = 65_536
_MOST_DIGITS: Final = 30
"""Of an amount, before or after the point: written out, 1e999999999 would be a gigabyte."""
_LOWEST_STATUS: Final = 200
_HIGHEST_STATUS: Final = 599


def method(value: object) -> str:
    """An HTTP method in capitals."""
    if isinstance(value, str) and value.upper() in METHODS:
        return value.upper()
    raise Misread(f"expected a method, found {described(value)}.", f"Write one of {', '.join(METHODS)}.")


def path(value: object) -> str:
    """A path of the service, with its query if it has one; never another host."""
    if isinstance(value, str) and value.startswith("/") and not value.startswith("//") and len(value) < 2000:
        if re.search(r"[\s\\#]", value) is None:
            return value
        raise Misread("a path holds no spaces, backslashes and '#'.", "Write %20 for a space.")
    raise Misread(f"expected a path, found {described(value)}.", "Write for example /payments/deposit.")


def status(value: object) -> int:
    """A status code of an answer."""
    if isinstance(value, int) and not isinstance(value, bool) and _LOWEST_STATUS <= value <= _HIGHEST_STATUS:
        return value
    raise Misread(f"expected a status from 200 to 599, found {described(value)}.", "Write for example 200.")


def pointer(value: object) -> str:
    """A JSON Pointer (RFC 6901)."""
    if isinstance(value, str) and len(value) < 500 and _POINTER.fullmatch(value):
        return value
    raise Misread(
        f"expected a JSON Pointer, found {described(value)}.", "Write for example /balance_minor or /items/0/id."
    )


def variable(value: object) -> str:
    """The name of a variable: letters, digits and underscores."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise Misread(f"expected a name, found {described(value)}.", "Use letters, digits and underscores: order_id.")


def secret_variable(value: object) -> str:
    """An environment variable that holds a secret. The prefix keeps checks away from everything else there is."""
    if isinstance(value, str) and _SECRET_VARIABLE.fullmatch(value):
        return value
    raise Misread(
        f"expected a variable whose name begins with SMOKE_, found {described(value)}.",
        "Smoke checks may read no other ones; write for example SMOKE_PLAYER_PASSWORD.",
    )


def secret_file(value: object) -> str:
    """A file below the folder of secrets."""
    if isinstance(value, str) and len(value) <= 200 and _FILE.fullmatch(value):
        return value
    raise Misread(
        f"expected the path of a file, found {described(value)}.",
        "Write its path from CROUPIER_SECRETS_DIR on, for example smoke/player.password.",
    )


def pattern(value: object) -> str:
    """A regular expression, compiled once here so that a mistake is told with its place."""
    if not isinstance(value, str) or not 0 < len(value) <= 500:
        raise Misread(f"expected a regular expression, found {described(value)}.", 'Write for example "^ok$".')
    try:
        re2.compile(value)
    except re2.error as error:
        raise Misread(f"this is no regular expression: {error}.", "See github.com/google/re2/wiki/Syntax.") from None
    return value


def amount(value: object) -> str:
    """A decimal above 0, exactly as it was written."""
    hint = 'Write for example 500 or "5.00".'
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Misread(f"expected an amount, found {described(value)}.", hint)
    try:
        read = Decimal(str(value).strip())
    except InvalidOperation:
        raise Misread(f"expected an amount, found {described(value)}.", hint) from None
    if not read.is_finite() or read <= 0 or abs(read.adjusted()) > _MOST_DIGITS:
        raise Misread(f"expected an amount above 0, found {described(value)}.", hint)
    return format(read, "f")


def as_json(value: object) -> str:
    """Any value as a JSON text; numbers stay as they were written."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Misread("JSON has no infinite numbers.", "Write a number.")
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Misread(f"expected what JSON can hold, found {described(value)}.", "Put dates in quotes.") from None
    if len(written) > _LARGEST_BODY:
        raise Misread(f"this is too long: {len(written)} characters, at most {_LARGEST_BODY}.", "Write less.")
    return written


def scalar(value: object) -> str:
    """A text, number or truth value as the text that is sent in a form, a header or a variable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str) and "\0" not in str(value) and len(str(value)) <= 16_384:
        return str(value)
    raise Misread(f"expected a text or a number, found {described(value)}.", "Write a single value.")
