"""What the pages remember of a rollout's history: read once, and then only what is new. Kept by the application.

A rollout whose gates look every second has thousands of entries by its end, and its page is asked for anew with each.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from pydantic import TypeAdapter, ValidationError

from croupier.control.ports import Recorded, Stored
from croupier.core.gates import SequentialRule, Verdict
from croupier.core.gates.sequential.evidence import Evidence
from croupier.core.rollout.standing import empty_by_chance
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.turns import Turns
from croupier.server.api import models as m
from croupier.server.api import record_views
from croupier.server.context import Context
from croupier.server.web.charts import Mark, marks
from croupier.server.web.evolution import Track

TURNS: Final = 30
"""So many of the newest turns are shown."""
_BATCH: Final = 400
_INLINE: Final = 10
"""So few entries are read where the page is answered; more would keep others waiting."""
_FOLLOWED: Final = 100
"""So many looks of a batch are drawn at the most; evidence adds up, so that the next one has what one left out had."""
_KNOWN: Final = 50
_EVIDENCE: Final = TypeAdapter(Evidence)

Data = Mapping[str, Any]


@dataclass(slots=True)
class Tale:
    """One rollout's history as far as it was read, or the end of an attempt: ``up_to`` that one.

    ``looks`` were folded away; ``marks`` and ``tracks`` are of the last attempt that was read.
    """

    up_to: float = math.inf
    read_to: int = -1
    marks: tuple[Mark, ...] = ()
    turns: deque[m.HistoryItem] = field(default_factory=lambda: deque(maxlen=TURNS))
    looks: int = 0
    tracks: dict[str, Track] = field(default_factory=dict)
    _folding: Turns = field(default_factory=Turns)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read_on(self, here: Context, state: RolloutState) -> None:
        """Take what was recorded since."""
        async with self._turn:
            while entries := await here.ports.journal.entries(self.read_to, _BATCH, f"rollout/{state.id}"):
                few = len(entries) <= _INLINE
                ended = self._take(state, entries) if few else await asyncio.to_thread(self._take, state, entries)
                self.read_to = entries[-1].seq
                if ended or len(entries) < _BATCH:
                    return

    def _take(self, state: RolloutState, entries: Sequence[Recorded]) -> bool:
        """Entries of the rollout, oldest first; whether they had the end in them."""
        stride, looked = 1 + len(entries) // _FOLLOWED, Counter[str]()
        for recorded in reversed(entries):
            for data in recorded.entry.events:
                looked[_gate(data)] += 1
        for recorded in entries:
            for data in recorded.entry.events:
                if data.get("type") == "retried":
                    if data.get("attempt", 0) > self.up_to:
                        return True
                    self.tracks = {}
                self.marks = marks((data,), self.marks)
                name = _gate(data)
                looked[name] -= 1
                said = self._look(state, name, data, draw=looked[name] % stride == 0) if name else None
                if self._folding.is_turn(str(data.get("type")), name or None, said):
                    self.turns.append(record_views.told(recorded, data, state).model_copy(update={"data": {}}))
                else:
                    self.looks += 1
        return False

    def _look(self, state: RolloutState, name: str, data: Data, *, draw: bool) -> Verdict | None:
        """What the gate says since this look of all that it gathered; ``None`` where it gathers nothing."""
        gate, held = state.plan.gate(name), data["state"]
        if not isinstance(gate.rule, SequentialRule) or not held.get("evidence") or not held.get("latest"):
            return None
        verdict = Verdict(held["latest"]["verdict"])
        if draw or verdict is Verdict.NO_DATA:
            try:
                evidence = _EVIDENCE.validate_python(held["evidence"])
            except ValidationError:  # of a later version than ours
                return verdict
            self.tracks.setdefault(name, Track()).take(gate, evidence, data["at"])
            if verdict is Verdict.NO_DATA and held["latest"]["findings"] and empty_by_chance(gate.rule, evidence):
                return Verdict.INCONCLUSIVE
        return verdict


def _gate(data: Data) -> str:
    """The gate that looked; nothing where it is another event."""
    return str(data["state"]["gate"]) if data.get("type") == "gate_judged" else ""


@dataclass(slots=True)
class Past:
    """The tales that were asked for lately."""

    _tales: dict[str, Tale] = field(default_factory=dict)

    async def tale(self, here: Context, stored: Stored[RolloutState]) -> Tale:
        """The rollout's, up to now."""
        name = stored.value.id
        tale = self._tales.pop(name, None) or Tale()
        self._tales = {**dict(list(self._tales.items())[1 - _KNOWN :]), name: tale}
        await tale.read_on(here, stored.value)
        return tale


def past_of(request: Request) -> Past:
    """The memory of the application that serves this request."""
    found: Past | None = getattr(request.app.state, "past", None)
    if found is None:
        found = request.app.state.past = Past()
    return found


Memory = Annotated[Past, Depends(past_of)]
