"""Gates: service level indicators as counts, rules that judge them, verdicts with evidence."""

from croupier.core.gates.model import (
    EMBEDDED,
    PROMETHEUS,
    BurnRule,
    ClassicRule,
    Comparison,
    Gate,
    HardStop,
    Objective,
    SequentialRule,
)
from croupier.core.gates.sli import (
    Counts,
    EventsSli,
    Group,
    LatencySli,
    Matchers,
    PromqlSli,
    RatioSli,
    Reading,
    Silence,
    Sli,
)
from croupier.core.gates.verdict import Finding, GateState, Judgement, Opinion, Verdict

__all__ = [
    "EMBEDDED",
    "PROMETHEUS",
    "BurnRule",
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
    "PromqlSli",
    "RatioSli",
    "Reading",
    "SequentialRule",
    "Silence",
    "Sli",
    "Verdict",
]
