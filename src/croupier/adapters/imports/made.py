"""What an import of whole manifests says: a line for every field, and what is wrong. Used by every tool and kind.

The imports of flags have a report of their own (``report``), a line for every flag.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from croupier.errors import Problem

Path: TypeAlias = tuple[str | int, ...]


class Became(StrEnum):
    """What became of a field. The words are what people read."""

    KEPT = "carried over"
    """It means the same here."""
    CHANGED = "changed"
    """It is there, and differs in what the line says."""
    IMPOSSIBLE = "not possible"
    """What it does there is not done here; the line says what to do today."""
    NOT_NEEDED = "not needed"
    """It would do nothing here, or is said elsewhere; the line says why, or where."""


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one field of the document, and why or what to do where it is not as it was. ``whole``: the words
    are about everything below the field, too; every field has exactly one such line. The others are remarks.
    """

    path: Path
    fate: Became
    text: str
    whole: bool = True


class Extent(StrEnum):
    """How much of a document there is afterwards."""

    WHOLE = "carried over"
    PARTLY = "partly"
    """Something that it does has no counterpart here."""
    REFUSED = "refused"
    """There is nothing of it."""


@dataclass(slots=True)
class Made:
    """What was made of one document. With ``problems`` nothing of it should be used: it is not valid there, or cannot
    be used here as it is. ``what`` people call such a document (template, rollout); empty for what stands beside.
    """

    name: str = ""
    what: str = ""
    tool: str = "Argo Rollouts"
    lacks: bool = False
    """Something that it does there is not done here."""
    documents: list[dict[str, Any]] = field(default_factory=list)
    origins: dict[Path, Path] = field(default_factory=dict)
    """Where parts of the documents come from: their path (the first part is the document's index) to the field's."""
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def extent(self) -> Extent | None:
        """``None`` for what stands beside."""
        if not self.what:
            return None
        if self.problems or not self.documents:
            return Extent.REFUSED
        return Extent.PARTLY if self.lacks else Extent.WHOLE

    def kept(self, path: Path, text: str = "as it is") -> None:
        """The field means the same here."""
        self.lines.append(Line(path, Became.KEPT, text))

    def changed(self, path: Path, text: str) -> None:
        """The field is there, and differs in what the words say."""
        self.lines.append(Line(path, Became.CHANGED, text))

    def differs(self, path: Path, text: str) -> None:
        """Something behaves differently here. The fields below it have lines of their own."""
        self.lines.append(Line(path, Became.CHANGED, text, whole=False))

    def not_needed(self, path: Path, text: str) -> None:
        """The field would do nothing here, or is said elsewhere; the words say why, or where."""
        self.lines.append(Line(path, Became.NOT_NEEDED, text))

    def lost(self, path: Path, text: str, *, whole: bool = True) -> None:
        """What the field does is not possible here; the words say what to do today."""
        self.lines.append(Line(path, Became.IMPOSSIBLE, text, whole=whole))
        self.lacks = True

    def wrong(self, path: Path, message: str, hint: str = "") -> None:
        """The document cannot be used. The same is said once."""
        problem = Problem(message, path, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def origin(self, path: Path) -> Path:
        """The field that this part of the documents comes from."""
        for length in range(len(path), -1, -1):
            if (found := self.origins.get(path[:length])) is not None:
                return found
        return ()
