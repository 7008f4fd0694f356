"""Rollouts of several services that move as one: what is asked of one of them is recorded for all.

Called by ``rollouts``, which says what is asked; everything is one commit, so that all of it happens or nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from croupier.control.calendars import check_following, check_open_now
from croupier.control.lasting import check_lasting
from croupier.control.ports import Ports, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.control.recording import Draft, Keep, Outcome, Who, draft, joined
from croupier.control.unrecorded import since_acted
from croupier.control.way_back import awaiting_their_turn
from croupier.core.rollout import events as e
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.whole import Events
from croupier.errors import Corrupt, Rejected

Whole: TypeAlias = Callable[[Sequence[RolloutState], Mapping[str, Delivery], float], Events]
"""What somebody asks of all members, decided on their states and what serves their services at a time."""


async def members(ports: Ports, state: RolloutState) -> tuple[Stored[RolloutState], ...]:
    """The recorded rollouts that move with this one, in the order of moving up; itself, where it moves alone."""
    found: list[Stored[RolloutState]] = []
    for rollout in state.as_one:
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
    pending = ports.spool.pending()
    asked_for = decide([stored.value for stored in states], serving, now)
    decided = tuple(
        since_acted(events, stored.value.id, pending) for stored, events in zip(states, asked_for, strict=True)
    )
    if not any(decided):
        return Outcome(asked)
    go_on = any(isinstance(event, e.StepStarted | e.PromotionStarted) for events in decided for event in events)
    for stored, events in zip(states, decided, strict=True):
        await check_open_now(ports, stored.value, events, now)
        await check_lasting(ports.store, stored.value, events)
        if go_on and not events:  # it would stay behind while the first are ahead
            await check_following(ports, stored.value, now)
    drafts = [
        draft(stored, deliveries[stored.value.service], events, who, now)
        for stored, events in zip(states, decided, strict=True)
        if events
    ]
    told = next((each.rollout for each in drafts if each.rollout.value.id == asked.value.id), asked)
    commit = joined(drafts, keep(told) if keep else None)
    waiting = awaiting_their_turn([stored.value for stored in states], deliveries, decided)
    commit = replace(commit, services=(*commit.services, *waiting))
    return Draft(commit, told, next((each.delivery for each in drafts if each.rollout is told), None))


def alone(states: Sequence[RolloutState], _: Mapping[str, Delivery], __: float) -> Events:
    """What cannot be asked of several services."""
    raise Rejected(
        f"{states[0].id} moves with {', '.join(state.id for state in states[1:])}, and this is for one service alone.",
        hint="Pause, promote or abort them; or write a Rollout of one service.",
    )
