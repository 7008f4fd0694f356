"""Gates: service level indicators as counts, rules that judge them, verdicts with evidence."""

from croupier.core.gates.analysis.measurement import Measured, Measurement
from croupier.core.gates.analysis.model import MEASURED, AnalysisRule
from croupier.core.gates.group_actions import HoldPlayers, KillFlag, OnGroupFail
from croupier.core.gates.model import (
    EMBEDDED,
    OTLP,
    PROMETHEUS,
    BurnRule,
    ClassicRule,
    Comparison,
    Gate,
    HardStop,
    Objective,
    PopulationRule,
    SequentialRule,
)
from croupier.core.gates.sli import (
    Counts,
    EventsSli,
    Group,
    LatencySli,
    Matchers,
    MeasuredSli,
    PromqlSli,
    RatioSli,
    Reading,
    Silence,
    Sli,
)
from croupier.core.gates.verdict import Finding, GateState, Judgement, Opinion, Verdict

__all__ = [
    "EMBEDDED",
    "MEASURED",
    "OTLP",
    "PROMETHEUS",
    "AnalysisRule",
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
    "HoldPlayers",
    "Judgement",
    "KillFlag",
    "LatencySli",
    "Matchers",
    "Measured",
    "MeasuredSli",
    "Measurement",
    "Objective",
    "OnGroupFail",
    "Opinion",
    "PopulationRule",
    "PromqlSli",
    "RatioSli",
    "Reading",
    "SequentialRule",
    "Silence",
    "Sli",
    "Verdict",
]
