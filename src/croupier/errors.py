"""Errors are instructions: whose fault it is, whether to try again, and what to do.

Every error that leaves Croupier is one of these. The API turns them into RFC 9457 problems, the CLI into exit codes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: what is wrong, where, and what to write or do instead.

    ``path`` is the place inside a document, outermost key first, for example ``("spec", "steps", 2, "setWeight")``.
    """

    message: str
    path: tuple[str | int, ...] = ()
    hint: str = ""

    @property
    def field(self) -> str:
        """The path as people write it: ``spec.steps[2].setWeight``."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    def __str__(self) -> str:
        where = f"{self.field}: " if self.path else ""
        return f"{where}{self.message}" + (f" {self.hint}" if self.hint else "")


class CroupierError(Exception):
    """The base of all errors that Croupier raises on purpose; never raised itself."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Rejected(CroupierError):
    """The request is wrong and would be wrong again: mend it. Nothing was changed."""

    def __init__(self, message: str, *, hint: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class NotFound(Rejected):
    """The request names something that does not exist."""


class Conflict(CroupierError):
    """The request was right but came too late: somebody else changed the thing first. Read it again, then decide."""


class Fenced(Conflict):
    """The writer's lease is gone: another control plane acts now. Stop acting at once."""


class Transient(CroupierError):
    """Something outside failed (database, Envoy, metrics, disk). The same may succeed after ``retry_after_s``."""

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Corrupt(CroupierError):
    """Stored data contradicts itself. A person must look; nothing is repaired by guessing."""
