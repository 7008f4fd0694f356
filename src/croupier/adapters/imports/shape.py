"""What fields another tool's documents have, and of which kind: written as data, checked before anything is made.

A shape looks at a value and notes everything that is not valid there: a field that nobody knows, one that is missing, a
value of the wrong kind. Whoever converts a document that passed may rely on it. ``null`` is as good as not written.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from croupier.adapters.imports.made import Made, Path

Shape: TypeAlias = Callable[[Any, Path, Made], None]

_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_DURATION: Final = re.compile(rf"[+-]?(?:0|(?:{_PART.pattern})+)", re.ASCII)
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LARGEST: Final = 2**31 - 1


def go_seconds(text: str) -> float | None:
    """A duration as Go reads it (``1h30m``, ``-5s``), in seconds; ``None`` for anything else."""
    if len(text) > 60 or not _DURATION.fullmatch(text):
        return None
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def fields(known: Mapping[str, Shape], needed: tuple[str, ...] = ()) -> Shape:
    """A mapping with these fields and no others."""

    def look(data: Any, at: Path, made: Made) -> None:
        if not isinstance(data, Mapping):
            made.wrong(at, "expected a mapping.", "Write fields below it.")
            return
        for name, value in data.items():
            if name not in known:
                listed = ", ".join(known)
                made.wrong((*at, str(name)), f"{made.tool} has no field '{name}' here.", f"Known: {listed}.")
            elif value is not None:
                known[name](value, (*at, name), made)
        for name in needed:
            if data.get(name) is None:
                made.wrong(at, f"'{name}' is missing.", f"{made.tool} refuses the file, too: add it.")

    return look


def partly(known: Mapping[str, Shape], needed: tuple[str, ...] = ()) -> Shape:
    """A mapping of which these fields are looked at; it may have any others."""

    def look(data: Any, at: Path, made: Made) -> None:
        others = data if isinstance(data, Mapping) else ()
        fields({**dict.fromkeys(others, anything), **known}, needed)(data, at, made)

    return look


def many(each: Shape) -> Shape:
    """A list of such things."""

    def look(data: Any, at: Path, made: Made) -> None:
        if not isinstance(data, list):
            made.wrong(at, "expected a list.", "Write one item per line, each after '- '.")
            return
        for position, item in enumerate(data):
            each(item, (*at, position), made)

    return look


def named(each: Shape) -> Shape:
    """A mapping whose keys are up to its writer."""

    def look(data: Any, at: Path, made: Made) -> None:
        fields(dict.fromkeys(data if isinstance(data, Mapping) else (), each))(data, at, made)

    return look


def one_of(*words: str) -> Shape:
    """One of these words."""

    def look(data: Any, at: Path, made: Made) -> None:
        if data not in words:
            shown = [word for word in words if word]  # an empty one is as good as none
            listed = f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else shown[0]
            made.wrong(at, f"'{_shown(data)}' is not possible.", f"Write {listed}.")

    return look


def whole(least: int = 0, most: int = _LARGEST) -> Shape:
    """A whole number within bounds."""

    def look(data: Any, at: Path, made: Made) -> None:
        if not isinstance(data, int) or isinstance(data, bool):
            made.wrong(at, f"expected a whole number, found '{_shown(data)}'.", "Write a number without quotes.")
        elif not least <= data <= most:
            most_said = f" to {most}" if most != _LARGEST else " or more"
            made.wrong(
                at, f"{_shown(data)} is not possible.", f"{made.tool} refuses it, too: write {least}{most_said}."
            )

    return look


def text(data: Any, at: Path, made: Made) -> None:
    if not isinstance(data, str):
        made.wrong(at, f"expected text, found '{_shown(data)}'.", "Put it in quotes.")


def number(data: Any, at: Path, made: Made) -> None:
    """Any number."""
    if not isinstance(data, int | float) or isinstance(data, bool) or not abs(data) < 1e18:
        made.wrong(at, f"expected a number, found '{_shown(data)}'.", "Write for example 99.5.")


def switch(data: Any, at: Path, made: Made) -> None:
    if not isinstance(data, bool):
        made.wrong(at, f"expected true or false, found '{_shown(data)}'.", "Write it without quotes.")


def share_or_count(data: Any, at: Path, made: Made) -> None:
    """Kubernetes' ``IntOrString``: ``2`` or ``25%``."""
    if isinstance(data, str) and re.fullmatch(r"[0-9]{1,9}%?", data):
        return
    if not isinstance(data, int) or isinstance(data, bool) or data < 0:
        made.wrong(at, f"expected a number or a percentage, found '{_shown(data)}'.", "Write for example 1 or 25%.")


def duration(data: Any, at: Path, made: Made) -> None:
    """A duration in Go's notation, not negative."""
    seconds = go_seconds(data) if isinstance(data, str) else None
    if seconds is None or seconds < 0:
        hint = f"{made.tool} refuses it, too: write for example 30s or 5m."
        made.wrong(at, f"'{_shown(data)}' is no duration.", hint)


def mapping(data: Any, at: Path, made: Made) -> None:
    """Fields that are of no concern here."""
    if not isinstance(data, Mapping):
        made.wrong(at, "expected a mapping.", "Write fields below it.")


def anything(data: Any, at: Path, made: Made) -> None:
    """Whatever it is."""


def _shown(data: Any) -> str:
    return str(data)[:40] if isinstance(data, str | int | float | bool) else type(data).__name__
