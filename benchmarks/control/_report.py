"""The marathon's figures beside what was asked for, as a table; and how far it is, on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.control._night import Night


@dataclass(frozen=True, slots=True)
class Line:
    """A figure. ``least`` and ``most`` are what was asked for; neither: it is only told."""

    name: str
    seen: float | str | bool
    least: float | None = None
    most: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether it is as it was asked for; ``None`` where nothing was."""
        if isinstance(self.seen, str) or (self.least is None and self.most is None):
            return None
        return (self.least is None or self.seen >= self.least) and (self.most is None or self.seen <= self.most)


def shown(lines: list[Line], title: str) -> None:
    """The table."""
    table = Table(title=title)
    for heading, side in (("", "left"), ("asked", "right"), ("seen", "right"), ("", "left")):
        table.add_column(heading, justify="left" if side == "left" else "right")
    for line in lines:
        asked = "" if line.least is None else _number(line.least)
        asked = asked if line.most is None else _number(line.most)
        word = {True: "[green]✓", False: "[bold red]✗", None: ""}[line.kept]
        table.add_row(line.name, asked, _number(line.seen), word)
    Console(width=None if sys.stdout.isatty() else 110).print(table)


def document(lines: list[Line], more: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON-able data."""
    figures = {line.name.strip().replace(" ", "_").replace(",", ""): line.seen for line in lines}
    return {**figures, **more, "kept": kept(lines)}


def kept(lines: list[Line]) -> bool:
    """Whether everything is as it was asked for."""
    return all(line.kept is not False for line in lines)


class Losses(Protocol):
    """What is asked of a crowd while it plays."""

    @property
    def lost(self) -> int:
        """Requests that nobody answered, so far."""
        ...


@contextmanager
def told(night: Night) -> Iterator["Telling"]:
    """A bar on a terminal, else a line where something ended."""
    bar = Progress(
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} changes"),
        BarColumn(),
        TextColumn("{task.fields[others]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        yield Telling(night, bar, bar.add_task("", total=night.asked.changes, others=""))


class Telling:
    """Says how far the night is."""

    def __init__(self, night: Night, bar: Progress, task: Any) -> None:
        self._night, self._bar, self._task, self._said = night, bar, task, ""

    def now(self, lost: int) -> None:
        """Show it as it is."""
        night, asked = self._night, self._night.asked
        others = (
            f"{night.switches}/{asked.switches} switches, {night.aborts}/{asked.aborts} aborts, "
            f"{night.kills}/{asked.kills} kills, {lost} lost"
        )
        self._bar.update(self._task, completed=min(night.changes, asked.changes), others=others)
        if self._bar.disable and night.last != self._said:
            self._said = night.last
            print(f"{night.changes}/{asked.changes} changes, {others}: {night.last}", file=sys.stderr)


def _number(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:,.10g}"
