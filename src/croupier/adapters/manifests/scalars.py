"""How people write single values: durations, sizes, shares, weights, versions, names.

Each reader takes what the YAML or JSON held and returns the core's unit, or raises ``Misread`` with what was found
and what to write. In messages ``{written}`` stands for the value exactly as it stands in the file. Called by the
shapes.
"""

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final

from semver import Version

LONGEST_TEXT: Final = 16_384
"""Characters of one value."""

_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|h|m|s))+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S: Final = 366 * 86_400.0
_SIZE: Final = re.compile(r"(\d+)(Ki|Mi|Gi|Ti|k|K|M|G|T)?")
_UNITS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_LARGEST: Final = 2**50
_SMALLEST: Final = 2**20
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRIC: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_ADDRESS_HEADERS: Final = {"x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "cf-connecting-ip"}


class Misread(ValueError):
    """A value that cannot be taken: what was found, and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def described(value: object) -> str:
    """What was found, for messages: ``the text "5"``, ``the number 5``, ``a list``."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return "the number {written}"
        case str() if len(value) > 60:
            return f"a text of {len(value)} characters"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def quoted(value: str) -> str:
    """The value in quotes, its end cut off where it is long."""
    return json.dumps(value if len(value) <= 60 else f"{value[:60]}…", ensure_ascii=False)


def text(value: object) -> str:
    """Any text that holds something.

    Numbers and truth values are refused, since YAML drops what was written (1.10 is 1.1).
    """
    if isinstance(value, bool | int | float):
        raise Misread(f"expected text, found {described(value)}.", 'Put it in quotes: "{written}".')
    if not isinstance(value, str):
        raise Misread(f"expected text, found {described(value)}.")
    if not value.strip():
        raise Misread("expected text, found an empty one.")
    if len(value) > LONGEST_TEXT:
        raise Misread(f"this text is too long: {len(value)} characters, at most {LONGEST_TEXT}.", "Write less.")
    return value


def any_text(value: object) -> str:
    """Text that may be empty, such as an environment variable's value."""
    return "" if value == "" else text(value)


def duration(value: object) -> float:
    """Seconds: Go's notation (``90s``, ``1h30m``, ``400ms``) or whole seconds as Argo Rollouts takes them (``300``,
    ``"300"``).
    """
    hint = "Write for example 90s, 5m or 1h30m."
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        seconds = float(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < 10**12 else math.inf
    elif isinstance(value, str) and len(value) < 60 and _DURATION.fullmatch(value):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
    else:
        raise Misread(f"expected a duration, found {described(value)}.", _duration_hint(value) or hint)
    if seconds < 0:
        raise Misread(f"a duration cannot be negative, found {described(value)}.", hint)
    if seconds > _LONGEST_S:
        raise Misread(f"expected a duration of at most a year, found {described(value)}.", hint)
    return seconds


def _duration_hint(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value) and 0 < value < _LONGEST_S:
        return f"Write {round(value * 1000)}ms."
    if not isinstance(value, str) or len(value) > 40:
        return ""
    if days := re.fullmatch(r"(\d{1,3})\s*(?:d|days?)", value):
        return f"Days are not known: write {int(days[1]) * 24}h."
    if loose := re.fullmatch(r"(\d+)\s*(ms|s|m|h)[a-z]*", value.strip().lower()):
        return f"Write {loose[1]}{loose[2]}."
    if re.fullmatch(r"-\d+(ms|s|m|h)?", value):
        return "A duration cannot be negative."
    return ""


def size(value: object) -> int:
    """Bytes, in Kubernetes' notation: ``512Mi``, ``2Gi``, ``500M`` or a bare number."""
    hint = "Write for example 512Mi or 2Gi."
    if isinstance(value, int) and not isinstance(value, bool):
        size_bytes = value
    elif isinstance(value, str) and len(value) < 30 and (found := _SIZE.fullmatch(value)):
        size_bytes = int(found[1]) * _UNITS["k" if found[2] == "K" else found[2] or ""]
    else:
        if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,20})\s*([KMGTkmgt])i?[bB]?", value)):
            hint = f"Write {found[1]}{found[2].upper()}i."
        raise Misread(f"expected a size, found {described(value)}.", hint)
    if not _SMALLEST <= size_bytes <= _LARGEST:
        raise Misread(f"expected a size from 1Mi to 1024Ti, found {described(value)}.", hint)
    return size_bytes


