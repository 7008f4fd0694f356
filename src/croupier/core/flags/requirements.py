"""What flags that require one another add up to: a circle, or too much to ask for one answer, is refused.

Called when a flag is written (``check``) and once more by every client (``Ruleset``), who may hold lines of any origin.
"""

from collections.abc import Callable, Iterable
from typing import Final

DEEPEST: Final = 16
"""How many flags may require one another in a row."""
MOST: Final = 256
"""How many flags may be asked for one answer, each as often as it is asked."""


def weigh(key: str, requires: Callable[[str], Iterable[str]]) -> int:
    """How many flags the answer of ``key`` takes, itself included. Raises ``ValueError``, which says why, for a circle,
    and where it is more than ``MOST`` flags or ``DEEPEST`` in a row.
    """
    weights: dict[str, int] = {}

    def visit(name: str, row: tuple[str, ...]) -> int:
        if name in row:
            raise ValueError(f"it requires itself: {' -> '.join((*row[row.index(name) :], name))}")
        if len(row) > DEEPEST:
            raise ValueError(f"more than {DEEPEST} flags require one another in a row: {' -> '.join(row)}")
        if name not in weights:
            weights[name] = 1
            # A second look at the same flag costs nothing here, as at the answer it costs all of it again.
            weights[name] += sum(visit(other, (*row, name)) for other in requires(name))
            if weights[name] > MOST:
                raise ValueError(f"its answer would take more than {MOST} other flags' answers")
        return weights[name]

    return visit(key, ())
