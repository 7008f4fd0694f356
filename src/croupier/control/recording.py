"""How a decision becomes a record: events, new state, the service's delivery and the journal entry in one commit.

The one place where a rollout's change is written down, whoever asked for it: the reconciler, a person, a newer rollout.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

from croupier.control.ports import Answer, Commit, Lease, Store, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.core.journal.entry import Entry
from croupier.core.rollout.events import Event
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict

CONTROLLER = "croupier"
"""The actor of what nobody asked for."""

Keep: TypeAlias = Callable[[Stored[RolloutState]], Answer]
"""Makes the answer to be kept for an idempotency key from the rollout as it will be recorded."""


@dataclass(frozen=True, slots=True)
class Who:
    """On whose behalf something is recorded, as what, and why."""

    actor: str
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was recorded; ``seq`` is the journal's newest position, ``None`` where nothing had to change."""

    rollout: Stored[RolloutState]
    delivery: Stored[Delivery] | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be recorded, and what is so when it was."""

    commit: Commit
    rollout: Stored[RolloutState]
    delivery: Stored[Delivery] | None


def entry(who: Who, subject: str, events: Sequence[Event], now: float) -> Entry:
    """The journal entry for these events."""
    return Entry(now, who.actor, who.action, subject, tuple(asdict(event) for event in events), who.reason)


def fold(rollout: Stored[RolloutState], events: Sequence[Event]) -> Stored[RolloutState]:
    """The rollout after the events, with the version that it will be stored under."""
    state = rollout.value
    for event in events:
        state = evolve(state, event)
    return Stored(state, rollout.version + 1)


def delivered(delivery: Stored[Delivery], state: RolloutState) -> Stored[Delivery] | None:
    """The service's delivery after the rollout reached this state; ``None`` where it stays as it is."""
    value = delivery.value
    active = state.id if state.phase.active else (None if value.active == state.id else value.active)
    stable = state.canary if state.phase is Phase.SUCCEEDED else value.stable
    if state.phase is Phase.ABORTING and value.stable == state.canary:  # it was promoted, and is taken back
        stable = state.stable
    after = replace(value, active=active, stable=stable)
    return None if after == value else Stored(after, delivery.version + 1)


def draft(
    rollout: Stored[RolloutState],
    delivery: Stored[Delivery],
    events: Sequence[Event],
    who: Who,
    now: float,
    *,
    lease: Lease | None = None,
    keep: Keep | None = None,
) -> Draft:
    """The one commit that these events are. ``Conflict`` where the service was read before the rollout began or was
    taken back: what this commit does not change of it would be kept as it was then.
    """
    if rollout.value.phase.active and delivery.value.active != rollout.value.id:
        raise Conflict(f"{delivery.value.service} changed meanwhile.", hint="Read it again, then decide.")
    after = fold(rollout, events)
    moved = delivered(delivery, after.value)
    commit = Commit(
        entries=(entry(who, f"rollout/{after.value.id}", events, now),),
        now=now,
        rollouts=(Stored(after.value, rollout.version),),
        services=(Stored(moved.value, delivery.version),) if moved else (),
        lease=lease,
        answer=keep(after) if keep else None,
    )
    return Draft(commit, after, moved)


def joined(drafts: Sequence[Draft], answer: Answer | None = None) -> Commit:
    """One commit of all of them: what is decided together is recorded together."""
    commits = [drafted.commit for drafted in drafts]
    return replace(
        commits[0],
        entries=tuple(item for commit in commits for item in commit.entries),
        rollouts=tuple(item for commit in commits for item in commit.rollouts),
        services=tuple(item for commit in commits for item in commit.services),
        answer=answer,
    )


async def record(store: Store, drafted: Draft) -> Outcome:
    """Write it down. Raises what the store raises; then nothing happened."""
    seqs = await store.commit(drafted.commit)
    return Outcome(drafted.rollout, drafted.delivery, max(seqs))