def share(value: object) -> float:
    """A share from 0 to 1, written ``99%`` or ``0.99``. A bare 1 is refused: it could mean 1 % or 100 %."""
    if isinstance(value, str) and len(value) < 30 and (found := _PERCENT.fullmatch(value)):
        result = float(Decimal(found[1]) / 100)
        if result > 1:
            raise Misread(f"a share is at most 100%, found {described(value)}.", "Write for example 99% or 0.99.")
        return result
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == 1:
            raise Misread("1 could mean 1 % or 100 %.", "Write 1% or 100%.")
        if 0 <= value < 1:
            return float(value)
        if 1 < value <= 100:
            raise Misread(f"a share is at most 1, found {described(value)}.", f"Write {value:g}% or {value / 100:g}.")
    if isinstance(value, str) and len(value) < 30 and re.fullmatch(r"\d+(\.\d+)?", value):
        raise Misread(f"expected a share, found {described(value)}.", f"Write {value}%, or a number without quotes.")
    raise Misread(f"expected a share, found {described(value)}.", "Write for example 99% or 0.99.")


def weight(value: object) -> int:
    """Basis points from a percentage: 5 -> 500, 0.25 -> 25. Plain numbers to 0.01, as Argo Rollouts writes them."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)\s*%?", value)):
        raise Misread(f"expected a number, found {described(value)}.", f"Write {found[1]}, without quotes or %.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Misread(f"expected a percentage from 0 to 100, found {described(value)}.", "Write for example 5 or 0.25.")
    try:
        basis_points = Decimal(repr(value)) * 100
    except InvalidOperation:  # pragma: no cover - repr of a finite number is always a decimal
        raise Misread(f"expected a percentage, found {described(value)}.") from None
    if not 0 <= basis_points <= 10_000:
        bound = "more than everybody" if basis_points > 0 else "less than nobody"
        raise Misread(f"a weight of {{written}} % is {bound}.", "Write a percentage from 0 to 100.")
    if basis_points != int(basis_points):
        raise Misread(
            "a weight of {written} % is too fine: the smallest step is 0.01 % of the players.",
            f"Write {max(1, round(basis_points)) / 100:g}.",
        )
    return int(basis_points)


def whole(value: object, least: int, most: int) -> int:
    """A whole number within bounds, both included."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value):
        raise Misread(f"expected a whole number, found {described(value)}.", f"Write {int(value)}, without quotes.")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misread(f"expected a whole number, found {described(value)}.", f"Write a number from {least} to {most}.")
    if not least <= value <= most:
        raise Misread("{written} is out of range.", f"Write a whole number from {least} to {most}.")
    return value


