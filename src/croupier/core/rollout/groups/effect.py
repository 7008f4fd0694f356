"""What the events of an action make of the state. Called by ``machine.evolve``.

From an action on, the traffic is another one: it must be confirmed anew, and every gate must pass anew on what comes
after. What was held against the group is not held against the others.
"""

from collections.abc import Callable
from dataclasses import replace

from croupier.core.gates import GateState
from croupier.core.gates.sequential.restart import restarted
from croupier.core.gates.sli import Group
from croupier.core.rollout import events as e
from croupier.core.rollout.groups.acted import Acted, covers


def acted_upon(event: e.GroupActed) -> Acted:
    """What the record keeps of it."""
    return Acted(event.gate, event.group, event.kills, event.held, event.reason, event.at)


def begun_anew(gate: GateState, scope: Group) -> GateState:
    """What a gate remembers once the scope was set aside: its verdict is over, and so is the whole's evidence."""
    return afresh(gate, lambda group: covers(scope, group))


def afresh(gate: GateState, aside: Callable[[Group], bool]) -> GateState:
    """The same, for the groups that are ``aside``."""
    return replace(
        gate,
        streaks=(),
        passed_at=None,
        violated_since=None,
        latest=None,
        evidence=restarted(gate.evidence, aside) if gate.evidence is not None else None,
        undecided_s=0.0,
        blind_since=None,
    )


def in_force(acted: tuple[Acted, ...], event: e.GroupSetAside) -> tuple[Acted, ...]:
    return tuple(replace(each, in_force_at=event.at) if _same(each, event) else each for each in acted)


def watched(acted: tuple[Acted, ...], event: e.GroupWatched) -> tuple[Acted, ...]:
    return tuple(replace(each, watched_at=event.at) if _same(each, event) else each for each in acted)


def _same(acted: Acted, event: e.GroupSetAside | e.GroupWatched) -> bool:
    return (acted.gate, acted.group) == (event.gate, event.group)
