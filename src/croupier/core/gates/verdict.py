"""Verdicts with their evidence, and the little a gate remembers between two looks.

Only ``pass`` promotes. ``no_data`` and ``inconclusive`` hold; neither promotes nor condemns by itself.
"""

from dataclasses import dataclass
from enum import StrEnum

from croupier.core.gates.analysis.measurement import Measurement
from croupier.core.gates.analysis.run import Run
from croupier.core.gates.sequential.evidence import Evidence
from croupier.core.gates.sli import Counts, Group, Instance


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no_data"


class Opinion(StrEnum):
    """What one look says of one group."""

    GOOD = "good"
    VIOLATED = "violated"
    COMMON = "common"
    """Both versions miss the objective alike: an incident, not the release."""
    FEW = "few"
    """Too few events for an opinion."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One group's counts in the window and what they say; ``streak`` is the number of violations in a row, this one
    included. ``recent`` are the canary's counts in the short window of a rule that has two.
    """

    group: Group
    canary: Counts
    baseline: Counts | None
    opinion: Opinion
    streak: int = 0
    recent: Counts | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, when and over which span (epoch seconds), why in one sentence, and the counts behind it; ``parts`` as
    in the reading. ``taken`` are the measurements of a gate that measures, and ``measured`` says that it is one.
    ``sick`` is the canary's instance, one at most, that is all that is wrong with it, with its counts since it failed
    first (of this span, where they are too few to show that again); ``instances`` are those whose counts of this span
    may matter to that. What was counted before something had ``overtaken`` the question is a hard stop only.
    """

    gate: str
    verdict: Verdict
    at: float
    since: float
    until: float
    reason: str
    findings: tuple[Finding, ...] = ()
    hard: bool = False
    parts: tuple[Counts, ...] = ()
    taken: tuple[Measurement, ...] = ()
    measured: bool = False
    sick: tuple[Instance, ...] = ()
    overtaken: bool = False
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class Population:
    """What a population rule counted at the weight that was confirmed at ``began``, up to ``until`` (epoch seconds):
    the canary's events and all, by group. ``weights`` is the number of weights so far, this one included.
    """

    began: float
    until: float
    counted: tuple[tuple[Group, int, int], ...]
    weights: int = 1


@dataclass(frozen=True, slots=True)
class GateState:
    """What a gate carries from look to look. ``streaks`` holds only groups whose streak is above 0.

    ``passed_at`` is when it last said ``pass`` about the present weight; a change of weight clears it, an analysis step
    that begins to ask this gate, and any other verdict. ``violated_since`` is the start of the present run of
    violations (for the time to detection). ``evidence`` is what a sequential rule has gathered. ``undecided_s`` is for
    how many seconds in all it was inconclusive since it was asked or last passed, time without data not counted;
    ``blind_since`` is when it began to say ``no_data`` and nothing else. ``population`` is what a population rule has
    counted, ``analysis`` what an analysis has come to. ``read_to`` is up to when (epoch seconds) a gate on events that
    must not happen has looked for them.
    """

    gate: str
    streaks: tuple[tuple[Group, int], ...] = ()
    judged_at: float | None = None
    passed_at: float | None = None
    violated_since: float | None = None
    latest: Judgement | None = None
    evidence: Evidence | None = None
    undecided_s: float = 0.0
    blind_since: float | None = None
    population: Population | None = None
    analysis: Run | None = None
    read_to: float | None = None
