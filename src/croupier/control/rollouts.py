"""What people do with rollouts: start, promote, pause, resume, abort, undo, retry; hold and release one segment.

Called by the API, the page and tests. The one door: whoever asks, it is validated, decided by the pure core and
recorded; the reconciler then acts. A request without an expected version is decided again when the reconciler was
faster; with one, it gets a ``Conflict``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from croupier.control import together
from croupier.control.calendars import check_open_now, closed_for, override_each
from croupier.control.lasting import check_lasting
from croupier.control.observe import Seen
from croupier.control.planning import How
from croupier.control.ports import Intent, Ports, Stored, VersionKey
from croupier.control.ports import ServiceState as Delivery
from croupier.control.reconcile import Reconciler
from croupier.control.recorded import recorded_delivery, recorded_rollout
from croupier.control.recording import Draft, Keep, Outcome, Who, draft, record
from croupier.control.starting import Starting
from croupier.control.unrecorded import since_acted
from croupier.control.way_back import may_be_undone, members, undone, undone_together, why_gone
from croupier.control.whom import Whom, check_carried, meant, reasoned
from croupier.core.releases import Service
from croupier.core.rollout import commands, freezing
from croupier.core.rollout import events as e
from croupier.core.rollout.approval import approve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.segments import commands as single
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together import commands as whole
from croupier.core.rollout.together.approval import approve as approve_all
from croupier.core.rollout.together.decide import everybody_leaves
from croupier.core.segments import Segment
from croupier.errors import Conflict, Corrupt, Rejected, Transient

_TRIES = 10

Decide: TypeAlias = Callable[[RolloutState, Delivery, float], tuple[e.Event, ...]]
"""What somebody asks of a rollout, decided on its state and what serves its service at a time."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, why, which version of the rollout they have seen (``None``: any), and how the answer is kept. ``role``
    is the asker's, where it is of importance.
    """

    actor: str
    reason: str = ""
    expected: int | None = None
    answer: Keep | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The use cases. ``reconciler`` is woken by every change, so that it acts at once."""

    ports: Ports
    reconciler: Reconciler

    async def start(
        self,
        service: str,
        version: str,
        ask: Ask,
        *,
        strategy: str | None = None,
        hotfix: bool = False,
        supersede: bool = False,
        wait: bool = True,
    ) -> Outcome:
        """Roll a release out, as ``How`` says. A rollout of the service that is in progress is superseded by it, or,
        where ``version`` is the stable one, aborted.

        Without ``wait`` it is refused while the freeze calendar would keep it waiting. Raises ``NotFound`` for an
        unknown service or release, ``Rejected`` where the plan cannot work or a hotfix lacks its reason, ``Conflict``
        where this version is being rolled out already, or a hotfix is.
        """
        if hotfix and not ask.reason:
            raise Rejected("A hotfix needs a reason.", hint="Add --reason TEXT.")
        how, starting = How(strategy, hotfix, supersede, wait), self._starting()
        return await self._until_recorded(lambda: self._plan_start(service, version, ask, how, starting))

    async def start_together(
        self, versions: Mapping[str, str], ask: Ask, *, strategy: str | None = None, wait: bool = True
    ) -> Outcome:
        """Roll releases of several services out as one: ``versions`` by service, by the Rollout document that moves
        exactly these. Nothing is superseded. The outcome is that of the first to move.
        """
        who, how, starting = Who(ask.actor, "start", ask.reason), How(strategy, wait=wait), self._starting()
        return await self._until_recorded(lambda: starting.together(versions, who, how, ask.answer))

    async def approve(self, rollout: str, ask: Ask, *, digest: str) -> Outcome:
        """Approve of what waits for somebody other than who started it, if it is still what has this digest. Needs a
        reason.
        """
        if not ask.reason:
            raise Rejected("An approval needs a reason.", hint="Add --reason TEXT.")
        return await self._change(
            rollout,
            ask,
            "approve",
            lambda s, _, n: approve(s, n, actor=ask.actor, role=ask.role, of=digest, reason=ask.reason),
            lambda all_, _, n: approve_all(all_, n, actor=ask.actor, role=ask.role, of=digest, reason=ask.reason),
        )

    async def promote(self, rollout: str, ask: Ask, *, full: bool = False, waive: tuple[str, ...] = ()) -> Outcome:
        """Leave the present step (``full``: all of them). ``waive`` takes gates out of it and needs a reason."""
        if waive and not ask.reason:
            raise Rejected("Taking a gate out of a rollout needs a reason.", hint="Add --reason TEXT.")
        unready = await self._why_unready(rollout)
        return await self._change(
            rollout,
            ask,
            "promote",
            lambda s, _, n: commands.promote(s, n, full=full, waive=waive, unready=unready[s.id]),
            lambda all_, _, n: whole.promote(all_, n, full=full, waive=waive, unready=unready),
        )

    async def pause(self, rollout: str, ask: Ask) -> Outcome:
        """Hold at the present weight until resumed; gates go on watching."""
        return await self._change(
            rollout, ask, "pause", lambda s, _, now: commands.pause(s, now), lambda all_, _, now: whole.pause(all_, now)
        )

    async def override(self, rollout: str, ask: Ask, freeze: str) -> Outcome:
        """Go on in spite of a freeze that is closed now, for as long as it lasts. Needs a reason."""
        if not ask.reason:
            raise Rejected("Overriding a freeze needs a reason.", hint="Add --reason TEXT.")
        state = (await recorded_rollout(self.ports.store, rollout)).value
        shut = await closed_for(self.ports, state, self.ports.clock.now())
        return await self._change(
            rollout,
            ask,
            "override",
            lambda s, _, now: freezing.override(s, freeze, shut[s.service], now),
            lambda all_, _, now: override_each(all_, freeze, shut, now),
        )

    async def resume(self, rollout: str, ask: Ask) -> Outcome:
        """Go on after a pause."""
        unready = await self._why_unready(rollout)
        return await self._change(
            rollout,
            ask,
            "resume",
            lambda s, _, now: commands.resume(s, now, unready=unready[s.id]),
            lambda all_, _, now: whole.resume(all_, now, unready=unready),
        )

    async def abort(self, rollout: str, ask: Ask, *, at_once: bool = False) -> Outcome | None:
        """Give up: everybody back to the stable version, with ``at_once`` also rounds that are open. ``None``: acted
        on, to be recorded when the store is back.
        """
        reason = ask.reason or f"aborted by {ask.actor}"
        return await self._urgent(
            rollout,
            ask,
            "abort",
            lambda s, d, now: commands.abort(s, now, reason=reason, at_once=at_once, newest=d.latest),
            lambda all_, known, now: whole.abort(
                all_, now, reason=reason, at_once=at_once, newest={name: d.latest for name, d in known.items()}
            ),
        )

    async def undo(self, rollout: str, ask: Ask) -> Outcome | None:
        """Everybody back to the version before, also after the promotion while that version is kept. ``None`` as in
        ``abort``. Raises ``Rejected`` where it is gone, or another rollout came after this one.
        """
        if not ask.reason:
            raise Rejected("Taking a promoted release back needs a reason.", hint="Add --reason TEXT.")
        gone = await self._why_gone(rollout)
        return await self._urgent(
            rollout,
            ask,
            "undo",
            lambda s, d, n: undone(s, d, n, reason=ask.reason, gone=gone.get(s.id)),
            lambda all_, d, n: undone_together(all_, d, n, reason=ask.reason, gone=gone),
        )

    async def _why_gone(self, rollout: str) -> Mapping[str, str | None]:
        """Why the versions before cannot serve any more, of the rollout and of those that move with it, by rollout;
        without the store, where the loop knows them.
        """
        own = await self._known_or_read(rollout)
        states = [await self._known_or_read(name) for name in own.value.as_one]
        return {stored.value.id: await why_gone(self.ports, stored.value) for stored in states}

    async def _known_or_read(self, rollout: str) -> Stored[RolloutState]:
        known = self.known(rollout)
        return known[0] if known is not None else await recorded_rollout(self.ports.store, rollout)

    def known(self, rollout: str) -> tuple[Stored[RolloutState], Delivery] | None:
        """The rollout and its service's delivery as the loop last read them, without asking the store."""
        fleet = self.reconciler.fleet
        stored = fleet.rollouts.get(rollout) if fleet is not None else None
        delivery = fleet.deliveries.get(stored.value.service) if fleet is not None and stored is not None else None
        return (stored, delivery.value) if stored is not None and delivery is not None else None

    async def _urgent(
        self, rollout: str, ask: Ask, action: str, decide: Decide, for_all: together.Whole = together.alone
    ) -> Outcome | None:
        """Record it; where the store is out of reach, act on it by what was last known."""
        try:
            return await self._change(rollout, ask, action, decide, for_all)
        except (Transient, Corrupt):
            if self.act_unrecorded(rollout, ask, decide) is None:
                raise
            return None

    async def hold(self, rollout: str, ask: Ask, whom: Whom) -> Outcome | None:
        """Keep one segment's players on the stable version while the others go on. ``None``: acted on, to be recorded
        when the store is back.
        """
        reason = reasoned(ask.reason)
        try:
            segment = await self._segment(rollout, whom)
            return await self._change(
                rollout, ask, "hold", lambda s, _, now: single.hold(s, now, segment=segment, reason=reason)
            )
        except (Transient, Corrupt):
            if not self.hold_unrecorded(rollout, ask, whom):
                raise
            return None

    def hold_unrecorded(self, rollout: str, ask: Ask, whom: Whom) -> bool:
        """Hold by what was last known, and record it when the store is back; false where that says that there is
        nothing to hold, or that others changed the rollout.
        """
        fleet = self.reconciler.fleet
        stored = fleet.rollouts.get(rollout) if fleet else None
        if fleet is None or stored is None or ask.expected not in (None, stored.version):
            return False
        if stored.value.plan.together is not None:
            together.alone([each.value for each in members(fleet, stored.value)], {}, 0.0)
        segment = meant(whom, stored.value, ())
        check_carried(segment, fleet.services[stored.value.service])
        held = single.hold(stored.value, self.ports.clock.now(), segment=segment, reason=reasoned(ask.reason))
        for event in [event for event in held if isinstance(event, e.SegmentHeld)]:
            self.reconciler.abort_unrecorded(Intent(rollout, event, ask.actor))
        return bool(held)

    async def release(self, rollout: str, ask: Ask, whom: Whom) -> Outcome:
        """Let a segment that was held go with the others again. Refused while a gate that guards says no ``pass``."""
        segment = await self._segment(rollout, whom)
        unready = await self._why_unready(rollout)
        return await self._change(
            rollout, ask, "release", lambda s, _, now: single.release(s, now, segment=segment, unready=unready[s.id])
        )

    async def _segment(self, rollout: str, whom: Whom) -> Segment:
        """Whom somebody means, told apart by what requests of the service carry."""
        state = (await recorded_rollout(self.ports.store, rollout)).value
        declared = [item.value.spec for item in await self.ports.store.documents("Segment")]
        segment = meant(whom, state, [spec for spec in declared if isinstance(spec, Segment)])
        services = [item.value.spec for item in await self.ports.store.documents("Service")]
        for service in [spec for spec in services if isinstance(spec, Service) and spec.name == state.service]:
            check_carried(segment, service)
        return segment

    async def retry(self, rollout: str, ask: Ask) -> Outcome:
        """Start an aborted rollout again from its first step; refused while another one is in progress."""

        def again(state: RolloutState, delivery: Delivery, now: float) -> tuple[e.Event, ...]:
            _check_alone(state, delivery)
            return commands.retry(state, now, stable=delivery.stable, by=ask.actor)

        def all_again(
            states: Sequence[RolloutState], deliveries: Mapping[str, Delivery], now: float
        ) -> tuple[tuple[e.Event, ...], ...]:
            for state in states:
                _check_alone(state, deliveries[state.service])
            stable = {name: each.stable for name, each in deliveries.items()}
            return whole.retry(states, now, stable=stable, by=ask.actor)

        return await self._change(rollout, ask, "retry", again, all_again)

    def act_unrecorded(self, rollout: str, ask: Ask, decide: Decide) -> bool | None:
        """Take players away by what was last known, and record it when the store is back: of all that move with it, as
        far as they are known here. Whether anybody has to leave; ``None`` where others may have changed the rollout.
        """
        known, fleet = self.known(rollout), self.reconciler.fleet
        if fleet is None or known is None or ask.expected not in (None, known[0].version):
            return None
        decided = decide(known[0].value, known[1], self.ports.clock.now())
        if decided and known[0].value.phase is Phase.SUCCEEDED and not may_be_undone(fleet, known[0].value):
            raise Rejected(f"{rollout} cannot be undone: what was promoted with it was left meanwhile.")
        states = [stored.value for stored in members(fleet, known[0].value)]
        events = tuple(decided if state.id == rollout else () for state in states)
        leaving = everybody_leaves(states, events, self.ports.clock.now())
        for state, abort in zip(states, leaving, strict=True):
            if abort is not None:
                self.reconciler.abort_unrecorded(Intent(state.id, abort, ask.actor))
        return any(leaving)

    async def _change(
        self, rollout: str, ask: Ask, action: str, decide: Decide, for_all: together.Whole = together.alone
    ) -> Outcome:
        return await self._until_recorded(lambda: self._plan_change(rollout, ask, action, decide, for_all))

    async def _until_recorded(self, plan: Callable[[], Awaitable[Draft | Outcome]]) -> Outcome:
        """Plan it and record it; where somebody was faster, plan anew on what they did. What the plan itself refuses is
        refused at once.
        """
        tries = 0
        while True:
            tries += 1
            planned = await plan()
            if isinstance(planned, Outcome):
                return planned
            try:
                outcome = await record(self.ports.store, planned)
            except Conflict:
                if tries == _TRIES:
                    raise
            else:
                self.reconciler.wake()
                return outcome

    async def _plan_change(
        self, rollout: str, ask: Ask, action: str, decide: Decide, for_all: together.Whole
    ) -> Draft | Outcome:
        stored = await recorded_rollout(self.ports.store, rollout)
        if ask.expected is not None and ask.expected != stored.version:
            raise Conflict(f"{rollout} changed meanwhile.", hint="Read it again, then decide.")
        if stored.value.plan.together is not None:
            who = Who(ask.actor, action, ask.reason)
            return await together.plan_change(self.ports, stored, who, for_all, ask.answer)
        now = self.ports.clock.now()
        delivery = await recorded_delivery(self.ports.store, stored.value.service)
        events = since_acted(decide(stored.value, delivery.value, now), rollout, self.ports.spool.pending())
        if not events:
            return Outcome(stored)
        await check_open_now(self.ports, stored.value, events, now)
        await check_lasting(self.ports.store, stored.value, events)
        return draft(stored, delivery, events, Who(ask.actor, action, ask.reason), now, keep=ask.answer)

    async def _plan_start(self, service: str, version: str, ask: Ask, how: How, starting: Starting) -> Draft | Outcome:
        delivery = await recorded_delivery(self.ports.store, service)
        active = delivery.value.active
        before = await recorded_rollout(self.ports.store, active) if active else None
        if before is not None and version == delivery.value.stable != before.value.canary:
            reason = ask.reason or f"back to {version}"
            return await self._plan_change(
                before.value.id,
                replace(ask, reason=reason),
                "abort",
                lambda s, _, n: commands.abort(s, n, reason=reason),
                lambda all_, _, n: whole.abort(all_, n, reason=reason),
            )
        who = Who(ask.actor, "start", ask.reason)
        return await starting.alone(version, delivery, before, who, how, ask.answer)

    def _starting(self) -> Starting:
        return Starting(self.ports, self.reconciler.switches, self.reconciler.flags)

    async def _why_unready(self, rollout: str) -> Mapping[str, str | None]:
        """Why the canary of the rollout, and of those that move with it, can take no more players now, by rollout; the
        loop asks the same before each rise.
        """
        stored = await recorded_rollout(self.ports.store, rollout)
        states = [each.value for each in await together.members(self.ports, stored.value)]
        try:
            workloads = await self.ports.workloads.observe()
        except Transient as trouble:
            return {state.id: str(trouble) for state in states}
        seen = Seen(workloads, None)
        return {state.id: seen.unready(VersionKey(state.service, state.canary)) for state in states}


def _check_alone(state: RolloutState, delivery: Delivery) -> None:
    """Raises ``Rejected`` where another rollout of the service is in progress."""
    if delivery.active not in (None, state.id):
        raise Rejected(f"{delivery.active} is in progress.", hint="Wait for it or abort it, then retry.")
