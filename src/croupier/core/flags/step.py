"""One rule of a flag, compiled, and what compiling needs of the other flags. Made by ``evaluate``, read by it and by
``undecided``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from croupier.core.flags.cel import Test
from croupier.core.flags.outcome import Outcome

Context: TypeAlias = Mapping[str, Any]
"""What is known of the player and the request: attributes by name, nested ones as objects."""

Take: TypeAlias = Callable[[Context], Outcome | None]
"""The outcome for a player of the rule's share, ``None`` for one outside of it."""


class Lookup(Protocol):
    """What a flag needs of the others."""

    def condition(self, text: str) -> Test:
        """The compiled condition."""
        ...

    def why(self, text: str, context: Context) -> str:
        """Why the condition cannot be decided."""
        ...

    def outcome(self, key: str, context: Context) -> Outcome:
        """What another flag answers."""
        ...


Step: TypeAlias = tuple[Test | None, Outcome, int | None, Any, Outcome]
"""One rule, compiled: ``test, outcome, share, by, outside``. No class, since a plain tuple is smaller, and unpacked at
once.

With a ``share`` the native bucketing is decided in place, of the prefix ``by``; without one ``by`` is the ``Take`` that
decides, or ``None``, where everybody who passes ``test`` gets ``outcome``. ``outside`` is the answer if no later rule
takes a player whom this one's share left out.
"""
