"""How a gate stands, in words that a single empty sample does not change. Pure; the headline, the page and terminals
speak of it, nothing is decided by it.

Samples of a second often hold none of the canary's few events. The verdict on such a one is ``no_data``, rightly; what
was gathered before stands all the same, and that is what people want to read.
"""

from dataclasses import dataclass, replace

from croupier.core.gates import Gate, GateState, SequentialRule, Verdict
from croupier.core.gates.sequential.budget import used
from croupier.core.gates.sequential.evidence import UNLIKELY, Evidence
from croupier.core.gates.sequential.opinion import INCIDENT, sum_up
from croupier.core.gates.sequential.trials import spent
from croupier.core.rollout.asking import asked, next_weight
from croupier.core.rollout.decide import binding
from croupier.core.rollout.state import RolloutState


@dataclass(frozen=True, slots=True)
class Standing:
    """What the gate says of everything that it has seen: the verdict, and why as in a judgement."""

    verdict: Verdict
    reason: str


def standing(state: RolloutState, name: str) -> Standing | None:
    """How the gate stands; ``None`` where it has not looked yet."""
    held, gate = state.gate_state(name), asked(state, name)
    latest, evidence = held.latest, held.evidence
    if latest is None:
        return None
    if latest.verdict is Verdict.NO_DATA and evidence is not None and only_this_sample_is_empty(gate, held):
        whole, odds = evidence.trials[0], {trial.group: trial.log_e for trial in evidence.trials}
        rule = gate.rule
        assert isinstance(rule, SequentialRule)  # noqa: S101 - nothing else gathers evidence
        counts = {"canary": whole.canary, "baseline": whole.baseline}
        verdict, reason = sum_up(gate, rule, evidence, odds, **counts, next_bp=next_weight(state))
        # It passes by what was counted, and yet it does not: it is to be heard of first.
        return (
            Standing(verdict, reason) if verdict is not Verdict.PASS else Standing(Verdict.INCONCLUSIVE, latest.reason)
        )
    return Standing(latest.verdict, latest.reason)


def only_this_sample_is_empty(gate: Gate, held: GateState) -> bool:
    """Whether the source did answer, the canary was heard of not long ago, and its silence may be chance."""
    rule, evidence, latest = gate.rule, held.evidence, held.latest
    if not isinstance(rule, SequentialRule) or evidence is None or latest is None or not latest.findings:
        return False
    return empty_by_chance(rule, evidence)


def empty_by_chance(rule: SequentialRule, evidence: Evidence) -> bool:
    """Whether the canary was heard of, and its silence of late is short or may be chance. A decision asks for both:
    holding must not wait. People are told of silence that lasts.
    """
    return evidence.trials[0].canary.total > 0 and (evidence.quiet < rule.dwell or evidence.missed < UNLIKELY)


def said_so_far(gate: Gate, held: GateState) -> Verdict | None:
    """The verdict of the same; ``None`` of a gate that gathers no evidence, or has none yet."""
    if held.evidence is None or held.latest is None:
        return None
    empty = held.latest.verdict is Verdict.NO_DATA and only_this_sample_is_empty(gate, held)
    return Verdict.INCONCLUSIVE if empty else held.latest.verdict


def stance(state: RolloutState, name: str) -> str:
    """The same as what its name is followed by: ``says inconclusive (3 of 20)``, ``gathers evidence: ...``."""
    found, held = standing(state, name), state.gate_state(name)
    if found is None:
        return "has not looked yet"
    if found.verdict is Verdict.PASS and held.passed_at is None:
        return "has to look again here"
    gate = asked(state, name)
    if held.evidence is None or not isinstance(gate.rule, SequentialRule):
        return _says(found)
    if found.verdict is Verdict.INCONCLUSIVE and not _names_one(held):
        return _gathers(gate.rule, held.evidence) or _says(found)
    if found.verdict is Verdict.NO_DATA:
        way = used(spent(held.evidence), gate.rule.budget)
        return _says(found) + (f", {100 * way:.0f} % of the way to blaming the release" if way else "")
    return _says(found)


def unpassed(state: RolloutState) -> tuple[str, ...]:
    """The gates whose word counts and that have not passed at this weight, in their order."""
    return tuple(name for name in binding(state) if state.gate_state(name).passed_at is None)


def as_it_stands(state: RolloutState) -> RolloutState:
    """The state as if the last sample of its gates had not been empty by chance."""
    return replace(state, gates=tuple(_as_it_stands(state, held) for held in state.gates))


def _as_it_stands(state: RolloutState, held: GateState) -> GateState:
    found, latest = standing(state, held.gate), held.latest
    if found is None or latest is None or found.verdict is latest.verdict:
        return held
    return replace(held, latest=replace(latest, verdict=found.verdict, reason=found.reason))


def _names_one(held: GateState) -> bool:
    """Whether a single sick instance is all that is wrong: people look for its name."""
    return held.latest is not None and bool(held.latest.sick)


def _says(found: Standing) -> str:
    return f"says {found.verdict.replace('_', ' ')} ({found.reason})"


def _gathers(rule: SequentialRule, evidence: Evidence) -> str | None:
    """What is missing to a verdict, in a few words; ``None`` in an incident, where more evidence helps nobody."""
    if evidence.incident is not None and evidence.incident.log_e >= INCIDENT:
        return None
    way = used(spent(evidence), rule.budget)
    if way > 0.0:
        return f"gathers evidence: {100 * way:.0f} % of the way to blaming the release"
    if evidence.samples < rule.dwell:
        return f"gathers evidence: {evidence.samples} of the {rule.dwell} samples needed at this weight"
    return "gathers evidence: too little yet to go on"
