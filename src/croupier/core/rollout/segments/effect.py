"""What holding or releasing a segment makes of the state. Called by ``machine.evolve``, which confirms traffic anew.

Where a gate held it, every gate's evidence begins anew without the segment: what was held against its players is not
held against the others. A person's hold changes who has the canary and nothing that was counted.
"""

from dataclasses import replace

from croupier.core.gates import GateState
from croupier.core.gates.sli import Group
from croupier.core.rollout import events as e
from croupier.core.rollout.groups.effect import afresh
from croupier.core.rollout.segments.guards import judging
from croupier.core.rollout.segments.kept import Kept, let_go
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import Segment


def kept_or_let_go(state: RolloutState, event: e.SegmentHeld | e.SegmentReleased) -> RolloutState:
    """The state after the event, but for the traffic that follows from it."""
    if isinstance(event, e.SegmentReleased):
        return replace(state, kept=let_go(state.kept, event.segment, event.at))
    kept = (*state.kept, Kept(event.segment, event.reason, event.at, event.gate))
    if event.gate is None:
        return replace(state, kept=kept)
    own, names = judging(state.plan, event.segment), {gate.name for gate in state.plan.gates}

    def anew(gate: GateState) -> GateState:
        if gate.gate not in names:
            return gate  # a group's watch goes on
        return afresh(gate, lambda group: gate.gate in own or covers(event.segment, group))

    return replace(state, kept=kept, gates=tuple(map(anew, state.gates)))


def covers(segment: Segment, group: Group) -> bool:
    """Whether the group's players are all in the segment."""
    values = dict(group)
    return all(values.get(match.attribute) in match.values for match in segment.matches)
