"""What can be wrong with an expression: its text, or its meeting with one result. Raised throughout this package."""

from croupier.errors import Rejected


class ExprError(Rejected):
    """The text is no expression that can be used. ``column`` counts characters from 1."""

    def __init__(self, message: str, *, column: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.column = column

    def __str__(self) -> str:
        return f"column {self.column}: {self.message} {self.hint}".rstrip()


class Unanswerable(Exception):
    """The expression has no answer for this result, and why: nothing at that index, a text compared with a number."""
