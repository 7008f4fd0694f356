"""What the state keeps of the freeze calendar: what is waited for, when that ended, what a person overrode. Pure;
folded in by ``machine``.
"""

from dataclasses import replace

from croupier.core.rollout import events as e
from croupier.core.rollout.state import Override, RolloutState


def frozen(state: RolloutState, event: e.Frozen) -> RolloutState:
    """It waits for these, and for nothing else of the calendar."""
    return replace(state, frozen=event.freezes)


def thawed(state: RolloutState, event: e.Thawed) -> RolloutState:
    """Gates have all their time again, and so has a canary that is not ready: nobody waited for them."""
    patient = tuple(replace(gate, undecided_s=0.0, blind_since=None) for gate in state.gates)
    return replace(state, frozen=(), thawed_at=event.at, gates=patient)


def overridden(state: RolloutState, event: e.FreezeOverridden) -> RolloutState:
    """Of one freeze the newest override counts."""
    others = tuple(each for each in state.overrides if each.freeze != event.freeze)
    return replace(state, overrides=(*others, Override(event.freeze, event.since, event.until)))
