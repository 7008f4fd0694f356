"""The steps of a plan by weight: a stage is everything between two changes of the canary's share. For ``outlook``.

The share rises only when every guard has passed at the present weight, so that a stage takes as long as its steps or
its slowest guard.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from croupier.core.gates import ClassicRule
from croupier.core.gates.forecast.passing import Passing
from croupier.core.rollout.exposure import NOBODY, given, named
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    Pause,
    Plan,
    SetSegment,
    SetWeight,
    Shadow,
    Step,
)
from croupier.core.segments import BUCKETS


@dataclass(frozen=True, slots=True)
class Stage:
    """The steps from index ``first`` on, during which the canary has ``weight_bp`` of everybody and ``shares`` of
    single segments (by name), which ``guards`` judge alone; ``next_bp`` follows if all goes well.
    """

    first: int
    steps: tuple[Step, ...]
    weight_bp: int
    next_bp: int
    shares: tuple[tuple[str, int], ...] = ()
    guards: tuple[str, ...] = ()

    @property
    def exposing(self) -> bool:
        """Whether any player is meant to have the canary."""
        return self.weight_bp > 0 or bool(self.shares)

    @property
    def weight(self) -> float:
        """The canary's share, 0 to 1."""
        return self.weight_bp / BUCKETS

    @property
    def by_hand(self) -> bool:
        """Whether it ends when a person promotes, or approves."""
        return any(by_hand(step) for step in self.steps)

    @property
    def asked(self) -> tuple[str, ...]:
        """The gates that its analyses ask."""
        names = [name for step in self.steps if isinstance(step, Analysis) for name in step.gates]
        return tuple(dict.fromkeys(names))


def by_hand(step: Step) -> bool:
    """Whether the step waits for a person."""
    return isinstance(step, Approval) or (isinstance(step, Pause) and step.duration_s is None)


def stages(plan: Plan) -> tuple[Stage, ...]:
    """The stages in order; the promotion that follows the last one is none."""
    return tuple(_stages(plan.steps))


def _stages(steps: tuple[Step, ...]) -> Iterator[Stage]:
    starts = [index for index, step in enumerate(steps) if isinstance(step, SetWeight | SetSegment) or index == 0]
    weight, insides = 0, NOBODY
    weights: list[int] = []
    guards: tuple[str, ...] = ()
    for start in starts:
        step = steps[start]
        weight = step.weight_bp if isinstance(step, SetWeight) else weight
        weights.append(weight)
    for place, (start, weight) in enumerate(zip(starts, weights, strict=True)):
        end = starts[place + 1] if place + 1 < len(starts) else len(steps)
        following = next((later for later in weights[place + 1 :] if later > weight), BUCKETS)
        step = steps[start]
        insides = given(insides, step.segment, step.weight_bp) if isinstance(step, SetSegment) else insides
        guards += step.guards if isinstance(step, SetSegment) else ()
        yield Stage(start, steps[start:end], weight, following, named(weight, insides), tuple(dict.fromkeys(guards)))


def lasts(plan: Plan, stage: Stage, passes: Mapping[str, Passing], *, soonest: bool = False) -> float:
    """Seconds from the change of weight until the next one, if gates pass after so many; infinite where one never does.
    What a person waits is not in it.
    """
    at = 0.0
    for step in stage.steps:
        match step:
            case Pause(duration_s=float() | int() as seconds) | Shadow(duration_s=seconds):
                at += seconds
            case Analysis(gates=gates):
                held = [name for name in gates if not plan.gate(name).advisory]
                at = max([at, *(_asked(plan, name, passes[name], at, soonest=soonest) for name in held)])
            case _:
                pass
    if not stage.exposing:
        return at
    at = max(at, plan.disruption.between_s) if plan.disruption is not None else at
    held = [name for name in (*plan.guards, *stage.guards) if not plan.gate(name).advisory]
    return max([at, *(_seconds(passes[name], soonest=soonest) for name in held)])


def _asked(plan: Plan, name: str, passing: Passing, at: float, *, soonest: bool) -> float:
    """When a gate that is asked from ``at`` on has passed. A guard, and a window, have seen what was before; evidence
    that nobody gathered begins then.
    """
    rule = plan.gate(name).rule
    seconds = _seconds(passing, soonest=soonest)
    began = at if not isinstance(rule, ClassicRule) and name not in plan.guards else 0.0
    return max(at + rule.interval_s, began + seconds)


def _seconds(passing: Passing, *, soonest: bool) -> float:
    return passing.soonest_s if soonest else passing.usual_s
