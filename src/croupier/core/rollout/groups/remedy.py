"""What is done about gates that fail: an action on the groups that are at fault, or a reason why all goes back. Pure.

Called by ``decide`` for each failing gate. Whatever is in doubt takes the whole release back: too many groups, one that
was acted upon already, a group that no action can reach, a rest that is not sound, no record to write it in.
"""

from collections.abc import Sequence

from croupier.core.gates import Gate
from croupier.core.gates.group_actions import OnGroupFail
from croupier.core.gates.sli import Group
from croupier.core.gates.wording import name
from croupier.core.rollout import events as e
from croupier.core.rollout.groups.acted import Acted
from croupier.core.rollout.groups.blame import also_fails, responsible
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import AttributeMatch, Segment


def remedy(state: RolloutState, gate: Gate, now: float) -> tuple[e.GroupActed, ...] | str:
    """The actions on the groups that the failing ``gate`` blames; else why there are none, empty where none is asked
    for.
    """
    on_fail = gate.on_group_fail
    if on_fail is None:
        return ""
    memory = state.gate_state(gate.name)
    groups = responsible(gate, memory)
    if not groups:
        return "no single group is at fault"
    scopes = tuple(dict.fromkeys(on_fail.scope(group) for group in groups))
    if why := _refused(state, on_fail, scopes) or also_fails(gate, memory, scopes):
        return why
    reason = memory.latest.reason if memory.latest is not None else ""
    return tuple(
        e.GroupActed(gate.name, scope, _kills(on_fail, scope), _held(on_fail, scope), reason, now) for scope in scopes
    )


def _refused(state: RolloutState, on_fail: OnGroupFail, scopes: Sequence[Group]) -> str | None:
    if state.phase is Phase.PROMOTING:
        return "everybody is moving to the canary"
    for scope in scopes:
        if empty := [label for label, value in scope if label in on_fail.labels and not value]:
            return f"{name(scope)} has no {empty[0]} that an action could name"
        if lacking := on_fail.labels - {label for label, _ in scope}:
            return f"{name(scope)} has no {min(lacking)} that an action could name"
        if any(_reached(acted, on_fail, scope) for acted in state.acted):
            return f"{name(scope)} was acted upon already"
    if len(state.acted) + len(scopes) > on_fail.at_most:
        return f"more than {on_fail.at_most} groups fail"
    return None


def _reached(acted: Acted, on_fail: OnGroupFail, scope: Group) -> bool:
    """Whether everything that would be done about it is done already."""
    return acted.covers(scope) or (_kills(on_fail, scope), _held(on_fail, scope)) == (acted.kills, acted.held)


def _kills(on_fail: OnGroupFail, scope: Group) -> tuple[str, ...]:
    return tuple(dict.fromkeys(action.named(scope) for action in on_fail.kills))


def _held(on_fail: OnGroupFail, scope: Group) -> Segment | None:
    """The players to be held: those with the group's values of every label that is named."""
    labels = tuple(dict.fromkeys(label for action in on_fail.holds for label in action.labels))
    if not labels:
        return None
    values = dict(scope)
    matches = tuple(AttributeMatch(label, (values[label],)) for label in sorted(labels))
    return Segment(name(tuple((match.attribute, match.values[0]) for match in matches)), matches)
