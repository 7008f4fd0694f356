"""What can be wrong with a rule: its text (refused when it is written), or its meeting with one context.

The parser raises the first; compiled conditions raise the second, which callers turn into "does not match, because".
"""

from croupier.errors import Rejected


class CelError(Rejected):
    """The text is not a condition that flags understand. ``column`` counts characters from 1."""

    def __init__(self, message: str, *, column: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.column = column

    def __str__(self) -> str:
        return f"column {self.column}: {self.message} {self.hint}".rstrip()


class Undecided(Exception):
    """The condition cannot be decided for this context. The words never hold a value: contexts are about people."""


class Missing(Undecided):
    """Something that the condition reads is not in the context."""
