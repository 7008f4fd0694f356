"""How the CLI speaks: tables in a terminal, tab-separated lines when piped, JSON when asked, errors as instructions."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.connection import Denied
from croupier.errors import Conflict, Corrupt, CroupierError, NotFound, Problem, Rejected, Transient

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept in the journal.")]


class Voice:
    """Standard output or standard error. Rich is loaded when there is something to say, not for a completion."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @cached_property
    def console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=self._stderr, highlight=False, soft_wrap=True)

    @property
    def is_terminal(self) -> bool:
        return self.console.is_terminal

    def print(self, what: Any, *, markup: bool = True) -> None:
        """Rich markup, or something that rich can draw."""
        self.console.print(what, markup=markup)


out = Voice()
err = Voice(stderr=True)

# What a terminal acts on instead of showing it: control characters, and those that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_INDEX = re.compile(r"^\[0\]\.")

STYLES = {
    "succeeded": "green",
    "pass": "green",
    "ready": "green",
    "progressing": "cyan",
    "promoting": "cyan",
    "pending": "cyan",
    "paused": "yellow",
    "inconclusive": "yellow",
    "no_data": "yellow",
    "aborting": "red",
    "aborted": "red",
    "fail": "red",
    "failed": "red",
    "superseded": "dim",
    "live": "green",
    "disabled": "dim",
    "killed": "red",
    "reverted": "yellow",
    "archived": "dim",
}
"""Colour by word; the word is always there too."""


class Exit(IntEnum):
    """Exit codes, documented in docs/reference/exit-codes.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    REJECTED = 5
    DENIED = 6
    UNREACHABLE = 7
    ABORTED = 10
    UNRECORDED = 11


_CODES: tuple[tuple[type[CroupierError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (Rejected, Exit.REJECTED),
    (Conflict, Exit.CONFLICT),
    (Denied, Exit.DENIED),
    (Transient, Exit.UNREACHABLE),
    (Corrupt, Exit.FAILED),
)


def exit_code(error: CroupierError) -> Exit:
    """The exit code that tells scripts what kind of error it was."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)


def report(error: CroupierError) -> None:
    """Say what was wrong, where, and what to do, on standard error."""
    err.print(f"[bold red]error:[/] {_lines(error.message)}")
    problems = getattr(error, "problems", ())
    for problem in problems:
        if not _is_said(problem, error.message, alone=len(problems) == 1):
            err.print(f"  {plain(str(problem))}")
    if error.hint:
        err.print(f"[dim]hint:[/] {plain(error.hint)}")


def _is_said(problem: Problem, message: str, *, alone: bool) -> bool:
    """Whether the message has said the problem already; a single one also without its place in a list of one."""
    said = str(problem)
    return said in message or (alone and _INDEX.sub("", said) in message)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(
        _CONTROLS.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text) + "\n"
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, heading: bool = True) -> None:
    """A table in a terminal; a heading and tab-separated lines when piped, so that cut and awk work.

    Without ``heading`` the rows go on with a table that was begun before.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    if not out.is_terminal:
        for line in (columns, *lines) if heading else lines:
            print_line(*line)
        return
    if not lines:
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, show_header=heading)
    for column in columns:
        table.add_column(column)
    for line in lines:
        table.add_row(*(styled(cell) for cell in line))
    out.print(table)


def note(text: str) -> None:
    """Something to know that is no result: it goes to standard error, so that a pipe stays clean."""
    err.print(f"[dim]{plain(text)}[/]")


@contextmanager
def working(what: str) -> Iterator[None]:
    """Something takes a while: on a terminal it is said, and for how long by now."""
    if not err.is_terminal:
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("[dim]{task.description}[/]"), TimeElapsedColumn())
    with Progress(*columns, console=err.console, transient=True) as shown:
        shown.add_task(plain(what), total=None)
        yield


def print_line(*cells: str) -> None:
    """One line of tab-separated text, for programs that read lines."""
    sys.stdout.write("\t".join(map(clean, cells)) + "\n")


def clean(text: str) -> str:
    """Text from outside as one line that a terminal only shows: what it would act on is shown as a sign."""
    return _CONTROLS.sub(lambda found: _sign(found[0]), text)


def plain(text: str) -> str:
    """Text from outside as rich markup that says just that text."""
    from rich.markup import escape

    return escape(clean(text))


def styled(word: str) -> str:
    """The word as rich markup, coloured where it is a state."""
    style = STYLES.get(word)
    return f"[{style}]{word}[/]" if style else plain(word)


def when(moment: str | None) -> str:
    """An RFC 3339 time for the reader: the local time of day in a terminal, unchanged when piped."""
    return clock_time(moment) if out.is_terminal else moment or "-"


def last_day(moment: str | None) -> str:
    """The end of something for the reader: where that is midnight in UTC, the last day, as people write it."""
    end = datetime.fromisoformat(moment).astimezone(UTC) if moment else None
    if end is None or end.time() != time.min:
        return when(moment)
    return (end.date() - timedelta(days=1)).isoformat()


def clock_time(moment: str | None) -> str:
    """An RFC 3339 time as the reader's local time of day, with the date where it is not today."""
    if not moment:
        return "-"
    local = datetime.fromisoformat(moment).astimezone()
    today = datetime.now().astimezone().date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M:%S")


def percent(weight: float | None) -> str:
    """A weight in percent."""
    return "-" if weight is None else f"{weight:g} %"


def counted(number: int, noun: str, many: str = "") -> str:
    """``1 document``, ``2 documents``."""
    return f"{number} {noun}" if number == 1 else f"{number} {many or noun + 's'}"


def _text(cell: Any) -> str:
    return "-" if cell is None or cell == "" else str(cell)


def _lines(text: str) -> str:
    """As ``plain``, for text that may have several lines."""
    return "\n".join(map(plain, text.split("\n")))


def _sign(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r":
        return " "
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"
