"""A condition on a measured result: read once, asked often. Called by the analysis of gates, and by imports."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from croupier.core.expr.compiler import Frame, Run, compiled
from croupier.core.expr.errors import Unanswerable
from croupier.core.expr.kinds import shown
from croupier.core.expr.parser import parse
from croupier.core.expr.syntax import Node, walk


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that is true or false of a result (None, bool, int, float, str, list, dict with text keys)."""

    text: str
    tree: Node
    _run: Run = field(repr=False, compare=False)

    def holds(self, result: Any, *, nan: bool = True) -> bool:
        """Whether it is true. Raises ``Unanswerable``, and nothing else, where it has no answer; without ``nan`` also
        where the answer hangs on a comparison with NaN.
        """
        said = self._said(result, unknown=None if nan else False)
        if not nan and said is not self._said(result, unknown=True):
            raise Unanswerable("the answer hangs on what is not a number, as when nothing happened")
        return said

    def _said(self, result: Any, *, unknown: bool | None) -> bool:
        try:
            said = self._run(Frame(result, unknown=unknown))
        except RecursionError:
            raise Unanswerable("the result is nested too deeply") from None
        except OverflowError:
            raise Unanswerable("a number is too large to calculate with") from None
        if not isinstance(said, bool):
            raise Unanswerable(f"the condition is {shown(said)}, neither true nor false")
        return said

    def steps(self, result: Any) -> int:
        """How much work the answer is, or the finding that there is none."""
        frame = Frame(result)
        with suppress(Unanswerable, RecursionError, OverflowError):
            self._run(frame)
        return frame.work.spent

    @property
    def reads_result(self) -> bool:
        """Whether the answer can depend on the result."""
        return any(node.kind == "name" for node in walk(self.tree))

    def calls(self, function: str) -> bool:
        """Whether it calls the function."""
        return any(node.kind == "call" and node.value == function for node in walk(self.tree))


@lru_cache(maxsize=1_024)
def condition(text: str) -> Condition:
    """The condition of this text. Raises ``ExprError`` with the column of the first mistake."""
    tree = parse(text)
    return Condition(text, tree, compiled(tree))
