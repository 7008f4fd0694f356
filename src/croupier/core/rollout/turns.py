"""Which events of a history are turns. Pure; the page and ``rollout history`` fold the others away.

A gate that gathers evidence looks every few seconds, and each look is recorded, since its counts are evidence. People
want to read where it changed its mind.
"""

from collections.abc import Hashable


class Turns:
    """Told of one event after the other, oldest first, remembers what each gate said last."""

    def __init__(self) -> None:
        self._said: dict[str, Hashable] = {}

    def is_turn(self, kind: str, gate: str | None, standing: Hashable | None) -> bool:
        """Whether the event is worth a line. ``kind`` is its type; ``standing`` what a gate that gathers evidence says
        since this look, ``None`` for everything else, which always is.
        """
        if kind == "retried":
            self._said = {}  # another attempt gathers its evidence anew
        if gate is None or standing is None:
            return True
        before = self._said.get(gate)
        self._said[gate] = standing
        return before != standing
