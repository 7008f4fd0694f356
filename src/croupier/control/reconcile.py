"""The loop: observe -> decide -> record -> apply, level-triggered, for everything that is delivered.

Run by the server as one task. Every tick starts from what is recorded and what is really served, so a crash anywhere
resumes by itself. When the store is out of reach the loop keeps serving, moves nobody towards a canary, and still takes
players away from one: an abort is kept on disk, applied at once and recorded when the store is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from croupier.control.applying import Applying
from croupier.control.calendars import made_ready
from croupier.control.flag_steps import FlagDoor, before_flags, happenings
from croupier.control.fleet import Fleet, read_fleet, wholes
from croupier.control.gathering import Gathering
from croupier.control.groups import NoSwitches, Switches
from croupier.control.kept import with_kept
from croupier.control.observe import Seen, View, keep_samples
from croupier.control.pinning import Pinning
from croupier.control.ports import Intent, Lease, Ports, Sample, Stored, VersionKey
from croupier.control.ports.pins import VersionPins
from croupier.control.recording import CONTROLLER, Who, draft, joined
from croupier.control.unrecorded import Unrecorded, still_meant
from croupier.control.waiting import Interrupted, unless
from croupier.control.way_back import leaving_as_one
from croupier.core.gates.judge import Said
from croupier.core.releases import Release
from croupier.core.rollout.events import AbortStarted, Event, SegmentHeld
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.decide import decide_each
from croupier.errors import Conflict, Corrupt, Fenced, Rejected, Transient

T = TypeVar("T")

STORE_PATIENCE_S: Final = 2.0
_LEASE = "controller"
_ROUNDS = 8
"""Rounds of one tick at the most; each but the last recorded something."""

log = logging.getLogger("croupier.control")


@dataclass(slots=True)
class Reconciler:
    """Drives every active rollout. ``holder`` names this process for the lease; ``lease_ttl_s`` bounds a takeover.
    A store that says nothing for ``store_patience_s`` counts as out of reach. ``jumped_s`` is how far the clock was set
    forward while no control plane ran: that ages no open round.
    """

    ports: Ports
    holder: str
    lease_ttl_s: float = 10.0
    store_patience_s: float = field(default_factory=lambda: STORE_PATIENCE_S)
    switches: Switches = field(default_factory=NoSwitches)
    flags: FlagDoor | None = None
    jumped_s: float = 0.0
    _lease: Lease | None = None
    _fleet: Fleet | None = None
    _stale: bool = True
    _view: View = field(default_factory=View)
    _urgent: asyncio.Event = field(default_factory=asyncio.Event)
    _abort_kept: asyncio.Event = field(default_factory=asyncio.Event)
    """There is an abort whose record nobody waits for."""
    _applying: Applying = field(init=False)
    _gathering: Gathering = field(init=False)
    _pinning: Pinning = field(init=False)
    _unrecorded: Unrecorded = field(init=False)

    def __post_init__(self) -> None:
        self._applying = Applying(self.ports, self._urgent, self._release)
        self._pinning = Pinning(self.ports, self._said, _jumped=max(0.0, self.jumped_s))
        self._gathering = Gathering(self.ports, self._pinning, self._said, self._urgent, self.switches, self.flags)
        self._unrecorded = Unrecorded(self.ports.spool)

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
        if self._lease is None:
            return frozenset()
        return self._gathering.awaited(rollout, self.ports.clock.now())

    @property
    def woken(self) -> bool:
        """Whether the next tick is to begin at once."""
        return self._urgent.is_set() or self._gathering.answered.is_set()

    def abort_unrecorded(self, intent: Intent) -> None:
        """Keep the abort (or what takes a segment's players away) on disk and act on it from now on; it is recorded
        when the store is back.
        """
        self.ports.spool.add(intent)
        self._abort_kept.set()
        self.wake()

    async def run(self, interval_s: float, stop: asyncio.Event) -> None:
        """Tick until ``stop``; the lease is given back at the end so that a successor need not wait."""
        while not stop.is_set():
            try:
                await self.tick()
            except Exception:  # a mistake of ours: were the loop to end, no abort would move a player any more
                log.exception("tick failed; going on")
            await self._rest(interval_s, stop)
        self._gathering.keep(())
        if self._lease:
            await self.ports.leases.release(self._lease)

    async def tick(self) -> None:
        """One turn of the loop. Trouble outside ends the turn, not the loop; the next starts from what is recorded."""
        self._urgent.clear()
        self._gathering.answered.clear()
        try:
            await self._turn()
        except Fenced as lost:
            self._lease, self._fleet = None, None
            self._gathering.stand_by()
            log.warning("another control plane has taken over: %s", lost)
        except Conflict as late:
            self._stale = True
            self.wake()
            log.info("somebody was faster, reading again: %s", late)
        except Transient as trouble:
            self._stale = True
            log.warning("tick ended early: %s", trouble)

    async def _turn(self) -> None:
        if self._abort_kept.is_set():
            self._abort_kept.clear()
            await self._move_away()
        recording = self._pinning.heard = False
        try:
            if not await self._take_lease():
                self._gathering.stand_by()
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
                seen = await self._view.look(self.ports, self._fleet)
                # What was read last may not have been brought together with the open rounds yet.
                self._fleet = self._pinning.onto(self._fleet, seen)
                await self._apply(seen)
            except Transient as trouble:
                log.warning("not yet moved away: %s", trouble)

    async def _said(self, asked: Awaitable[T]) -> T:
        """What the store says. ``Transient`` where it says nothing for too long, or while an abort should not wait."""
        try:
            return await unless(asked, self._abort_kept, for_s=self.store_patience_s)
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
            kept = await with_kept(self.ports.store, self._said, fleet, self._fleet)
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
        self._gathering.keep(active)
        self._unrecorded.keep(active)

    async def _settle(self, fleet: Fleet, intent: Intent) -> None:
        if intent.rollout in fleet.unreadable:
            return
        stored = fleet.rollouts.get(intent.rollout)
        if stored is not None and still_meant(fleet, stored.value, intent):
            who = Who(intent.actor, "hold" if isinstance(intent.event, SegmentHeld) else "abort", intent.event.reason)
            await self._record(fleet, leaving_as_one(fleet, stored, intent.event), who)
        elif stored is not None and stored.value.phase is Phase.SUCCEEDED:
            log.warning("%s is not taken back: another rollout came after it", intent.rollout)
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
        asked = (self._gathering.ask_gates(self._unrecorded.known(stored).value, now, samples) for stored in active)
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
        evidence = [
            await self._gathering.evidence(stored.value, seen, said.get(stored.value.id, {}), fleet.calendars, now)
            for stored in members
        ]
        if recording:
            decided = decide_each([stored.value for stored in members], evidence, now)
            for stored, known, events in zip(members, evidence, decided, strict=True):
                self._gathering.tell_awaited(stored.value, known, events, now)
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
        self._unrecorded.decide(members, evidence, now)
        return False

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
            sooner = before_flags([events for _, events in changes])
            if not any(isinstance(event, AbortStarted) for events in sooner for event in events):
                raise
            stored = [each for each, _ in changes]
            await self._record(fleet, tuple(zip(stored, sooner, strict=True)), who)
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
        fleet = self._unrecorded.bound_for_stable(self._fleet or Fleet())
        await self._applying.apply(fleet, seen)
        return fleet

    async def _release(self, key: VersionKey) -> Release | None:
        return await self._said(self.ports.store.release(key.service, key.version))

    async def _rest(self, interval_s: float, stop: asyncio.Event) -> None:
        """Sleep until the next tick is due, somebody wakes us, or it is over."""
        waits = [
            asyncio.ensure_future(self.ports.clock.sleep(interval_s)),
            asyncio.ensure_future(self._urgent.wait()),
            asyncio.ensure_future(self._gathering.answered.wait()),
            asyncio.ensure_future(stop.wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
