"""The loop: observe -> decide -> record -> apply, level-triggered, for everything that is delivered.

Run by the server as one task. Every tick starts from what is recorded and what is really served, so a crash anywhere
resumes by itself. When the store is out of reach the loop keeps serving, moves nobody towards a canary, and still takes
players away from one: an abort is kept on disk, applied at once and recorded when the store is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Final, TypeVar

from croupier.control.applying import Applying
from croupier.control.fleet import Fleet, read_fleet
from croupier.control.groups import NoSwitches, Switched, Switches, turn_off
from croupier.control.observe import (
    GateMemory,
    Seen,
    Turns,
    View,
    ask_gates,
    keep_samples,
    turns_of_sources,
)
from croupier.control.overdue import tell_awaited
from croupier.control.ports import Intent, Lease, Ports, Sample, Stored, VersionKey
from croupier.control.recording import CONTROLLER, Who, draft, fold, record
from croupier.control.under_way import UnderWay
from croupier.control.waiting import Interrupted, unless
from croupier.core.gates.judge import Said
from croupier.core.releases import Release
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.events import AbortStarted, Event, GateJudged, GroupSetAside, GroupWatched, WeightConfirmed
from croupier.core.rollout.state import Phase, RolloutState
from croupier.errors import Conflict, Corrupt, Fenced, Rejected, Transient

T = TypeVar("T")

STORE_PATIENCE_S: Final = 2.0
_LEASE = "controller"
_ROUNDS = 8
"""Rounds of one tick at the most; each but the last recorded something."""
_SEEN: Final = (GateJudged, GroupSetAside, GroupWatched, WeightConfirmed)
"""What only says what was seen, and moves nobody."""

log = logging.getLogger("croupier.control")


@dataclass(slots=True)
class Reconciler:
    """Drives every active rollout. ``holder`` names this process for the lease; ``lease_ttl_s`` bounds a takeover.
    A store that says nothing for ``store_patience_s`` counts as out of reach.
    """

    ports: Ports
    holder: str
    lease_ttl_s: float = 10.0
    store_patience_s: float = field(default_factory=lambda: STORE_PATIENCE_S)
    switches: Switches = field(default_factory=NoSwitches)
    _lease: Lease | None = None
    _fleet: Fleet | None = None
    _stale: bool = True
    _view: View = field(default_factory=View)
    _gates: dict[str, GateMemory] = field(default_factory=dict)
    _turns: Turns = field(default_factory=turns_of_sources)
    _remembered: dict[str, Stored[RolloutState]] = field(default_factory=dict)
    _urgent: asyncio.Event = field(default_factory=asyncio.Event)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    """A metric source has answered that was not waited for."""
    _unrecorded: asyncio.Event = field(default_factory=asyncio.Event)
    """There is an abort whose record nobody waits for."""
    _applying: Applying = field(init=False)

    def __post_init__(self) -> None:
        self._applying = Applying(self.ports, self._urgent, self._release)

    @property
    def fleet(self) -> Fleet | None:
        """What was last known to be recorded; ``None`` until the store was read once."""
        return self._fleet

    def wake(self) -> None:
        """Something changed that must not wait: end what is being waited for and start a new tick."""
        self._urgent.set()

    def awaited(self, rollout: str) -> frozenset[str]:
        """Gates of the rollout whose answers are overdue now, so that the canary's share waits for them; none where
        another control plane asks.
        """
        memory = self._gates.get(rollout) if self._lease is not None else None
        return memory.under_way.late(self.ports.clock.now()) if memory is not None else frozenset()

    @property
    def woken(self) -> bool:
        """Whether the next tick is to begin at once."""
        return self._urgent.is_set() or self._answered.is_set()

    def abort_unrecorded(self, intent: Intent) -> None:
        """Keep the abort on disk and act on it from now on; it is recorded when the store is back."""
        self.ports.spool.add(intent)
        self._unrecorded.set()
        self.wake()

    async def run(self, interval_s: float, stop: asyncio.Event) -> None:
        """Tick until ``stop``; the lease is given back at the end so that a successor need not wait."""
        while not stop.is_set():
            try:
                await self.tick()
            except Exception:  # a mistake of ours: were the loop to end, no abort would move a player any more
                log.exception("tick failed; going on")
            await self._rest(interval_s, stop)
        for memory in self._gates.values():
            memory.under_way.drop_all()
        if self._lease:
            await self.ports.leases.release(self._lease)

    async def tick(self) -> None:
        """One turn of the loop. Trouble outside ends the turn, not the loop; the next starts from what is recorded."""
        self._urgent.clear()
        self._answered.clear()
        try:
            await self._turn()
        except Fenced as lost:
            self._lease, self._fleet = None, None
            log.warning("another control plane has taken over: %s", lost)
        except Conflict as late:
            self._stale = True
            self.wake()
            log.info("somebody was faster, reading again: %s", late)
        except Transient as trouble:
            self._stale = True
            log.warning("tick ended early: %s", trouble)

    async def _turn(self) -> None:
        if self._unrecorded.is_set():
            self._unrecorded.clear()
            await self._move_away()
        recording = False
        try:
            if not await self._take_lease():
                return
            await self._read()
            recording = True
        except (Transient, Corrupt) as trouble:
            log.warning("store out of reach, holding course: %s", trouble)
        await self._rounds(recording=recording)

    async def _move_away(self) -> None:
        """Act on an abort before anything else is asked of the store, which was just found to hesitate."""
        if self._fleet is not None:
            try:
                await self._apply(await self._view.look(self.ports, self._fleet))
            except Transient as trouble:
                log.warning("not yet moved away: %s", trouble)

    async def _said(self, asked: Awaitable[T]) -> T:
        """What the store says. ``Transient`` where it says nothing for too long, or while an abort should not wait."""
        try:
            return await unless(asked, self._unrecorded, for_s=self.store_patience_s)
        except Interrupted:
            raise Transient("the store does not answer.") from None

    async def _rounds(self, *, recording: bool) -> None:
        if self._fleet is None:  # nothing was ever read: what the data plane serves is better than what we know
            return
        samples: list[Sample] = []
        for _ in range(_ROUNDS):
            seen = await self._view.look(self.ports, self._fleet)
            changed = await self._decide_all(self._fleet, seen, samples, recording=recording)
            fleet = await self._apply(seen)
            # What was moved is looked at again at once, so that its confirmation does not wait for the next tick.
            if not (changed or seen.moves(fleet)) or self._urgent.is_set():
                break
        await self._said(keep_samples(self.ports, samples))

    async def _take_lease(self) -> bool:
        """Hold the lease, renewing it after a third of its life; false while somebody else holds it.

        What was read before another site held it is forgotten: holding course on it would undo what that site did.
        """
        now, held = self.ports.clock.now(), self._lease
        if held is None or held.expires_at - now <= self.lease_ttl_s * 2 / 3:
            self._lease = await self._said(self.ports.leases.acquire(_LEASE, self.holder, self.lease_ttl_s, now))
            # One token further is our own lease taken anew; further than that, somebody was there in between.
            if self._lease is None or held is None or self._lease.token > held.token + 1:
                self._fleet = None
        return self._lease is not None

    async def _read(self) -> None:
        """Read what is recorded, if the journal grew since; record aborts that had to wait."""
        size = (await self._said(self.ports.journal.head())).size
        if self._stale or self._fleet is None or size != self._fleet.size:
            self._fleet = await self._said(read_fleet(self.ports.store, size))
            self._stale = False
            self._forget_ended(self._fleet)
            for rollout, why in self._fleet.unreadable.items():
                log.error("%s stays out of it, its players are on the stable version: %s", rollout, why)
        for intent in self.ports.spool.pending():
            try:
                await self._settle(self._fleet, intent)
            except Rejected:  # a mistake of ours: it is acted on all the same, and keeps nobody else waiting
                log.exception("%s: its abort cannot be recorded", intent.rollout)

    def _forget_ended(self, fleet: Fleet) -> None:
        """What was in memory of rollouts that are over."""
        for name in self._gates.keys() - fleet.rollouts.keys():
            self._gates.pop(name).under_way.drop_all()
        self._remembered = {name: known for name, known in self._remembered.items() if name in fleet.rollouts}

    async def _settle(self, fleet: Fleet, intent: Intent) -> None:
        if intent.rollout in fleet.unreadable:
            return
        stored = fleet.rollouts.get(intent.rollout)
        if stored is not None and not _is_given_up(stored.value):
            await self._record(fleet, stored, (intent.event,), Who(intent.actor, "abort", intent.event.reason))
        self.ports.spool.remove(intent.rollout)

    async def _decide_all(self, fleet: Fleet, seen: Seen, samples: list[Sample], *, recording: bool) -> bool:
        """Decide for each active rollout; whether anything was recorded. A rollout that cannot be decided for a reason
        that nobody foresaw stays where it is, and keeps no other one from its abort; nor does one that somebody else
        changed meanwhile, or whose metric source is slow.
        """
        changed = False
        late: Conflict | None = None
        active = [stored for stored in fleet.rollouts.values() if stored.value.phase.active]
        now = self.ports.clock.now()
        # Gates that count on in memory are asked for what they have not counted yet.
        asked = (self._ask_gates(self._known(stored).value, now, samples) for stored in active)
        for stored, said in zip(active, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(said, BaseException):
                log.error("%s: its gates could not be asked; the others go on", stored.value.id, exc_info=said)
                continue
            try:
                # Where one record failed, the others are not tried: each may take all our patience.
                able = recording and not self._stale
                changed |= await self._decide_one(self._fleet or fleet, stored, seen, said, now, recording=able)
            except (Fenced, Transient):
                raise
            except Conflict as overtaken:
                late = overtaken
            except Exception:  # one rollout's surprise must not keep another one's abort from being acted on
                log.exception("%s: could not be decided; the others go on", stored.value.id)
        if late is not None:
            raise late
        return changed

    async def _decide_one(
        self,
        fleet: Fleet,
        stored: Stored[RolloutState],
        seen: Seen,
        said: Mapping[str, Said],
        now: float,
        *,
        recording: bool,
    ) -> bool:
        state = stored.value
        canary = VersionKey(state.service, state.canary)
        going_back = any(intent.rollout == state.id for intent in self.ports.spool.pending())
        switched = Switched() if going_back else await turn_off(self.switches, state)
        served = seen.served.get(state.service) if seen.served is not None else None
        ready, failure = seen.unready(canary) is None, seen.failure(canary)
        memory = self._gates[state.id]
        awaited = memory.under_way.late(now)
        evidence = Evidence(ready, failure, served, said, switched.killed, switched.refused, recording, awaited)
        if recording:
            events = decide(state, evidence, now)
            tell_awaited(state, evidence, events, now, memory.awaited)
            if not events:
                return False
            try:
                await self._record(fleet, stored, events, Who(CONTROLLER, "decide"))
            except (Transient, Corrupt) as trouble:
                log.warning("%s: not recorded: %s", state.id, trouble)
                self._stale = True
            except Rejected:  # a mistake of ours, told with its place: an abort is acted on all the same
                log.exception("%s: what was decided cannot be recorded", state.id)
            else:
                return True
        self._decide_unrecorded(stored, replace(evidence, recording=False), now)
        return False

    async def _ask_gates(self, state: RolloutState, now: float, samples: list[Sample]) -> Mapping[str, Said]:
        """What the metric sources say; nothing where somebody wakes the loop meanwhile: no abort waits for a source."""
        memory = self._gates.setdefault(state.id, GateMemory(under_way=UnderWay(self._answered), turns=self._turns))
        try:
            return await unless(ask_gates(self.ports, state, now, memory, samples), self._urgent)
        except Interrupted:
            return {}

    def _decide_unrecorded(self, stored: Stored[RolloutState], evidence: Evidence, now: float) -> None:
        """Without the store only one decision is acted on: taking players away from the canary. Gates count on in
        memory, so that one that needs several looks gets there, also where the weight is confirmed only now; the next
        record begins at what is recorded.
        """
        known = self._known(stored)
        events = decide(known.value, evidence, now)
        seen = tuple(takewhile(lambda event: isinstance(event, _SEEN), events))
        self._remembered[stored.value.id] = Stored(fold(known, seen).value, stored.version)
        for event in events:
            if isinstance(event, AbortStarted):
                self.ports.spool.add(Intent(stored.value.id, event, CONTROLLER))

    def _known(self, stored: Stored[RolloutState]) -> Stored[RolloutState]:
        """The rollout with what its gates counted since the record was out of reach."""
        known = self._remembered.get(stored.value.id)
        return stored if known is None or known.version != stored.version else known

    async def _record(self, fleet: Fleet, stored: Stored[RolloutState], events: tuple[Event, ...], who: Who) -> None:
        delivery = fleet.deliveries[stored.value.service]
        drafted = draft(stored, delivery, events, who, self.ports.clock.now(), lease=self._lease)
        outcome = await self._said(record(self.ports.store, drafted))
        # Somebody else's entry in between means that there is more to read: the size then stays behind, and we read.
        size = fleet.size + (outcome.seq == fleet.size)
        self._fleet = fleet.with_rollout(outcome.rollout, outcome.delivery, size)
        self._applying.lingering.note(self._fleet)

    async def _apply(self, seen: Seen) -> Fleet:
        """Push the wanted traffic and workloads; returns the fleet whose traffic was pushed."""
        fleet = self._bound_for_stable()
        await self._applying.apply(fleet, seen)
        return fleet

    async def _release(self, key: VersionKey) -> Release | None:
        return await self._said(self.ports.store.release(key.service, key.version))

    def _bound_for_stable(self) -> Fleet:
        """The fleet with the aborts that could not be recorded yet: their players go to the stable version all the
        same.
        """
        fleet = self._fleet or Fleet()
        for intent in self.ports.spool.pending():
            stored = fleet.rollouts.get(intent.rollout)
            if stored is not None and not _is_given_up(stored.value):
                fleet = fleet.with_rollout(fold(stored, (intent.event,)), None, fleet.size)
        return fleet

    async def _rest(self, interval_s: float, stop: asyncio.Event) -> None:
        """Sleep until the next tick is due, somebody wakes us, or it is over."""
        waits = [
            asyncio.ensure_future(self.ports.clock.sleep(interval_s)),
            asyncio.ensure_future(self._urgent.wait()),
            asyncio.ensure_future(self._answered.wait()),
            asyncio.ensure_future(stop.wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()


def _is_given_up(state: RolloutState) -> bool:
    """Whether an abort would change nothing any more."""
    return not state.phase.active or state.phase is Phase.ABORTING
