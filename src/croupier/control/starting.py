"""The start of rollouts, of one service or of several that move as one: what may begin, and the commit that begins it.

Called by ``rollouts``. How they go on is their plan, made by ``planning``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from croupier.control.calendars import check_free, closed_now
from croupier.control.clumps import Lately
from croupier.control.flag_steps import FlagDoor, check_flags
from croupier.control.groups import Switches
from croupier.control.planning import How, check_gates, made_for, planned, together_by, traffic, try_out
from croupier.control.ports import Commit, Ports, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.control.recorded import recorded_delivery, recorded_release
from croupier.control.recording import Draft, Keep, Who, entry, fold, joined
from croupier.core.gates import Gate
from croupier.core.governance.calendar.closure import Shut
from croupier.core.releases import Release, Service
from croupier.core.rollout import commands, freezing
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, replay
from croupier.core.rollout.pace import pinned
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Member, Plan, RolloutSpec, Together
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.parts import part
from croupier.core.rollout.together.strict import own_profiles, strictest
from croupier.errors import Conflict, Rejected


@dataclass(frozen=True, slots=True)
class Starting:
    """One start: checks what is to begin, and drafts it, once more for each time that somebody else was faster.
    ``switches`` and ``flags`` are those that a plan may turn.
    """

    ports: Ports
    switches: Switches
    flags: FlagDoor | None
    lately: Lately = field(default_factory=Lately)

    async def alone(
        self,
        version: str,
        delivery: Stored[Delivery],
        before: Stored[RolloutState] | None,
        who: Who,
        how: How,
        keep: Keep | None,
    ) -> Draft:
        """The rollout of one service's release, instead of the one that is in progress (``before``)."""
        service, stable = delivery.value.service, delivery.value.stable
        release = await recorded_release(self.ports.store, service, version)
        if before is not None:
            _check_superseded(before.value, version, how)
        if stable == version:
            raise Rejected(f"{version} is the stable version of {service} already.")
        plan = await planned(self.ports, delivery.value, before, how)
        plan = await self._tried_out(plan, delivery.value)
        now = self.ports.clock.now()
        created = e.Created(delivery.value.next, service, stable, version, release.digest, plan, now, by=who.actor)
        shut = await closed_now(self.ports, service, now)
        drafted = _draft_start(created, delivery, before, who, shut)
        if not how.wait:
            await check_free(self.ports, [drafted.rollout.value], now)
        return replace(drafted, commit=replace(drafted.commit, answer=keep(drafted.rollout) if keep else None))

    async def together(self, versions: Mapping[str, str], who: Who, how: How, keep: Keep | None) -> Draft:
        """The rollouts of several services' releases (``versions`` by service) that move as one; told of is the first
        to move.
        """
        # Read before the documents: who applies a Service meanwhile writes what serves it, and this is planned anew.
        deliveries = {stored.value.service: stored for stored in await self.ports.store.services()}
        specs = [item.value.spec for item in await self.ports.store.documents()]
        spec = together_by([each for each in specs if isinstance(each, RolloutSpec)], [*versions], how.strategy)
        check_gates(spec, [each for each in specs if isinstance(each, Gate)])
        asked: list[tuple[Release, Stored[Delivery]]] = []
        for service in spec.services:
            delivery = deliveries.get(service) or await recorded_delivery(self.ports.store, service)
            _check_member(delivery.value, versions[service])
            asked.append((await recorded_release(self.ports.store, service, versions[service]), delivery))
        rates = [await traffic(self.ports, part(spec, each.service), specs, now.value, None) for each, now in asked]
        paced, whole_s = pinned(spec, rates)
        members: list[_Member] = []
        for release, delivery in asked:
            plan = await made_for(whole_s, part(paced, release.service), specs)
            plan = await self._tried_out(plan, delivery.value)
            members.append(_Member(release, plan, delivery))
        profiles = own_profiles([each for each in specs if isinstance(each, RolloutSpec)], spec.services)
        services = {each.name: each for each in specs if isinstance(each, Service)}
        plans = strictest(spec, [each.plan for each in members], profiles, services)
        members = [replace(each, plan=plan) for each, plan in zip(members, plans, strict=True)]
        drafted = _draft_together(spec, members, who, now := self.ports.clock.now(), keep)
        if not how.wait:
            await check_free(self.ports, [each.value for each in drafted.commit.rollouts], now)
        return drafted

    async def _tried_out(self, plan: Plan, delivery: Delivery) -> Plan:
        await check_flags(self.flags, plan, self.ports.clock.now())
        return await try_out(self.ports, self.switches, plan, delivery.service, delivery.stable, self.lately)


