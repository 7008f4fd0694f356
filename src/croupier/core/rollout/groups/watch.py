"""Whether an action helped: the group that was acted upon has watches of its own from then on.

Each gate that can tell the group from the rest watches it: it asks what it asked, of this group alone, with fresh
evidence and a part of the budget of its own. If a watch fails, soon or at any time after, the whole release goes back.
One that cannot decide keeps the others waiting as any gate does (``undecided``). Called by ``decide`` and ``asking``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from croupier.core.gates import Gate, GateState, Opinion, PopulationRule, SequentialRule, Verdict
from croupier.core.gates.wording import name
from croupier.core.rollout import events as e
from croupier.core.rollout.groups.acted import Acted, concerns
from croupier.core.rollout.groups.budget import of_one_watch
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.state import RolloutState


def watching(state: RolloutState, gate: str) -> tuple[Acted, ...]:
    """The groups that this gate watches: from the moment when what was done about them was in force. Of a held group
    the canary gets nobody, so a population could only ever find that strange.
    """
    if isinstance(state.plan.gate(gate).rule, PopulationRule):
        return ()
    return tuple(acted for acted in aside(state, gate) if acted.in_force_at is not None)


def aside(state: RolloutState, gate: str) -> tuple[Acted, ...]:
    """The groups that were acted upon and that this gate can tell from the rest: they do not count in it any more."""
    by = state.plan.gate(gate).by
    return tuple(acted for acted in state.acted if concerns(acted.group, by))


def watched_by(state: RolloutState, watch_name: str) -> tuple[Gate, Acted] | None:
    """The gate and the group whose watch has this name, if it is one."""
    if not state.acted or "/" not in watch_name:
        return None
    gate = state.plan.gate(watch_name)
    return next(((gate, acted) for acted in state.acted if acted.watch_name(gate.name) == watch_name), None)


def watch_gate(gate: Gate, acted: Acted) -> Gate:
    """The gate's question about this group alone. It has no hard stop, since what was in flight fails for a moment."""
    rule = gate.rule
    if isinstance(rule, SequentialRule):
        rule = replace(rule, budget=of_one_watch(rule.budget))
    return replace(
        gate, name=acted.watch_name(gate.name), by=(), rule=rule, hard_stop=None, on_group_fail=None, warmup_s=0.0
    )


def watch_s(state: RolloutState, acted: Acted) -> float:
    """For how many seconds nothing rises after the action, and within how many it must be in force."""
    on_fail = state.plan.gate(acted.gate).on_group_fail
    return on_fail.watch_s if on_fail is not None else 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of actions: the flags that are known to be ``killed``, whether the wanted traffic is served
    (``routed``), and why something cannot be done (``refused``).
    """

    killed: frozenset[str]
    routed: bool
    refused: str | None

    def does(self, acted: Acted) -> bool:
        """Whether all that was decided about the group is done."""
        return self.routed and self.killed.issuperset(acted.kills)


def in_vain(state: RolloutState, binding: Iterable[str], seen: Seen, now: float) -> e.AbortStarted | None:
    """Why the whole release goes back in spite of an action, if it does: the group fails on in one of the ``binding``
    gates, or the action cannot be done, or is not done in time.
    """
    for acted in state.acted:
        what = f"{name(acted.group)} was acted upon for gate {acted.gate}"
        if acted.in_force_at is None and seen.refused is not None:
            return e.AbortStarted(Cause.GATE, f"{what}, but {seen.refused}", now, acted.gate)
        if acted.in_force_at is None and not seen.does(acted) and now - acted.at > watch_s(state, acted):
            late = f"{what}, but that was not in force within {watch_s(state, acted):g} s"
            return e.AbortStarted(Cause.GATE, late, now, acted.gate)
    for gate in binding:
        for acted in watching(state, gate):
            watch = state.gate_state(acted.watch_name(gate))
            if watch.latest is not None and watch.latest.verdict is Verdict.FAIL:
                why = f"{name(acted.group)} was acted upon for gate {acted.gate}, and fails on: {watch.latest.reason}"
                return e.AbortStarted(Cause.GATE, why, now, gate, watch.violated_since)
    return None


def next_event(state: RolloutState, binding: Iterable[str], seen: Seen, now: float) -> e.Event | None:
    """What follows for a group that was acted upon: it is in force, or it was watched for long enough, by gates that
    see something.
    """
    for acted in state.acted:
        if acted.in_force_at is None:
            return e.GroupSetAside(acted.gate, acted.group, now) if seen.does(acted) else None
        if _overdue(state, acted, now) and not any(_unsettled(state, binding, acted)):
            return e.GroupWatched(acted.gate, acted.group, now)
    return None


def open_watch(state: RolloutState, binding: Iterable[str]) -> str | None:
    """Why the canary's share may not rise, in words, while a group is acted upon or watched."""
    for acted in state.acted:
        if acted.watched_at is None:
            told = f"{name(acted.group)} was acted upon and is watched for {watch_s(state, acted):g} s"
            said = next((watch.latest for watch in _unsettled(state, binding, acted) if watch.latest), None)
            return f"{told}, and for as long as gate {said.gate} says {said.verdict}: {said.reason}" if said else told
    return None


def in_doubt(state: RolloutState, binding: Iterable[str], now: float) -> tuple[str, ...]:
    """Watches that should be over and cannot decide, by name: what they still have against their group is too much to
    let the others go on, and too little to go back.
    """
    binding = tuple(binding)
    return tuple(
        watch.gate
        for acted in state.acted
        if _overdue(state, acted, now)
        for watch in _unsettled(state, binding, acted)
        if watch.latest is not None and watch.latest.verdict is Verdict.INCONCLUSIVE
    )


def _overdue(state: RolloutState, acted: Acted, now: float) -> bool:
    """Whether the group was watched for as long as it takes, and is watched still."""
    if acted.in_force_at is None or acted.watched_at is not None:
        return False
    return now - acted.in_force_at >= watch_s(state, acted)


def _unsettled(state: RolloutState, binding: Iterable[str], acted: Acted) -> Iterator[GateState]:
    """The watches of the group that keep it watched for longer: those that see nothing now, and those that have
    something against it and do not pass all the same. Not for what was in flight when its flag went off, if nothing
    came after: what nobody adds to would be held against it for good.
    """
    for gate in (gate for gate in binding if acted in watching(state, gate)):
        watch = state.gate_state(acted.watch_name(gate))
        found = watch.latest.findings if watch.latest is not None else ()
        quiet_s = watch.evidence.quiet * state.plan.gate(gate).rule.interval_s if watch.evidence is not None else 0.0
        violated = any(each.opinion is Opinion.VIOLATED for each in found) and watch.passed_at is None
        # A group that nobody uses any more was counted, and is zero; a source that is silent has no findings.
        if not found or (violated and quiet_s < watch_s(state, acted)):
            yield watch
