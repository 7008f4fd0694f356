"""The commit in which a rollout begins. Made by ``rollouts``, and for several services by ``together``."""

from collections.abc import Sequence
from dataclasses import replace

from croupier.control.ports import Commit, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.control.recording import Draft, Who, entry, fold
from croupier.core.governance.calendar.closure import Shut
from croupier.core.rollout import commands, freezing
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, replay
from croupier.core.rollout.state import RolloutState


def draft_start(
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