@dataclass(frozen=True, slots=True)
class _Member:
    """One service that is to begin with others: its release, its plan, and what serves it."""

    release: Release
    plan: Plan
    delivery: Stored[Delivery]


def _check_superseded(active: RolloutState, version: str, how: How) -> None:
    """Raises ``Conflict`` where a rollout of the version may not take the place of the active one."""
    if active.canary == version:
        raise _under_way(active)
    if active.plan.together is not None:
        raise _held_by(active)
    if kept := commands.not_superseded(active, told=how.supersede):
        raise kept


def _under_way(active: RolloutState) -> Conflict:
    if active.phase is Phase.ABORTING:
        return Conflict(
            f"{active.id} is taking every player off {active.canary}.",
            hint=f"Wait for it, then start again: croupier rollout retry {active.id}",
        )
    return Conflict(f"{active.id} rolls out {active.service} {active.canary} already.")


def _held_by(active: RolloutState) -> Conflict:
    others = [rollout for rollout in active.as_one if rollout != active.id]
    return Conflict(
        f"{active.service} moves together with {', '.join(others)}, by {active.id}.",
        hint=f"Wait for them, or give all of them up: croupier rollout abort {active.id}.",
    )


def _check_member(delivery: Delivery, version: str) -> None:
    """Raises where this service cannot begin to move with others: what it would go back to is what it has now."""
    service = delivery.service
    if delivery.active is not None:
        raise Conflict(
            f"{delivery.active} is in progress, so {service} cannot move with others.",
            hint=f"Wait for it, or give it up: croupier rollout abort {delivery.active}.",
        )
    if delivery.stable is None:
        raise Rejected(
            f"{service} has no stable version yet, so there is nothing to go back to.",
            hint=f"Roll it out alone first: croupier rollout start {service} VERSION.",
        )
    if delivery.stable == version:
        raise Rejected(f"{version} is the stable version of {service} already.", hint="Roll the others out without it.")


def _draft_start(
    created: e.Created,
    delivery: Stored[Delivery],
    before: Stored[RolloutState] | None,
    who: Who,
    shut: Sequence[Shut] = (),
) -> Draft:
    """The new rollout, with what of the freeze calendar it waits for, and in the same commit the end of the one that it
    supersedes.
    """
    now = created.at
    events = (created, *freezing.news(create(created), shut, now))
    started = Stored(replay(events), 1)
    entries = [entry(who, f"rollout/{created.id}", events, now)]
    rollouts = [Stored(started.value, 0)]
    if before is not None:
        ended = commands.supersede(before.value, now, by=created.id)
        entries.insert(0, entry(replace(who, action="supersede"), f"rollout/{before.value.id}", ended, now))
        rollouts.append(Stored(fold(before, ended).value, before.version))
    value = replace(delivery.value, active=created.id, rollouts=delivery.value.rollouts + 1)
    commit = Commit(tuple(entries), now, tuple(rollouts), (Stored(value, delivery.version),))
    return Draft(commit, started, Stored(value, delivery.version + 1))


def _draft_together(spec: RolloutSpec, members: Sequence[_Member], who: Who, now: float, keep: Keep | None) -> Draft:
    """The one commit in which all members begin; told of is the first of them."""
    named = tuple(Member(each.release.service, each.release.version, each.delivery.value.next) for each in members)
    whole = Together(f"{spec.name}.{named[0].rollout}", named)
    drafts = [
        _draft_start(
            e.Created(
                member.rollout,
                member.service,
                each.delivery.value.stable,
                member.version,
                each.release.digest,
                replace(each.plan, together=whole),
                now,
                by=who.actor,
            ),
            each.delivery,
            None,
            who,
        )
        for member, each in zip(named, members, strict=True)
    ]
    first = drafts[0]
    return Draft(joined(drafts, keep(first.rollout) if keep else None), first.rollout, first.delivery)
