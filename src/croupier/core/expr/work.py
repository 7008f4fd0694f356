"""The work that one evaluation may take, counted in steps: so that a condition that somebody wrote, asked of a result
that somebody sent, holds up nobody. Spent by the compiler's closures.

A step is a part of the expression that is evaluated, an item that is looked at (also inside of other items), or sixteen
characters of a text. Steps are paid before the work is done, and hang on expression and result alone.
"""

from typing import Any, Final

from croupier.core.expr.errors import Unanswerable

MOST: Final = 100_000
"""Steps of one evaluation."""
_CHARACTERS: Final = 16
_SHOWING: Final = 100
"""For a list that is shown: ten items of ten lists at the most."""
_MAKING: Final = 2_000
"""For a regular expression that is put together anew."""


class Work:
    """What is left of an evaluation's steps."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST

    @property
    def spent(self) -> int:
        """How many steps were paid for."""
        return min(MOST - self.left, MOST)

    def spend(self, steps: int) -> None:
        """Pay for so many steps. Raises ``Unanswerable`` where there are no more."""
        self.left -= steps
        if self.left < 0:
            raise Unanswerable(f"the condition takes more than {MOST:,} steps")

    def look_at(self, *values: Any) -> None:
        """Pay for everything in these values, however deep; what is there twice is looked at twice."""
        waiting = [*values]
        while waiting:
            value = waiting.pop()
            if type(value) is str:
                self.spend(len(value) // _CHARACTERS)
            elif type(value) is list:
                self.spend(len(value))
                waiting.extend(value)
            elif type(value) is dict:
                self.spend(len(value))
                waiting.extend(value)
                waiting.extend(value.values())

    def made(self, value: Any) -> None:
        """Pay for a list or a text of that length."""
        if isinstance(value, list | str):
            self.spend(len(value) if isinstance(value, list) else len(value) // _CHARACTERS)

    def show(self, value: Any) -> None:
        """Pay for a value that is put into words, which are never many."""
        self.spend(_SHOWING if isinstance(value, list) else 0)

    def compare(self, text: Any, other: Any = "") -> None:
        """Pay for a text each of whose characters may be compared with all of the other."""
        if isinstance(text, str) and isinstance(other, str):
            self.spend(len(text) // _CHARACTERS * (len(other) // _CHARACTERS))

    def search(self, text: Any, pattern: Any, *, known: bool) -> None:
        """Pay for a regular expression that goes over a text; ``known``: it stands in the condition as it is."""
        if isinstance(text, str) and isinstance(pattern, str):
            self.spend(len(text) * (1 + len(pattern) // _CHARACTERS) + (0 if known else _MAKING))
