"""Words for why a condition could not be decided. Called when somebody asks; evaluation itself only raises.

It looks for the innermost part that cannot be decided, and never says a value: contexts are about people.
"""

from dataclasses import dataclass
from typing import Any, Final

from croupier.core.flags.cel.compiler import Clock, Segments, compile_value
from croupier.core.flags.cel.errors import Missing, Undecided
from croupier.core.flags.cel.kinds import Type, kind_of
from croupier.core.flags.cel.reading import Context, Test, read_slowly
from croupier.core.flags.cel.render import render, shorten
from croupier.core.flags.cel.syntax import And, Binary, Choice, Node, Not, Or, children, path_of

_COMPARISONS: Final = {"<", "<=", ">", ">=", "==", "!="}


def why(node: Node, context: Context, *, now: Clock = lambda: 0.0, segment: Segments | None = None) -> str:
    """Why the condition cannot be decided for this context, such as "user.isEmployee is missing". Never raises.

    ``now`` and ``segment`` as for the compiler; without ``segment``, a segment counts as what cannot be decided.
    """
    try:
        return _Search(context, now, segment or _unknown).condition(node) or "it can be decided"
    except Exception as error:  # noqa: BLE001 - the context is anybody's, and whoever asks why must get an answer
        return f"it cannot be decided ({type(error).__name__})"


def _unknown(name: str) -> Test:
    def test(_: Context) -> bool:
        raise Undecided(f"segment '{name}' cannot be asked for here")

    return test


@dataclass(frozen=True, slots=True)
class _Search:
    context: Context
    now: Clock
    segment: Segments

    def _evaluated(self, node: Node) -> Any:
        return compile_value(node, now=self.now, segment=self.segment)(self.context)

    def condition(self, node: Node) -> str:
        """Why the node is neither true nor false; "" if it is."""
        words, value = self.value(node)
        return words if words or type(value) is bool else f"{_named(node)} is {_kind(value)}, not true or false"

    def value(self, node: Node) -> tuple[str, Any]:
        """Why the node has no value, and its value if it has one."""
        if path := path_of(node):
            return self._attribute(path)
        error: Exception
        try:
            return "", self._evaluated(node)
        except Exception as raised:  # noqa: BLE001 - the context is anybody's
            error = raised
        if isinstance(node, Choice):
            return self._choice(node), None
        values = []
        for child in children(node):
            words, value = self.value(child)
            if not words and isinstance(node, And | Or | Not) and type(value) is not bool:
                words = self.condition(child)
            if words:
                return words, None
            values.append(value)
        return _blame(node, values, error), None

    def _choice(self, node: Choice) -> str:
        if words := self.condition(node.condition):
            return words
        return self.value(node.then if self._evaluated(node.condition) else node.otherwise)[0]

    def _attribute(self, path: tuple[str, ...]) -> tuple[str, Any]:
        try:
            return "", read_slowly(self.context, path)
        except Missing:
            for length in range(1, len(path)):
                if self._attribute(path[:length])[0]:
                    return f"{'.'.join(path[:length])} is missing", None
            return f"{'.'.join(path)} is missing", None
        except Exception as error:  # noqa: BLE001 - as above
            return f"{'.'.join(path)} cannot be read: {_reason(error)}", None


def _blame(node: Node, values: list[Any], error: Exception) -> str:
    """Words for a part whose own parts all have values."""
    if isinstance(error, Missing):
        return f"{_named(node)} is missing"
    if isinstance(node, Binary) and node.operator in _COMPARISONS:
        left, right = map(_kind, values)
        if left != right and Type.OBJECT.words not in (left, right):
            return f"{_named(node.left)} is {left}, compared with {right}"
    return f"{_named(node)}: {_reason(error)}"


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Undecided) else type(error).__name__


def _named(node: Node) -> str:
    return shorten(render(node))


def _kind(value: Any) -> str:
    return kind_of(value).words
