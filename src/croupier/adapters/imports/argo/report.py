"""What an import of Argo's documents says: a line for every field, and what is wrong. Used by every kind."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from croupier.adapters.imports.report import Fate
from croupier.errors import Problem

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one field of the document, and why or what to do where it is not as it was."""

    path: Path
    fate: Fate
    text: str


class Extent(StrEnum):
    """How much of a template there is afterwards."""

    WHOLE = "carried over"
    PARTLY = "partly"
    """The Gate lacks metrics that the template has, or takes from other templates."""
    REFUSED = "refused"
    """There is no Gate."""


@dataclass(slots=True)
class Made:
    """What was made of one document. With ``problems`` nothing of it should be used: it is not valid there, or cannot
    be used here as it is. ``is_template``: it is of a kind that is imported.
    """

    name: str = ""
    is_template: bool = False
    lacks_metrics: bool = False
    documents: list[dict[str, Any]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def extent(self) -> Extent | None:
        """Of a template; ``None`` for what stands beside."""
        if not self.is_template:
            return None
        if self.problems or not self.documents:
            return Extent.REFUSED
        return Extent.PARTLY if self.lacks_metrics else Extent.WHOLE

    def kept(self, path: Path, text: str = "as it is") -> None:
        """The field means the same here."""
        self.lines.append(Line(path, Fate.KEPT, text))

    def changed(self, path: Path, text: str) -> None:
        """The field is there, and differs in what the words say."""
        self.lines.append(Line(path, Fate.CHANGED, text))

    def left_out(self, path: Path, text: str) -> None:
        """The field cannot be carried over; the words say what to do."""
        self.lines.append(Line(path, Fate.LEFT_OUT, text))

    def wrong(self, path: Path, message: str, hint: str = "") -> None:
        """The document cannot be used."""
        self.problems.append(Problem(message, path, hint))
