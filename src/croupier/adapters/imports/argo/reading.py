"""How Argo's documents are read: mappings with known fields, names, numbers that may be texts, Go's durations."""

import re
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, Final

from croupier.adapters.imports.made import Made, Path

_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|h|m|s))+", re.ASCII)
PLACEHOLDER: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}")


class Unknown(Enum):
    """The value of an argument that only a cluster knows."""

    VALUE = "unknown"


UNKNOWN: Final = Unknown.VALUE


def mapping(
    data: Any, path: Path, made: Made, known: Collection[str], *, needed: Collection[str] = ()
) -> dict[str, Any]:
    """The data as a mapping; every field that nobody knows, and every one that is missing, is a problem."""
    if not isinstance(data, Mapping):
        made.wrong(path, "expected a mapping.", "Write fields below it.")
        return {}
    for name in data:
        if name not in known:
            made.wrong((*path, str(name)), f"Argo Rollouts has no field '{name}' here.", f"Known: {', '.join(known)}.")
    for name in needed:
        if data.get(name) is None:
            made.wrong(path, f"'{name}' is missing.", "Argo Rollouts refuses the file, too: add it.")
    return {str(name): value for name, value in data.items() if name in known and value is not None}


def items(data: Any, path: Path, made: Made) -> list[Any]:
    """The data as a list; nothing is an empty one."""
    if data is None:
        return []
    if not isinstance(data, list):
        made.wrong(path, "expected a list.", "Write one item per line, each after '- '.")
        return []
    return data


def text_of(data: Any, path: Path, made: Made) -> str:
    """The data as a text."""
    if isinstance(data, str):
        return data
    made.wrong(path, "expected text.", "Put it in quotes.")
    return ""


def number_of(data: Any, path: Path, made: Made) -> int | None:
    """A whole number, which may be written as a text (Kubernetes' IntOrString)."""
    if isinstance(data, int) and not isinstance(data, bool):
        return data
    if isinstance(data, str) and re.fullmatch(r"-?[0-9]{1,9}", data):
        return int(data)
    made.wrong(path, "expected a whole number.", "Write for example 3.")
    return None


def duration_of(data: Any, path: Path, made: Made) -> str | None:
    """A duration in Go's notation, as a text."""
    if isinstance(data, str) and _DURATION.fullmatch(data):
        return data
    made.wrong(
        path, f"'{str(data)[:40]}' is no duration.", "Argo Rollouts refuses it, too: write for example 30s or 5m."
    )
    return None


def filled(data: Any, values: Mapping[str, str | Unknown], path: Path, made: Made) -> Any:
    """The text with the values of arguments written in, where a field must be known before anything is measured;
    ``UNKNOWN`` where one of them is.
    """
    if not isinstance(data, str) or "{{" not in data:
        return data
    if any(values.get(found[1].removeprefix("args.")) is UNKNOWN for found in PLACEHOLDER.finditer(data)):
        return UNKNOWN

    def value(found: re.Match[str]) -> str:
        name = found[1].removeprefix("args.")
        if name == found[1] or name not in values:
            made.wrong(path, f"nothing is known of {found[0]}.", f"Give it a value: --arg {name}=VALUE.")
            return found[0]
        return str(values[name])

    written = PLACEHOLDER.sub(value, data)
    if written != data:
        made.changed(path, f"the values of its arguments are written in: {written}")
    return written
