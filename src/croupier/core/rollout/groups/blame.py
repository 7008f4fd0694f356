"""Which groups a failing gate is about, and whether the rest of the canary is sound.

A group is responsible that condemns the canary by itself. Where only the whole does, a group is responsible that
nothing could go on with, while all others together are calm: of many groups each has a small part of the budget, and
the whole convicts before them. Called by ``remedy``.
"""

from collections.abc import Sequence
from dataclasses import replace

from croupier.core.gates import ClassicRule, Finding, Gate, GateState, Opinion, SequentialRule
from croupier.core.gates.classic import opinion
from croupier.core.gates.hard_stop import stopped, stops
from croupier.core.gates.sequential.budget import Held, together
from croupier.core.gates.sequential.opinion import CALM, SUSPECT
from croupier.core.gates.sli import Group
from croupier.core.rollout.groups.acted import covers
from croupier.core.rollout.groups.readings import rest


def responsible(gate: Gate, state: GateState) -> tuple[Group, ...]:
    """The groups that a gate which says ``fail`` blames; none where it is the whole."""
    found = tuple(finding for finding in state.latest.findings if finding.group) if state.latest else ()
    if state.latest is not None and state.latest.hard:
        return tuple(finding.group for finding in stopped(gate, state.latest.findings) if finding.group)
    if isinstance(gate.rule, SequentialRule):
        return _convicted(state)
    return _violating(gate.rule, found) if isinstance(gate.rule, ClassicRule) else ()


def also_fails(gate: Gate, state: GateState, scopes: Sequence[Group]) -> str | None:
    """Why more than these groups is at fault, in words; ``None`` where the rest of the canary is sound."""
    findings = state.latest.findings if state.latest is not None else ()
    if gate.hard_stop is not None:
        never = replace(gate, hard_stop=replace(gate.hard_stop, failing=None))
        if any(stops(never, finding.canary, finding.baseline) for finding in findings):
            return "such a hard stop is about everything"
    canary = rest({finding.group: finding.canary for finding in findings}, scopes)
    known = {finding.group: finding.baseline for finding in findings if finding.baseline is not None}
    baseline = rest(known, scopes) if known else None
    if stops(gate, canary, baseline):
        return "the rest fails as well"
    if isinstance(gate.rule, ClassicRule):
        violated = opinion(gate, gate.rule, canary, baseline) is Opinion.VIOLATED
        return "the rest misses it as well" if violated else None
    others = [
        trial
        for trial in (state.evidence.trials if state.evidence is not None else ())
        if trial.group and not any(covers(scope, trial.group) for scope in scopes)
    ]
    whole = sum(trial.budget for trial in others)
    if others and together(Held(trial.budget / whole, trial.log_e) for trial in others) >= CALM:
        return "other groups are suspect as well"
    return None


def _convicted(state: GateState) -> tuple[Group, ...]:
    trials = [trial for trial in (state.evidence.trials if state.evidence is not None else ()) if trial.group]
    by_itself = tuple(trial.group for trial in trials if trial.spent >= 0.0)
    return by_itself or tuple(trial.group for trial in trials if trial.log_e >= SUSPECT)


def _violating(rule: ClassicRule, found: Sequence[Finding]) -> tuple[Group, ...]:
    by_itself = tuple(finding.group for finding in found if finding.streak >= rule.consecutive)
    return by_itself or tuple(finding.group for finding in found if finding.opinion is Opinion.VIOLATED)
