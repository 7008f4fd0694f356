"""What imports of manifests say: a line for every field, the mistakes, and how much of the documents there is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from croupier.cli.output import counted, err, note, plain
from croupier.errors import Problem

if TYPE_CHECKING:
    from croupier.adapters.imports.made import Line, Made
    from croupier.adapters.manifests.located import Located, Mark

_COLOURS: Final = {"carried over": "green", "changed": "yellow", "not possible": "red", "not needed": "dim"}
"""Of what may become of a field, in the order in which it is counted."""

PLURALS: Final = {
    "rollout": "rollouts",
    "canary": "canaries",
    "experiment": "experiments",
    "template": "templates",
}
"""What is counted, in the order in which it is said."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One document of a file, and what was made of it. ``at``: where it stands in a list of documents."""

    file: str
    marks: "Mapping[tuple[str | int, ...], Mark]"
    made: "Made"
    at: tuple[str | int, ...] = ()

    @property
    def lines(self) -> "list[Line]":
        """The report in the order of the document."""
        return sorted(self.made.lines, key=lambda line: self.line(line.path))

    def line(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Where the field stands, or what it would stand in."""
        path = (*self.at, *path)
        for length in range(len(path), -1, -1):
            if (mark := self.marks.get(path[:length])) is not None:
                return (mark.key_line, mark.key_column) if length and mark.key_line else (mark.line, mark.column)
        return 1, 1

    def field(self, path: tuple[str | int, ...]) -> str:
        """The field's name, in a list of documents with the item that it is of."""
        return Problem("", (*self.at, *path)).field


@dataclass(frozen=True, slots=True)
class Tally:
    """So many documents of one kind are carried over with all that they do, with some of it, and not at all."""

    what: str
    whole: int
    partly: int
    refused: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing that they do was lost."""
        return not self.partly and not self.refused

    def __str__(self) -> str:
        number = counted(self.whole + self.partly + self.refused, self.what, PLURALS[self.what])
        return f"{number}: {self.whole} carried over, {self.partly} partly, {self.refused} refused"

    def as_object(self) -> dict[str, int]:
        """For ``--json``."""
        return {"carriedOver": self.whole, "partly": self.partly, "refused": self.refused}


def tallies(found: Iterable[Imported]) -> list[Tally]:
    """How much there is of each kind."""
    from croupier.adapters.imports.made import Extent

    counts = Counter((item.made.what, item.made.extent) for item in found)
    return [Tally(what, *(counts[what, each] for each in Extent)) for what in PLURALS]


def say(found: list[Imported], problems: "list[Located]", counted_up: list[Tally], *, strict: bool) -> None:
    """The report, on standard error; the last lines count the documents."""
    counts: Counter[str] = Counter()
    for item in found:
        if item.made.lines:
            named = f"[bold]{plain(item.made.name)}[/] " if item.made.name else ""
            err.print(f"{named}[dim]{plain(item.file)}[/]")
        for line in item.lines:
            counts[line.fate] += 1
            field = f"{plain(item.field(line.path))} " if line.path else ""
            said = f"[{_COLOURS[line.fate]}]{line.fate}[/]: {plain(line.text)}"
            err.print(f"  {item.line(line.path)[0]:>4} {field}{said}")
    for problem in problems:
        place = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
        field = f" {problem.problem.field}:" if problem.problem.path else ""
        hint = f" [dim]{plain(problem.problem.hint)}[/]" if problem.problem.hint else ""
        err.print(f"[bold]{plain(place)}[/] [red]error[/]{plain(field)} {plain(problem.problem.message)}{hint}")
    if problems:
        err.print(f"[red]✗[/] {counted(len(problems), 'mistake')}; nothing was written.")
    elif strict and not all(tally.is_whole for tally in counted_up):
        err.print("[red]✗[/] --strict: not all of it can be carried over; nothing was written.")
    note("fields: " + ", ".join(f"{counts[word]} {word}" for word in _COLOURS))
    for tally in counted_up:
        if tally.whole + tally.partly + tally.refused:
            note(str(tally))


def as_object(item: Imported, line: "Line") -> dict[str, Any]:
    """One line of the report, for ``--json``."""
    return {
        "file": item.file,
        "line": item.line(line.path)[0],
        "document": item.made.name,
        "field": item.field(line.path),
        "fate": line.fate.value,
        "text": line.text,
    }
