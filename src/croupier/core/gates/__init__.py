"""Gates: service level indicators as counts, rules that judge them, verdicts with evidence."""

from croupier.core.gates.model import ClassicRule, Comparison, Gate, HardStop, Objective, SequentialRule
from croupier.core.gates.sli import (
    Counts,
    EventsSli,
    Group,
    LatencySli,
    Matchers,
    RatioSli,
    Reading,
    Silence,
    Sli,
)
from croupier.core.gates.verdict import Finding, GateState, Judgement, Opinion, Verdict

__all__ = [
    "ClassicRule",
    "Comparison",
    "Counts",
    "EventsSli",
    "Finding",
    "Gate",
    "GateState",
    "Group",
    "HardStop",
    "Judgement",
    "LatencySli",
    "Matchers",
    "Objective",
    "Opinion",
    "RatioSli",
    "Reading",
    "SequentialRule",
    "Silence",
    "Sli",
    "Verdict",
]
