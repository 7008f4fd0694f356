"""The outlook of one plan: its stages with their times, and what each gate can find in them. Called by the CLI."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from croupier.core.gates import AnalysisRule, BurnRule, ClassicRule, EventsSli, Gate, PopulationRule, SequentialRule
from croupier.core.gates.forecast.chance import Chance
from croupier.core.gates.forecast.flow import Stretch
from croupier.core.gates.forecast.passing import Passing, Seen, enough, measuring, passing
from croupier.core.rollout.asking import bounded
from croupier.core.rollout.outlook.remedy import UNLIKELY, Remedy, remedy
from croupier.core.rollout.outlook.sights import Sight, player, sights
from croupier.core.rollout.outlook.stages import Stage, lasts, stages
from croupier.core.rollout.outlook.traffic import Traffic
from croupier.core.rollout.spec import Plan

_LOOKED_AT: Final = 500
"""Looks played for a stage at the most: more would take long and show little."""


def played_s(gate: Gate) -> float:
    """So much of a stage is played at the most: of a longer one, the gate finds more."""
    return _LOOKED_AT * gate.rule.interval_s


@dataclass(frozen=True, slots=True)
class Timed:
    """A stage, and the seconds that it takes at least and usually (infinite: a gate never lets it go on).

    ``stuck`` are the gates that would usually never pass there.
    """

    stage: Stage
    soonest_s: float
    usual_s: float
    stuck: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What a gate can find at the stage of this index. ``opinions``: the share of a classic gate's windows with events
    enough; ``remedy``: what would help, where it finds the fault too seldom.
    """

    stage: int
    sight: Sight
    opinions: float | None
    remedy: Remedy | None


@dataclass(frozen=True, slots=True)
class GateOutlook:
    """What a gate can find of a fault in the whole, and of one in a single group. Both are empty where its traffic is
    not known, and for events that must not happen, of which one look is enough.
    """

    gate: Gate
    traffic: Traffic | None
    whole: tuple[View, ...] = ()
    group: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """All of it."""

    stages: tuple[Timed, ...]
    gates: tuple[GateOutlook, ...]

    @property
    def soonest_s(self) -> float:
        return sum(timed.soonest_s for timed in self.stages)

    @property
    def usual_s(self) -> float:
        return sum(timed.usual_s for timed in self.stages)


def look_ahead(plan: Plan, traffic: Mapping[str, Traffic], chance: Callable[[], Chance]) -> Outlook:
    """The outlook with this traffic, by gate; one whose traffic is not known is taken to pass as soon as it can.

    ``chance`` begins a row of numbers from 0 to 1, the same each time.
    """
    timed = _timed(plan, traffic)
    gates = tuple(_outlook(plan, gate, traffic.get(gate.name), timed, chance) for gate in plan.gates)
    return Outlook(timed, gates)


def _timed(plan: Plan, traffic: Mapping[str, Traffic]) -> tuple[Timed, ...]:
    seen = dict.fromkeys(traffic, Seen())
    out: list[Timed] = []
    for stage in stages(plan):
        names = dict.fromkeys((*plan.guards, *stage.guards, *stage.asked)) if stage.exposing else ()
        watching = [plan.gate(name) for name in names]
        warming = stage.exposing and not any(earlier.stage.exposing for earlier in out)
        passes = {gate.name: _passing(gate, traffic.get(gate.name), stage, seen, warming=warming) for gate in watching}
        usual_s = lasts(plan, stage, passes)
        never = [name for name, each in passes.items() if each.usual_s == math.inf]
        stuck = tuple(name for name in never if not plan.gate(name).advisory)
        out.append(Timed(stage, lasts(plan, stage, passes, soonest=True), usual_s, stuck))
        for name, before in seen.items():
            if name in passes and math.isfinite(usual_s):
                seen[name] = before.with_more(traffic[name].per_s, stage.weight, usual_s)
    return tuple(out)


def _passing(gate: Gate, traffic: Traffic | None, stage: Stage, seen: Mapping[str, Seen], *, warming: bool) -> Passing:
    """When the gate passes at this stage, by the bounds of the analysis that asks it; ``warming`` where its counts
    count after its warm-up only.
    """
    for step in stage.steps:
        gate = bounded(gate, step)
    if isinstance(gate.rule, AnalysisRule):
        found = measuring(gate.rule)
    elif traffic is None or stage.shares:  # how many of the players are in a segment nobody knows
        soonest_s = gate.rule.interval_s * (gate.rule.dwell if isinstance(gate.rule, SequentialRule) else 1)
        found = Passing(soonest_s, soonest_s)
    else:
        found = passing(gate, traffic.healthy, stage.weight, before=seen[gate.name], next_bp=stage.next_bp)
    late_s = gate.warmup_s if warming else 0.0
    return Passing(found.soonest_s + late_s, found.usual_s + late_s)


def _outlook(
    plan: Plan, gate: Gate, traffic: Traffic | None, timed: tuple[Timed, ...], chance: Callable[[], Chance]
) -> GateOutlook:
    unforeseen = isinstance(gate.rule, BurnRule | PopulationRule | AnalysisRule)
    if traffic is None or unforeseen or isinstance(gate.sli, EventsSli):
        return GateOutlook(gate, traffic)
    watched = [
        (index, each)
        for index, each in enumerate(timed)
        if each.stage.weight_bp and (gate.name in plan.guards or gate.name in each.stage.asked)
    ]
    stretches = [Stretch(each.stage.weight, _watched_s(plan, gate, each)) for _, each in watched]
    play = player(gate, chance)

    def views(*, group: bool) -> tuple[View, ...]:
        found = sights(gate, traffic, stretches, play, group=group) if stretches else ()
        per_s = (traffic.group if group else traffic.bad).per_s
        out: list[View] = []
        for (index, each), sight in zip(watched, found, strict=True):
            blind = sight.by_then < UNLIKELY and not each.stage.by_hand  # who decides by hand can wait
            helped = remedy(sight, each.stage, traffic, play, group=group) if blind else None
            seen = enough(gate, gate.rule, per_s, each.stage.weight) if isinstance(gate.rule, ClassicRule) else None
            out.append(View(index, sight, seen, helped))
        return tuple(out)

    return GateOutlook(gate, traffic, views(group=False), views(group=True) if gate.by and traffic.groups else ())


def _watched_s(plan: Plan, gate: Gate, timed: Timed) -> float:
    """So long the gate looks at this stage: a guard all along, another while it is asked."""
    seconds = timed.usual_s if math.isfinite(timed.usual_s) else timed.soonest_s
    if gate.name not in plan.guards:
        rule = gate.rule
        least = rule.dwell if isinstance(rule, SequentialRule) else getattr(rule, "consecutive", 1)
        seconds = least * gate.rule.interval_s
    return min(max(seconds, gate.rule.interval_s), played_s(gate))
