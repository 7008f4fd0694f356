"""When a gate would let a healthy canary go on, if the counts are what they are on average."""

import math
from dataclasses import dataclass, replace
from typing import Final

from croupier.core.gates.analysis.model import AnalysisRule
from croupier.core.gates.analysis.wording import takes_s
from croupier.core.gates.forecast.chance import at_least
from croupier.core.gates.forecast.flow import Flow
from croupier.core.gates.model import BurnRule, ClassicRule, Gate, PopulationRule, SequentialRule
from croupier.core.gates.sequential.opinion import sum_up
from croupier.core.gates.sequential.trials import begin
from croupier.core.gates.sli import Counts, EventsSli
from croupier.core.gates.verdict import Verdict

NEVER: Final = 0.001
"""A look that has an opinion as seldom as this is none to wait for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The events counted so far at all weights: canary's, baseline's, and the seconds in which there were so many."""

    canary: float = 0.0
    baseline: float = 0.0
    seconds: float = 0.0

    def with_more(self, per_s: float, weight: float, seconds: float) -> "Seen":
        """After so many seconds more at this weight (0 to 1)."""
        events = per_s * seconds
        return Seen(self.canary + events * weight, self.baseline + events * (1.0 - weight), self.seconds + seconds)


@dataclass(frozen=True, slots=True)
class Passing:
    """Seconds at a weight until the gate passes: with all the traffic that it may need, and with that there is
    (infinite: never).
    """

    soonest_s: float
    usual_s: float


def passing(gate: Gate, flow: Flow, weight: float, *, before: Seen, next_bp: int) -> Passing:
    """For a canary that has the share ``weight`` (0 to 1) of the flow, ``before`` being what was seen at other weights.
    ``next_bp`` is the weight (basis points) that follows.
    """
    interval_s = gate.rule.interval_s
    if isinstance(gate.sli, EventsSli):
        return Passing(interval_s, interval_s)
    if isinstance(gate.rule, SequentialRule):
        samples = _samples(gate, gate.rule, flow, weight, before, next_bp)
        return Passing(gate.rule.dwell * interval_s, samples * interval_s)
    if isinstance(gate.rule, PopulationRule):
        return Passing(gate.rule.samples * interval_s, gate.rule.samples * interval_s)
    if isinstance(gate.rule, AnalysisRule):
        return measuring(gate.rule)
    return Passing(interval_s, _window(gate, gate.rule, flow.per_s, weight))


def measuring(rule: AnalysisRule) -> Passing:
    """An analysis takes its measurements whatever the traffic."""
    longest_s = max(map(takes_s, rule.deciding), default=0.0)
    return Passing(longest_s, longest_s)


def enough(gate: Gate, rule: ClassicRule | BurnRule, per_s: float, weight: float) -> float:
    """The share of whole windows (0 to 1) that have events enough for an opinion."""
    return at_least(rule.min_samples, per_s * _scarcer(gate, weight) * rule.window_s)


def _window(gate: Gate, rule: ClassicRule | BurnRule, per_s: float, weight: float) -> float:
    """Until the first window with enough events, where there usually is one; else on average."""
    opinions = enough(gate, rule, per_s, weight)
    if opinions < NEVER:
        return math.inf
    if opinions < 0.5:
        return rule.window_s + rule.interval_s / opinions
    looks = rule.min_samples / (per_s * _scarcer(gate, weight)) / rule.interval_s
    return min(math.ceil(looks) * rule.interval_s, rule.window_s)


def _scarcer(gate: Gate, weight: float) -> float:
    """The share of the version that has fewer events: a comparison by itself needs both."""
    return min(weight, 1.0 - weight) if gate.objective is None and gate.comparison is not None else weight


def _samples(gate: Gate, rule: SequentialRule, flow: Flow, weight: float, before: Seen, next_bp: int) -> float:
    """How many samples the rule itself wants: it is asked after each."""
    counted = told(gate, rule, flow.per_s, weight)
    if counted < NEVER:
        return math.inf
    evidence = begin(gate, rule, 0.0)
    odds = {trial.group: trial.log_e for trial in evidence.trials}
    for samples in range(rule.dwell, rule.patience):
        seen = before.with_more(flow.per_s, weight, samples * rule.interval_s)
        canary, baseline = _counts(seen.canary, flow.canary), _counts(seen.baseline, flow.baseline)
        trial = replace(evidence.trials[0], canary=canary, baseline=baseline)
        said = replace(evidence, trials=(trial,), incident=None, seconds=seen.seconds, samples=samples)
        verdict, _ = sum_up(gate, rule, said, odds, canary=canary, baseline=baseline, next_bp=next_bp)
        if canary.total and verdict is Verdict.PASS:
            return samples / counted
    return rule.patience / counted


def told(gate: Gate, rule: SequentialRule, per_s: float, weight: float) -> float:
    """The share of samples (0 to 1) that say something of a canary with this share of so many events a second: those in
    which it can be compared or, where it has everything, those of its own that the objective is asked.
    """
    events = per_s * rule.interval_s
    if weight >= 1.0:
        return _any(events) if gate.objective is not None else 0.0
    # Next to a baseline that has events it is silent only without any of its own for so many samples.
    return _any(events * weight * rule.dwell) * _any(events * (1.0 - weight))


def _any(events: float) -> float:
    """The probability of an event where there are so many on average."""
    return -math.expm1(-events)


def _counts(events: float, bad: float) -> Counts:
    total = round(events)
    return Counts(total - round(total * bad), total)
