"""One gate of a rollout explained: what it counted, what that says and how surely, and how long until it decides. Pure.

Made from the recorded history, so that a rollout of last year is explained as well as one in progress. Called by the
API; decides nothing.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from croupier.core.gates import Counts, EventsSli, Finding, Gate, GateState, Judgement, SequentialRule
from croupier.core.gates.forecast.chance import Chance
from croupier.core.gates.forecast.present import Ahead, ahead
from croupier.core.gates.sequential.bets import against_baseline
from croupier.core.gates.sequential.bound import interval
from croupier.core.gates.sequential.budget import needed, used
from croupier.core.gates.sequential.evidence import Trial
from croupier.core.gates.sequential.look import clumps
from croupier.core.gates.sequential.samples import pair
from croupier.core.gates.sequential.terms import terms
from croupier.core.gates.sequential.trials import spent
from croupier.core.gates.sli import Group
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import asked, next_weight
from croupier.core.rollout.decide import guarding
from croupier.core.rollout.machine import evolve, opened
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS

_MOST: Final = 20.0
"""Larger odds (a logarithm) say no more than these."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Counts of one version, and between which bad shares (0 to 1) its true one is: at all times at once, with 95 %."""

    counts: Counts
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GroupStory:
    """One group: of a sequential gate since the rollout began, of a classic one in its last window.

    ``odds`` to 1 that the canary is worse than permitted, ``needed`` to convict it, ``ratio``: how many times as often
    it fails by the bet that fits its counts best (``None``: none does). ``streak``: violations in a row.
    """

    group: Group
    canary: Estimate
    baseline: Estimate | None
    odds: float | None = None
    needed: float | None = None
    ratio: float | None = None
    streak: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One recorded look, at epoch seconds: the canary's weight, the odds (natural logarithm) of the group that is now
    nearest to being blamed, the longest run of violations, and the canary's counts of that look.
    """

    at: float
    weight_bp: int
    log_odds: float | None
    streak: int
    canary: Counts
    verdict: str


@dataclass(frozen=True, slots=True)
class GateStory:
    """All of it. ``state`` is the rollout's, ``gate`` as it is asked now, ``ahead`` what follows if counts go on as
    they were: only of a sequential gate that guards the canary now.
    """

    state: RolloutState
    gate: Gate
    remembered: GateState
    groups: tuple[GroupStory, ...]
    points: tuple[Point, ...]
    ahead: Ahead | None

    @property
    def used(self) -> float | None:
        """How far the evidence has come to blaming the canary, 0 to 1; ``None`` for a gate that gathers none."""
        rule = self.gate.rule
        if not isinstance(rule, SequentialRule):
            return None
        return used(spent(self.remembered.evidence), rule.budget)

    @property
    def clumps(self) -> float | None:
        """How many failures it takes for one; ``None`` for a gate that gathers no evidence."""
        rule, evidence = self.gate.rule, self.remembered.evidence
        if not isinstance(rule, SequentialRule):
            return None
        return clumps(rule, rule.dispersion if evidence is None else evidence.dispersion)

    @property
    def log_needed(self) -> float | None:
        """The odds (natural logarithm) that convict the group of the points; ``None`` for a classic gate."""
        evidence = self.remembered.evidence
        if evidence is None:
            return None
        return needed(evidence.worst.budget)


def explain_gate(history: Iterable[e.Event], name: str, chance: Chance) -> GateStory:
    """The story of that gate. Raises ``Corrupt`` where the history breaks, ``KeyError`` for no such gate."""
    state, events = opened(history)
    looks: list[tuple[e.GateJudged, int]] = []
    for event in events:
        if isinstance(event, e.Retried):
            looks.clear()  # another attempt gathers its evidence anew
        if isinstance(event, e.GateJudged) and event.state.gate == name:
            looks.append((event, state.weight_bp))
        state = evolve(state, event)
    gate, remembered = asked(state, name), state.gate_state(name)
    worst = _worst(remembered)
    return GateStory(
        state,
        gate,
        remembered,
        tuple(_groups(gate, remembered)),
        tuple(_point(event, weight, worst) for event, weight in looks),
        _ahead(state, gate, remembered, chance),
    )


def _worst(remembered: GateState) -> Group:
    """The group nearest to being blamed."""
    evidence = remembered.evidence
    return evidence.worst.group if evidence is not None else ()


def _groups(gate: Gate, remembered: GateState) -> Iterator[GroupStory]:
    latest, evidence = remembered.latest, remembered.evidence
    if evidence is not None and isinstance(gate.rule, SequentialRule):
        for trial in evidence.trials:
            baseline = _estimate(gate, trial.baseline) if trial.baseline.total else None
            yield GroupStory(
                trial.group,
                _estimate(gate, trial.canary),
                baseline,
                odds=math.exp(min(trial.log_e, _MOST)),
                needed=1.0 / trial.budget,
                ratio=_ratio(gate, gate.rule, trial),
            )
    elif latest is not None:
        yield from (_found(gate, finding) for finding in latest.findings)


def _found(gate: Gate, finding: Finding) -> GroupStory:
    baseline = finding.baseline
    seen = _estimate(gate, baseline) if baseline is not None and baseline.total else None
    return GroupStory(finding.group, _estimate(gate, finding.canary), seen, streak=finding.streak)


def _estimate(gate: Gate, counts: Counts) -> Estimate:
    if isinstance(gate.sli, EventsSli) or not counts.total:
        return Estimate(counts, 0.0, 1.0)
    return Estimate(counts, *interval(counts.bad, counts.total))


def _ratio(gate: Gate, rule: SequentialRule, trial: Trial) -> float | None:
    """The bet that fits all counts best, were none capped; ``None`` where none fits better than what is permitted."""
    held = terms(gate, rule, trial.budget)
    gains = against_baseline([pair(trial.canary, trial.baseline)], tolerance=held.tolerance, ratios=held.ratios)
    best, ratio = max(zip(gains, held.ratios, strict=True)) if gains is not None else (0.0, 0.0)
    return ratio if best > 0.0 else None


def _point(event: e.GateJudged, weight_bp: int, worst: Group) -> Point:
    state, latest = event.state, event.state.latest
    odds: float | None = None
    if state.evidence is not None:
        odds = next((min(t.log_e, _MOST) for t in state.evidence.trials if t.group == worst), 0.0)
    findings = latest.findings if latest is not None else ()
    canary = next((finding.canary for finding in findings if finding.group == worst), Counts(0, 0))
    streak = max((length for _, length in state.streaks), default=0)
    return Point(event.at, weight_bp, odds, streak, canary, latest.verdict if latest is not None else "")


def _ahead(state: RolloutState, gate: Gate, remembered: GateState, chance: Chance) -> Ahead | None:
    latest, evidence = remembered.latest, remembered.evidence
    guards = state.phase.active and state.abort is None and gate.name in guarding(state)
    rule = gate.rule
    if not guards or evidence is None or latest is None or not isinstance(rule, SequentialRule):
        return None
    return ahead(gate, rule, evidence, _share(latest, state.weight_bp), chance, next_weight(state))


def _share(latest: Judgement, weight_bp: int) -> float:
    """The canary's share of what the gate counts (0 to 1): of a segment's players it is another one than the weight.
    Where the latest sample had none of the canary's few events, the weight says it.
    """
    whole = next((finding for finding in latest.findings if not finding.group), None)
    if whole is None or not whole.canary.total:
        return weight_bp / BUCKETS
    return whole.canary.total / (whole.canary.total + (whole.baseline.total if whole.baseline else 0))