def ratio(value: object) -> float:
    """How many times as much: a number such as 1.1."""
    if isinstance(value, str) and len(value) < 30 and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", value)):
        number = float(found[1]) / (100 if found[2] else 1)
        raise Misread(f"expected a number, found {described(value)}.", f"Write {number:g}, without quotes or %.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**6:
        raise Misread(f"expected a number, found {described(value)}.", "Write 1.1 for 'at most 10 % more'.")
    return float(value)


def version(value: object) -> str:
    """A strict Semantic Version 2.0. Moving names such as ``latest`` are refused, since a release never changes."""
    if isinstance(value, bool | int | float):
        raise Misread(
            f"expected a version, found {described(value)}; YAML reads 1.10 as 1.1.",
            'Write all three parts, in quotes where they could be a number: "{written}.0".',
        )
    if not isinstance(value, str):
        raise Misread(f"expected a version, found {described(value)}.", "Write for example 1.4.0.")
    if len(value) > 100:
        raise Misread(f"expected a version, found {described(value)}.", "Write for example 1.4.0.")
    if Version.is_valid(value):
        return value
    raise Misread(*_version_advice(value))


def _version_advice(value: str) -> tuple[str, str]:
    bare = value[1:] if value[:1] in ("v", "V") else value
    if Version.is_valid(bare):
        return f"'{value}' is a tag, not a version.", f"Write {bare}."
    if parts := re.fullmatch(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?([-+][0-9A-Za-z.+-]+)?", bare):
        numbers = ".".join(str(int(part or "0")) for part in parts.groups()[:3])
        full = numbers + (parts[4] or "")
        if Version.is_valid(full):
            return f"'{value}' is no full version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH).", f"Write {full}."
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_/-]*", value):
        return (
            f"'{value}' is a name that moves; a release never changes.",
            "Write the version itself, for example 1.4.0.",
        )
    return f"'{value}' is no version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH).", "Write for example 1.4.0."


def name(value: object) -> str:
    """The name of a document: lower case letters, digits, ``-`` and ``.``, at most 63 characters, as Kubernetes has
    them.
    """
    found = text(value)
    if len(found) > 63:
        raise Misread(f"a name has at most 63 characters, this one has {len(found)}.")
    if not _NAME.fullmatch(found):
        better = re.sub(r"[^a-z0-9.-]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", found).lower()).strip("-.")
        raise Misread(
            f"{quoted(found)} is no name: use a-z, 0-9, '-' and '.', with a letter or digit at both ends.",
            f"Write {better}." if _NAME.fullmatch(better) else "Write for example deposit-slo.",
        )
    return found


def label(value: object) -> str:
    """A metric's label. ``version`` is refused: the control plane asks for each version by itself."""
    found = text(value)
    if not _LABEL.fullmatch(found):
        raise Misread(f"{quoted(found)} is no label: use letters, digits and '_', not starting with a digit.")
    if found == "version":
        raise Misread("the versions are told apart by Croupier itself.", "Remove 'version'.")
    return found


def metric(value: object) -> str:
    """The name of a Prometheus metric."""
    found = text(value)
    if not _METRIC.fullmatch(found):
        hint = "Write the name only; labels go into 'match', 'total' or 'good'." if "{" in found or "(" in found else ""
        raise Misread(f"{quoted(found)} is no metric name: use letters, digits, '_' and ':'.", hint)
    return found


def attribute(value: object) -> str:
    """An attribute of players, such as ``market``."""
    found = text(value)
    if not _LABEL.fullmatch(found):
        raise Misread(f"{quoted(found)} is no attribute: use letters, digits and '_', not starting with a digit.")
    return found


def header(value: object) -> str:
    """A request header, in lower case.

    Addresses are refused: players behind one address would move together (and back).
    """
    found = text(value)
    if not _HEADER.fullmatch(found) or len(found) > 100:
        raise Misread(f"{quoted(found)} is no header name.", "Write for example x-player-id.")
    if found.lower() in _ADDRESS_HEADERS:
        raise Misread(f"'{found}' is an address, not a player.", "Write the header that carries the player's id.")
    return found.lower()


def url_path(value: object) -> str:
    """An absolute path without query: ``/healthz``."""
    found = text(value)
    if not found.startswith("/"):
        raise Misread(f"{quoted(found)} is no path.", f"Write {quoted('/' + found.removeprefix('./'))[1:-1]}.")
    if not _PATH.fullmatch(found) or any(part in (".", "..") for part in found.split("/")) or len(found) > 500:
        raise Misread(f"{quoted(found)} is no plain path: no '..', query, fragment or spaces.")
    return found


def prefix(value: object) -> str:
    """A path prefix that requests are routed by: ``/payments``, without a slash at its end; ``/`` is everything."""
    found = url_path(value)
    if found != "/" and (found.endswith("/") or "//" in found):
        better = "/" + "/".join(part for part in found.split("/") if part)
        raise Misread(f"{quoted(found)} has a slash too many.", f"Write {better}.")
    return found


def variable(value: object) -> str:
    """The name of an environment variable."""
    found = text(value)
    if not _LABEL.fullmatch(found):
        raise Misread(f"{quoted(found)} is no name of an environment variable.", "Write for example LOG_LEVEL.")
    return found
