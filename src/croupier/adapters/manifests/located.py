"""Mistakes with their place in a file, as the CLI prints them and the API answers them."""

from dataclasses import dataclass
from enum import StrEnum

from croupier.errors import Problem

Path = tuple[str | int, ...]
"""A place inside a document, outermost key first."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Located:
    """A problem and where it stands.

    ``line`` and ``column`` count from 1; both are 0 where there is no text (API, unreadable file).
    """

    file: str
    line: int
    column: int
    problem: Problem
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column} " if self.line else f"{self.file}: " if self.file else ""
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return f"{place}{warning}{self.problem}"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value and its key stand (lines and columns from 1), and a plain scalar exactly as it was written."""

    line: int
    column: int
    key_line: int
    key_column: int
    written: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A problem of one document before its place in the file is looked up; ``at_key`` points at the key, not the
    value.
    """

    problem: Problem
    at_key: bool = False
    severity: Severity = Severity.ERROR
