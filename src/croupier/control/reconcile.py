"""The loop: observe -> decide -> record -> apply, level-triggered, for everything that is delivered.

Run by the server as one task. Every tick starts from what is recorded and what is really served, so a crash anywhere
resumes by itself. When the store is out of reach the loop keeps serving, moves nobody towards a canary, and still takes
players away from one: an abort is kept on disk, applied at once and recorded when the store is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Final, TypeVar

from croupier.control.applying import Applying
from croupier.control.calendars import NOTHING, closed_at, made_ready
from croupier.control.flag_steps import FlagDoor, asked, before_flags, happenings
from croupier.control.fleet import Fleet, read_fleet, wholes
from croupier.control.groups import NoSwitches, Switched, Switches, turn_off
from croupier.control.kept import with_kept
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
from croupier.control.pinning import Pinning
from croupier.control.ports import Intent, Lease, Ports, Sample, Stored, VersionKey
from croupier.control.ports.pins import VersionPins
from croupier.control.recording import CONTROLLER, Who, delivered, draft, fold, joined
from croupier.control.shadowing import compared
from croupier.control.smoking import SmokeRuns
from croupier.control.under_way import UnderWay
from croupier.control.waiting import Interrupted, unless
from croupier.core.gates.judge import Said
from croupier.core.releases import Release
from croupier.core.rollout.decide import Evidence
from croupier.core.rollout.events import (
    AbortStarted,
    Cause,
    Event,
    GateJudged,
    GroupSetAside,
    GroupWatched,
    RoundsMoved,
    SegmentHeld,
    SmokeFinished,
    WeightConfirmed,
)
from croupier.core.rollout.flags.turn import Flags
from croupier.core.rollout.segments.commands import may_be_held
from croupier.core.rollout.state import Phase, RolloutState
from croupier.core.rollout.together.decide import decide_each, everybody_leaves
from croupier.errors import Conflict, Corrupt, Fenced, Rejected, Transient

T = TypeVar("T")

STORE_PATIENCE_S: Final = 2.0
_LEASE = "controller"
_ROUNDS = 8
"""Rounds of one tick at the most; each but the last recorded something."""
_SEEN: Final = (GateJudged, GroupSetAside, GroupWatched, SmokeFinished, WeightConfirmed)
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
    flags: FlagDoor | None = None
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
    _smokes: SmokeRuns = field(init=False)
    _pinning: Pinning = field(init=False)

    def __post_init__(self) -> None:
        self._smokes = SmokeRuns(self.ports, self._answered)
        self._applying = Applying(self.ports, self._urgent, self._release)
        self._pinning = Pinning(self.ports, self._said)

    @property
    def fleet(self) -> Fleet | None:
        """What was last known to be recorded; ``None`` until the store was read once."""
        return self._fleet

    @property
    def open_rounds(self) -> Sequence[VersionPins]:
        """Open rounds by version, as of the last turn; none where another control plane acts."""
        return tuple(self._pinning.open.values()) if self._lease is not None else ()

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
        """Keep the abort (or what takes a segment's players away) on disk and act on it from now on; it is recorded
        when the store is back.
        """
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
        self._smokes.keep(())
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
            self._smokes.keep(())
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
        recording = self._pinning.heard = False
        try:
            if not await self._take_lease():
                self._smokes.keep(())
                return
            fleet = await self._read()
            recording = True
            await self._pinning.read(fleet)
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
            self._fleet = self._pinning.onto(self._fleet, seen)
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

    async def _read(self) -> Fleet:
        """What is recorded, read if the journal grew since; aborts that had to wait are recorded."""
        size = (await self._said(self.ports.journal.head())).size
        if self._stale or self._fleet is None or size != self._fleet.size:
            fleet = await self._said(read_fleet(self.ports.store, size))
            kept = await self._said(with_kept(self.ports.store, fleet, self._fleet))
            self._fleet = replace(fleet, rollouts=kept)
            self._applying.lingering.note(self._fleet)
            self._stale = False
            self._forget_ended(self._fleet)
            for rollout, why in self._fleet.unreadable.items():
                log.error("%s stays out of it, its players are on the stable version: %s", rollout, why)
        for intent in self.ports.spool.pending():
            try:
                await self._settle(self._fleet, intent)
            except Rejected:  # a mistake of ours: it is acted on all the same, and keeps nobody else waiting
                log.exception("%s: its abort cannot be recorded", intent.rollout)
        services = {stored.value.service for stored in self._fleet.rollouts.values()}
        now = self.ports.clock.now()
        await self._said(made_ready(self.ports.almanac, self._fleet.calendars, services, now))
        return self._fleet

    def _forget_ended(self, fleet: Fleet) -> None:
        """What was in memory of rollouts that are over."""
        active = {name: stored for name, stored in fleet.rollouts.items() if stored.value.phase.active}
        for name in self._gates.keys() - active.keys():
            self._gates.pop(name).under_way.drop_all()
        self._smokes.keep(active)
        self._remembered = {name: known for name, known in self._remembered.items() if name in active}

    async def _settle(self, fleet: Fleet, intent: Intent) -> None:
        if intent.rollout in fleet.unreadable:
            return
        stored = fleet.rollouts.get(intent.rollout)
        if stored is not None and still_meant(stored.value, intent):
            who = Who(intent.actor, "hold" if isinstance(intent.event, SegmentHeld) else "abort", intent.event.reason)
            await self._record(fleet, ((stored, (intent.event,)),), who)
        self.ports.spool.remove(intent.key)

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
        answers = await asyncio.gather(*asked, return_exceptions=True)
        said: dict[str, Mapping[str, Said]] = {}
        troubled: set[str] = set()
        for stored, answer in zip(active, answers, strict=True):
            if isinstance(answer, BaseException):
                log.error("%s: its gates could not be asked; the others go on", stored.value.id, exc_info=answer)
                troubled.add(stored.value.id)
            else:
                said[stored.value.id] = answer
        for group in wholes(fleet.rollouts):
            if any(each in troubled for each in group):
                continue
            try:
                # Where one record failed, the others are not tried: each may take all our patience.
                able = recording and not self._stale
                changed |= await self._decide_group(self._fleet or fleet, group, seen, said, now, recording=able)
            except (Fenced, Transient):
                raise
            except Conflict as overtaken:
                late = overtaken
            except Exception:  # one rollout's surprise must not keep another one's abort from being acted on
                log.exception("%s: could not be decided; the others go on", group[0])
        if late is not None:
            raise late
        return changed

    async def _decide_group(
        self,
        fleet: Fleet,
        group: Sequence[str],
        seen: Seen,
        said: Mapping[str, Mapping[str, Said]],
        now: float,
        *,
        recording: bool,
    ) -> bool:
        """Decide for rollouts that move as one, or for one that is alone; whether anything was recorded."""
        members = [fleet.rollouts[each] for each in group]
        evidence = [await self._evidence(stored.value, seen, said.get(stored.value.id, {}), now) for stored in members]
        if recording:
            decided = decide_each([stored.value for stored in members], evidence, now)
            for stored, known, events in zip(members, evidence, decided, strict=True):
                if stored.value.phase.active:
                    tell_awaited(stored.value, known, events, now, self._gates[stored.value.id].awaited)
            if not any(decided):
                return False
            try:
                await self._record(fleet, tuple(zip(members, decided, strict=True)), Who(CONTROLLER, "decide"))
            except (Transient, Corrupt) as trouble:
                log.warning("%s: not recorded: %s", group[0], trouble)
                self._stale = True
            except Rejected:  # a mistake of ours, told with its place: an abort is acted on all the same
                log.exception("%s: what was decided cannot be recorded", group[0])
            else:
                return True
        self._decide_unrecorded(members, [replace(each, recording=False, flags=None) for each in evidence], now)
        return False

    async def _evidence(self, state: RolloutState, seen: Seen, said: Mapping[str, Said], now: float) -> Evidence:
        """What was seen of one rollout; nothing of one that is over."""
        if not state.phase.active:
            return Evidence()
        canary = VersionKey(state.service, state.canary)
        going_back = any(intent.key == state.id for intent in self.ports.spool.pending())
        switched = Switched() if going_back else await turn_off(self.switches, state)
        routed = seen.served.get(state.service) if seen.served is not None else None
        served = routed.unpinned if routed is not None else None
        ready, failure = seen.unready(canary) is None, seen.failure(canary)
        awaited = self._gates[state.id].under_way.late(now)
        moved = await self._moved(state)
        calendars = self._fleet.calendars if self._fleet is not None else NOTHING
        if going_back:
            self._smokes.drop(state.id)
        return Evidence(
            ready,
            failure,
            served,
            said,
            switched.killed,
            switched.refused,
            awaited=awaited,
            moved=moved,
            flags=await self._flags(state, now),
            shut=closed_at(self.ports.almanac, calendars, state.service, now),
            compared=compared(self.ports, state),
            smoked=None if going_back else self._smokes.heard(state, now),
        )

    async def _flags(self, state: RolloutState, now: float) -> Flags | None:
        """What is known of the flags that it turns; nothing while the store does not say it."""
        turned = asked(state)
        if self.flags is None or not turned:
            return None
        try:
            return await self._said(self.flags.known(turned, now))
        except Transient:
            return None

    async def _moved(self, state: RolloutState) -> RoundsMoved | None:
        """The rounds that the rollout's end took away; they stay in the list that is kept, if not in the record."""
        try:
            return await self._pinning.moved(state) if state.phase is Phase.ABORTING else None
        except (Transient, Corrupt) as trouble:
            log.warning("%s: the rounds that it moves are not recorded: %s", state.id, trouble)
            return None

    async def _ask_gates(self, state: RolloutState, now: float, samples: list[Sample]) -> Mapping[str, Said]:
        """What the metric sources say; nothing where somebody wakes the loop meanwhile: no abort waits for a source."""
        memory = self._gates.setdefault(state.id, GateMemory(under_way=UnderWay(self._answered), turns=self._turns))
        try:
            return await unless(ask_gates(self.ports, state, now, memory, samples), self._urgent)
        except Interrupted:
            return {}

    def _decide_unrecorded(
        self, members: Sequence[Stored[RolloutState]], evidence: Sequence[Evidence], now: float
    ) -> None:
        """Without the store only one decision is acted on: taking players away from the canary, and from those that go
        with it. Gates count on in memory, so that one that needs several looks gets there, also where the weight is
        confirmed only now; the next record begins at what is recorded.
        """
        known = [self._known(stored) for stored in members]
        states = [each.value for each in known]
        decided = decide_each(states, evidence, now)
        for stored, before, events in zip(members, known, decided, strict=True):
            seen = tuple(takewhile(lambda event: isinstance(event, _SEEN), events))
            self._remembered[stored.value.id] = Stored(fold(before, seen).value, stored.version)
        for state, abort in zip(states, everybody_leaves(states, decided, now), strict=True):
            if abort is not None:
                self.ports.spool.add(Intent(state.id, abort, CONTROLLER))

    def _known(self, stored: Stored[RolloutState]) -> Stored[RolloutState]:
        """The rollout with what its gates counted since the record was out of reach."""
        known = self._remembered.get(stored.value.id)
        return stored if known is None or known.version != stored.version else known

    async def _record(
        self, fleet: Fleet, changes: Sequence[tuple[Stored[RolloutState], tuple[Event, ...]]], who: Who
    ) -> None:
        now = self.ports.clock.now()
        drafts = [
            draft(stored, fleet.deliveries[stored.value.service], events, who, now, lease=self._lease)
            for stored, events in changes
            if events
        ]
        commit = joined(drafts)
        flags = [each for stored, events in changes for each in happenings(stored.value.id, events)]
        try:
            if flags and self.flags is not None:
                commit = await self.flags.join(commit, flags, who)
            newest = max(await self._said(self.ports.store.commit(commit)))
        except Conflict:
            if not flags or self.flags is None:
                raise
            await self._said(self.flags.refresh())
            sooner = [(stored, before_flags(events)) for stored, events in changes]
            if not any(isinstance(event, AbortStarted) for _, events in sooner for event in events):
                raise
            await self._record(fleet, sooner, who)
            return
        if flags and self.flags is not None:
            await self.flags.tell(commit)
        # Somebody else's entry in between means that there is more to read: the size then stays behind, and we read.
        size = fleet.size + len(commit.entries)
        size = size if newest == size - 1 else fleet.size
        for drafted in drafts:
            fleet = fleet.with_rollout(drafted.rollout, drafted.delivery, size)
        self._fleet = fleet
        self._applying.lingering.note(self._fleet)

    async def _apply(self, seen: Seen) -> Fleet:
        """Push the wanted traffic and workloads; returns the fleet whose traffic was pushed."""
        fleet = self._bound_for_stable()
        await self._applying.apply(fleet, seen)
        return fleet

    async def _release(self, key: VersionKey) -> Release | None:
        return await self._said(self.ports.store.release(key.service, key.version))

    def _bound_for_stable(self) -> Fleet:
        """The fleet with the aborts and holds that could not be recorded yet: their players go to the stable version
        all the same.
        """
        fleet = self._fleet or Fleet()
        for intent in self.ports.spool.pending():
            stored = fleet.rollouts.get(intent.rollout)
            if stored is not None and still_meant(stored.value, intent):
                folded, delivery = fold(stored, (intent.event,)), fleet.deliveries.get(stored.value.service)
                moved = delivered(delivery, folded.value) if delivery is not None else None
                fleet = fleet.with_rollout(folded, moved, fleet.size)
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


def still_meant(state: RolloutState, intent: Intent) -> bool:
    """Whether it would change anything now."""
    if isinstance(intent.event, SegmentHeld):
        return may_be_held(state, intent.event.segment)
    if state.phase is Phase.SUCCEEDED:
        return intent.event.cause is Cause.UNDO
    return state.phase.active and state.phase is not Phase.ABORTING
