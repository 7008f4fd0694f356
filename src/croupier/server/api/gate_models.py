"""What is said about a rollout's gates: what they ask, what they say, and on what evidence. Part of ``models``."""

from typing import Literal

from pydantic import Field

from croupier.core.gates import Opinion, Verdict
from croupier.core.gates.analysis.run import Phase as Outcome
from croupier.server.api.wire import Model, Moment


class CountsView(Model):
    good: int
    total: int


class FindingView(Model):
    """One group's counts in the window. The empty group is everything."""

    group: dict[str, str] = Field(examples=[{"market": "DE", "psp": "paysafe"}])
    canary: CountsView
    baseline: CountsView | None
    opinion: Opinion
    streak: int = Field(description="Violations in a row, this one included.")


class BudgetView(Model):
    """A sequential gate's part of the rollout's false-rollback budget."""

    held: float = Field(description="The probability with which it may ever blame a canary that is no worse.")
    used: float = Field(ge=0, le=1, description="How far its evidence has come to a verdict; 1 is one.")


class EvidenceView(Model):
    """What a sequential gate holds against one group, of all that was counted since it began to look."""

    group: dict[str, str] = Field(description="Empty: everything.", examples=[{"psp": "kestrel"}])
    canary: CountsView
    baseline: CountsView | None = Field(description="Null where the baseline had no such events.")
    odds: float = Field(
        description="How many to 1 that the canary is worse than permitted; 0 to 1 where nothing speaks for that."
    )
    needed: float = Field(description="The odds that convict it: 1 divided by the group's part of the budget.")


class MeasurementView(Model):
    """One measurement of a gate that measures."""

    at: Moment
    outcome: Outcome
    text: str = Field(description="The value, or what went wrong.", examples=["[0.97]"])


class MetricView(Model):
    """A metric of a gate that measures: what it has come to, and its last measurements."""

    name: str
    phase: Outcome
    count: int = Field(description="Measurements without errors.")
    wanted: int | None = Field(description="So many are enough; null: as long as the rollout goes on.")
    failed: int
    inconclusive: int
    errors: int
    errors_in_a_row: int
    dry_run: bool = Field(description="Whether it decides nothing.")
    measurements: list[MeasurementView] = Field(description="Oldest first.")


class GateView(Model):
    """A gate of this rollout: what it asks, what it says now and on what evidence."""

    name: str
    verdict: Verdict | None = Field(description="Null where it has not looked yet.")
    reason: str
    standing: Verdict | None = Field(
        None,
        description="As the verdict; but one sample that by chance had no event of the canary changes nothing.",
    )
    standing_reason: str = Field("", description="Why it stands so: as the reason, of all the evidence.")
    stance: str = Field("", examples=["gathers evidence: 11 % of the way to blaming the release"])
    text: str = Field(description="One line for people.", examples=["deposit-slo pass: 99.61 % of 1034 good"])
    objective: str = Field(description="What it demands, as people say it.")
    at: Moment | None = Field(description="The look that the verdict comes from.")
    since: Moment | None = Field(None, description="Start of the window that it looked at.")
    until: Moment | None = None
    guarding: bool = Field(description="Whether it guards the canary now.")
    background: bool = Field(description="Whether it watches all along, not only at a step.")
    waived: bool = Field(description="Whether a person took it out of this rollout.")
    segment: str | None = Field(None, description="The only segment whose players it judges; null: everybody.")
    on_fail: Literal["abort", "hold"] | None = Field(
        None, description="Of such a gate: hold takes its segment back when it fails, abort everybody."
    )
    advisory: bool = Field(False, description="Whether it only speaks: it neither stops the rollout nor holds it.")
    hard: bool = Field(False, description="Whether the verdict is a hard stop.")
    budget: BudgetView | None = Field(None, description="Null where the gate counts violations in a row.")
    evidence: list[EvidenceView] = Field(default_factory=list, description="Of a gate with a budget, by group.")
    findings: list[FindingView] = Field(default_factory=list, description="The latest look, by group.")
    metrics: list[MetricView] = Field(default_factory=list, description="Of a gate that measures values.")


class Point(Model):
    at: Moment
    good: int
    total: int


class Series(Model):
    version: str
    canary: bool
    points: list[Point]


class GateSamples(Model):
    """What a gate saw of both versions, look by look: a chart."""

    gate: str
    objective: str
    series: list[Series]


class Samples(Model):
    rollout: str
    gates: list[GateSamples]
