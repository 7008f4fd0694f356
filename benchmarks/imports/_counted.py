"""What an import makes of a file of another tool's manifests, in numbers. Called by ``manifests``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from croupier.adapters.imports.argo import import_argo
from croupier.adapters.imports.flagger import import_flagger
from croupier.adapters.imports.leaves import leaves
from croupier.adapters.imports.made import Made
from croupier.cli.imports.manifests import imported
from croupier.cli.imports.reading import documents_of

TOOLS: Final[Mapping[str, Callable[[Sequence[Any]], list[Made]]]] = {
    "argo": lambda documents: import_argo(documents, {}, argo=False),
    "flagger": import_flagger,
}
PROMISE: Final = "# Refused at "
"""How the first line of a file begins that is not valid; the rest says where and why."""


@dataclass(frozen=True, slots=True)
class Count:
    """One file. ``fields`` are the values of the tool's own documents, each in its place; what stands beside them is
    one. ``mistakes`` each with its line, column, field and words.
    """

    tool: str
    file: str
    documents: int
    understood: int
    """Without a mistake."""
    fields: int
    said_once: int
    """The fields of which exactly one line of the report speaks."""
    made: int
    """Croupier's own documents, which its validation takes."""
    mistakes: tuple[str, ...]
    promised: str
    """What the file says that it is refused for; empty for one that is valid."""

    @property
    def is_whole(self) -> bool:
        """Whether all of it is understood and said, or refused for just what it says."""
        if self.promised:
            return bool(self.mistakes) and self.mistakes[0] == self.promised
        return self.understood == self.documents and self.said_once == self.fields and not self.mistakes


def count_of(tool: str, path: Path) -> Count:
    documents, _ = documents_of([path])
    found, problems = imported([path], TOOLS[tool])
    spoken = [_spoken(document.data, item.made) for document, item in zip(documents, found, strict=True)]
    return Count(
        tool,
        path.name,
        len(documents),
        sum(not item.made.problems for item in found),
        sum(len(each) for each in spoken),
        sum(each.count(1) for each in spoken),
        0 if problems else sum(len(item.made.documents) for item in found),
        tuple(f"{each.line}:{each.column} {each.problem.field}: {each.problem.message}" for each in problems),
        _promise(path),
    )


def _spoken(data: Any, made: Made) -> list[int]:
    """How many lines speak of each field, or of a document that stands beside. Remarks are none."""
    if not made.what:
        return [len(made.lines)]
    about = [line.path for line in made.lines if line.whole]
    return [sum(field[: len(path)] == path for path in about) for field in leaves(data)]


def _promise(path: Path) -> str:
    first = path.read_text().partition("\n")[0]
    return first.removeprefix(PROMISE) if first.startswith(PROMISE) else ""
