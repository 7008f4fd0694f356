"""Evidence, gathered: all that the loop knows of a rollout when it decides about it. Called by ``reconcile``.

What may be slow, metric sources and smoke checks, is asked beside the loop, and is remembered for as long as the
rollout goes on.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from croupier.control.calendars import Declared, closed_at
from croupier.control.flag_steps import FlagDoor, asked
from croupier.control.groups import Switched, Switches, turn_off
from croupier.control.observe import GateMemory, Seen, Turns, ask_gates, turns_of_sources
from croupier.control.overdue import tell_awaited
from croupier.control.pinning import Pinning
from croupier.control.ports import Ports, Sample, VersionKey
from croupier.control.shadowing import compared
from croupier.control.smoking import SmokeRuns
from croupier.control.under_way import UnderWay
from croupier.control.waiting import Interrupted, Patient, unless
from croupier.core.gates.judge import Said
from croupier.core.rollout.decide import Evidence
from croupier.core.rollout.events import Event, RoundsMoved
from croupier.core.rollout.flags.turn import Flags
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt, Transient

log = logging.getLogger("croupier.control")


@dataclass(slots=True)
class Gathering:
    """``said`` waits for the store; ``urgent`` ends waiting for a metric source. ``answered`` is set when a source, or
    a smoke check, says something that was not waited for.
    """

    ports: Ports
    pinning: Pinning
    said: Patient
    urgent: asyncio.Event
    switches: Switches
    flags: FlagDoor | None
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    _gates: dict[str, GateMemory] = field(default_factory=dict)
    _turns: Turns = field(default_factory=turns_of_sources)
    _smokes: SmokeRuns = field(init=False)

    def __post_init__(self) -> None:
        self._smokes = SmokeRuns(self.ports, self.answered)

    async def ask_gates(self, state: RolloutState, now: float, samples: list[Sample]) -> Mapping[str, Said]:
        """What the metric sources say; nothing where somebody wakes the loop meanwhile: no abort waits for a source."""
        memory = self._gates.setdefault(state.id, GateMemory(under_way=UnderWay(self.answered), turns=self._turns))
        try:
            return await unless(ask_gates(self.ports, state, now, memory, samples), self.urgent)
        except Interrupted:
            return {}

    async def evidence(
        self, state: RolloutState, seen: Seen, said: Mapping[str, Said], calendars: Declared, now: float
    ) -> Evidence:
        """What is known of the rollout, with what its gates' sources ``said``; nothing of one that is over."""
        if not state.phase.active:
            return Evidence()
        canary = VersionKey(state.service, state.canary)
        going_back = any(intent.key in state.as_one for intent in self.ports.spool.pending())
        if going_back:
            self._smokes.drop(state.id)
        switched = Switched() if going_back else await turn_off(self.switches, state)
        routed = seen.served.get(state.service) if seen.served is not None else None
        return Evidence(
            canary_ready=seen.unready(canary) is None,
            failure=seen.failure(canary),
            served=routed.unpinned if routed is not None else None,
            said=said,
            killed=switched.killed,
            refused=switched.refused,
            awaited=self.awaited(state.id, now),
            moved=await self._moved(state),
            flags=await self._flags(state, now),
            shut=closed_at(self.ports.almanac, calendars, state.service, now),
            compared=compared(self.ports, state),
            smoked=None if going_back else self._smokes.heard(state, now),
        )

    def awaited(self, rollout: str, now: float) -> frozenset[str]:
        """Gates of the rollout whose answers are overdue now, so that the canary's share waits for them."""
        memory = self._gates.get(rollout)
        return memory.under_way.late(now) if memory is not None else frozenset()

    def tell_awaited(self, state: RolloutState, known: Evidence, events: Sequence[Event], now: float) -> None:
        """Log which of them kept more than these ``events`` from being decided on what was ``known``."""
        if state.phase.active:
            tell_awaited(state, known, events, now, self._gates[state.id].awaited)

    def keep(self, rollouts: Collection[str]) -> None:
        """Ask nothing more about all other rollouts."""
        for name in self._gates.keys() - set(rollouts):
            self._gates.pop(name).under_way.drop_all()
        self._smokes.keep(rollouts)

    def stand_by(self) -> None:
        """Another control plane acts: the smoke checks are its own business now."""
        self._smokes.keep(())

    async def _flags(self, state: RolloutState, now: float) -> Flags | None:
        """What is known of the flags that it turns; nothing while the store does not say it."""
        turned = asked(state)
        if self.flags is None or not turned:
            return None
        try:
            return await self.said(self.flags.known(turned, now))
        except Transient:
            return None

    async def _moved(self, state: RolloutState) -> RoundsMoved | None:
        """The rounds that the rollout's end took away; they stay in the list that is kept, if not in the record."""
        try:
            return await self.pinning.moved(state) if state.phase is Phase.ABORTING else None
        except (Transient, Corrupt) as trouble:
            log.warning("%s: the rounds that it moves are not recorded: %s", state.id, trouble)
            return None
