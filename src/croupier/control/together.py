"""Rollouts of several services that move as one: how they begin, and how what is asked of one is recorded for all.

Called by ``rollouts``, which says what is asked; everything is one commit, so that all of it happens or nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from croupier.control.calendars import check_following, check_open_now
from croupier.control.ports import Answer, Ports, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.control.recording import Draft, Outcome, Who, draft, joined
from croupier.control.starting import draft_start
from croupier.core.gates import Gate
from croupier.core.releases import Release
from croupier.core.rollout import events as e
from croupier.core.rollout.resolve import gate_uses
from croupier.core.rollout.spec import Member, Plan, RolloutSpec, Together
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.parts import gates_held
from croupier.core.rollout.together.whole import Events
from croupier.errors import Conflict, Corrupt, NotFound, Rejected

Whole: TypeAlias = Callable[[Sequence[RolloutState], Mapping[str, Delivery], float], Events]
"""What somebody asks of all members, decided on their states and what serves their services at a time."""

Keep: TypeAlias = Callable[[Stored[RolloutState]], Answer]


@dataclass(frozen=True, slots=True)
class Starting:
    """One member that is to begin: its release, its plan, and what serves its service."""

    release: Release
    plan: Plan
    delivery: Stored[Delivery]


async def members(ports: Ports, state: RolloutState) -> tuple[Stored[RolloutState], ...]:
    """The recorded rollouts that move with this one, in the order of moving up; itself, where it moves alone."""
    whole = state.plan.together
    found: list[Stored[RolloutState]] = []
    for rollout in [member.rollout for member in whole.members] if whole else [state.id]:
        stored = await ports.store.rollout(rollout)
        if stored is None:
            raise Corrupt(f"{state.id} moves with {rollout}, of which there is no record.")
        found.append(stored)
    return tuple(found)


async def plan_change(
    ports: Ports, asked: Stored[RolloutState], who: Who, decide: Whole, keep: Keep | None
) -> Draft | Outcome:
    """The one commit of what is asked of all of them; the answer tells of the member that was ``asked``."""
    states = await members(ports, asked.value)
    deliveries = {stored.value.service: stored for stored in await ports.store.services()}
    now = ports.clock.now()
    serving = {name: stored.value for name, stored in deliveries.items()}
    decided = decide([stored.value for stored in states], serving, now)
    if not any(decided):
        return Outcome(asked)
    go_on = any(isinstance(event, e.StepStarted | e.PromotionStarted) for events in decided for event in events)
    for stored, events in zip(states, decided, strict=True):
        await check_open_now(ports, stored.value, events, now)
        if go_on and not events:  # it would stay behind while the first are ahead
            await check_following(ports, stored.value, now)
    drafts = [
        draft(stored, deliveries[stored.value.service], events, who, now)
        for stored, events in zip(states, decided, strict=True)
        if events
    ]
    told = next((each.rollout for each in drafts if each.rollout.value.id == asked.value.id), asked)
    commit = joined(drafts, keep(told) if keep else None)
    return Draft(commit, told, next((each.delivery for each in drafts if each.rollout is told), None))


def alone(states: Sequence[RolloutState], _: Mapping[str, Delivery], __: float) -> Events:
    """What cannot be asked of several services."""
    raise Rejected(
        f"{states[0].id} moves with {', '.join(state.id for state in states[1:])}, and this is for one service alone.",
        hint="Pause, promote or abort them; or write a Rollout of one service.",
    )


def draft_together(spec: RolloutSpec, starting: Sequence[Starting], who: Who, now: float, keep: Keep | None) -> Draft:
    """The one commit in which all members begin; told of is the first of them."""
    named = tuple(
        Member(each.release.service, each.release.version, f"{each.release.service}-{each.delivery.value.rollouts + 1}")
        for each in starting
    )
    whole = Together(f"{spec.name}.{named[0].rollout}", named)
    drafts = [
        draft_start(
            e.Created(
                member.rollout,
                member.service,
                each.delivery.value.stable,
                member.version,
                each.release.digest,
                replace(each.plan, together=whole),
                now,
            ),
            each.delivery,
            None,
            who,
        )
        for member, each in zip(named, starting, strict=True)
    ]
    first = drafts[0]
    return Draft(joined(drafts, keep(first.rollout) if keep else None), first.rollout, first.delivery)


def chosen(specs: Sequence[RolloutSpec], services: Sequence[str], strategy: str | None) -> RolloutSpec:
    """The Rollout document that moves exactly these services. Raises with what there is instead."""
    able = [spec for spec in specs if set(spec.services) == set(services) and strategy in (None, spec.name)]
    named = next((spec for spec in specs if spec.name == strategy), None)
    if named is not None and not able:
        wanted = " ".join(f"{service}=VERSION" for service in named.services) or f"{named.service} VERSION"
        raise Rejected(
            f"Rollout '{named.name}' does not move {', '.join(services)}.",
            hint=f"Write: croupier rollout start --strategy {named.name} {wanted}.",
        )
    if not able:
        raise NotFound(
            f"No Rollout{f' {strategy!r}' if strategy else ''} moves {', '.join(services)} as one.",
            hint=f"Write one with services: [{', '.join(services)}] and apply it.",
        )
    if len(able) > 1:
        names = ", ".join(sorted(spec.name for spec in able))
        raise Rejected(f"Several Rollouts move these services: {names}.", hint="Choose one: --strategy NAME.")
    return able[0]


def check_member(delivery: Delivery, version: str) -> None:
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


def check_gates(spec: RolloutSpec, gates: Sequence[Gate]) -> None:
    """Raises ``Rejected`` for gates that cannot watch one of several services."""
    known = {gate.name: gate for gate in gates}
    problems = tuple(gates_held(spec, known, [name for name, _ in gate_uses(spec)]))
    if problems:
        raise Rejected(f"rollout '{spec.name}' cannot start: {problems[0]}", problems=problems)


def held_by(active: RolloutState) -> Conflict:
    """Why the service of this member cannot begin anything alone."""
    whole = active.plan.together
    others = [member.rollout for member in whole.members if member.rollout != active.id] if whole else []
    return Conflict(
        f"{active.service} moves together with {', '.join(others)}, by {active.id}.",
        hint=f"Wait for them, or give all of them up: croupier rollout abort {active.id}.",
    )
