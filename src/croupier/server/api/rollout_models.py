"""What is said and taken about rollouts: steps, gates and evidence, what happened, a replay. Part of ``models``."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from croupier.control.whom import Whom
from croupier.core.gates import Opinion, Verdict
from croupier.core.gates.analysis.run import Phase as Outcome
from croupier.core.rollout.events import Cause, Hold
from croupier.core.rollout.state import Phase
from croupier.server.api.approval_models import ProfileUsedView, RolloutApprovalView
from croupier.server.api.calendar_models import FreezeView
from croupier.server.api.pin_models import PinnedVersion
from croupier.server.api.shadow_models import ShadowView
from croupier.server.api.smoke_models import SmokeRunView
from croupier.server.api.wire import Model, Moment, Name, Percent, Reason, Version

Attribute: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]
HeaderText: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


class SegmentShareView(Model):
    """The canary's share of a segment's players, where it is more than everybody's."""

    segment: str
    weight: Percent
    held: bool = Field(False, description="Whether it is held: nobody of it has the canary now.")


class StepView(Model):
    index: int
    kind: Literal[
        "setWeight", "setSegment", "setMirrorRoute", "shadow", "pause", "analysis", "approval", "smoke", "flag"
    ]
    state: Literal["done", "current", "stopped", "todo"] = Field(
        description="Stopped: the step at which the rollout was given up or superseded."
    )
    text: str = Field(description="As people say it.", examples=["5 % of the players", "wait 5 min", "ask deposit-slo"])
    weight: Percent | None = Field(None, description="Of a setWeight or setSegment.")
    segment: str | None = Field(None, description="Of a setSegment.")
    guards: list[str] = Field(default_factory=list, description="Of a setSegment: gates that judge it alone.")
    flag: str | None = Field(None, description="Of a flag step.")
    duration_s: float | None = Field(None, description="Of a pause; null waits for a person. Of a shadow.")
    copied: Percent | None = Field(None, description="Of a setMirrorRoute or shadow: the share of requests.")
    gates: list[str] = Field(default_factory=list, description="Of an analysis.")
    checks: list[str] = Field(default_factory=list, description="Of a smoke step.")
    harm: int | None = Field(None, description="Of an analysis that says so: failed requests at the next weight.")
    dwell: int | None = Field(None, description="Of an analysis that says so: samples at the least.")


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


class AbortView(Model):
    """Why and when the rollout was given up."""

    cause: Cause
    reason: str
    gate: str | None
    at: Moment
    harm_since: Moment | None = Field(description="Start of the window in which the harm was first seen.")
    zero_at: Moment | None = Field(description="When the data plane was seen to send nobody to the canary.")


class MovedView(Model):
    """Open rounds that the rollout's end moved in the middle."""

    version: str
    count: int
    ids: list[str] = Field(description="The first thousand; all of them: GET /services/{service}/pins?rollout=ID.")
    reason: str
    at: Moment


class GroupActionView(Model):
    """A group that was acted upon instead of giving up the whole release."""

    group: dict[str, str] = Field(examples=[{"psp": "kestrel"}])
    gate: str = Field(description="The gate that blamed it.")
    text: str = Field(
        description="As people say it.", examples=["psp=kestrel: flag psp_kestrel turned off; others go on"]
    )
    reason: str = Field(description="What the gate said of it.")
    kills: list[str] = Field(description="Flags that were turned off; they stay off until a person restores them.")
    held: str | None = Field(description="The players who have the stable version until the rollout ends.")
    at: Moment
    in_force_at: Moment | None = Field(description="When all of it was seen to be done; null: not yet.")
    watched_at: Moment | None = Field(description="When the watch had ended well and the others went on.")


class StackView(Model):
    """Blue (the version before) or green (the new one) of a rollout that switches everybody at once."""

    colour: Literal["blue", "green"]
    version: str
    serves: bool = Field(description="Whether everybody is meant to have it.")
    text: str = Field(examples=["kept for 59 min more: the way back"])


class HeldView(Model):
    """A segment that is held alone: its players have the stable version, whatever the steps do."""

    segment: str = Field(examples=["market=SE"])
    match: dict[str, list[str]] = Field(description="Who is in it.", examples=[{"market": ["SE"]}])
    text: str = Field(examples=["market=SE held on 1.0.0 by a person: a bad translation"])
    reason: str
    gate: str | None = Field(description="The segment's gate that failed; null where a person holds it.")
    at: Moment


class MemberView(Model):
    """One of the rollouts that move as one, as it stands now."""

    rollout: str = Field(examples=["wallet-7"])
    service: str
    version: str
    phase: Phase
    weight: Percent = Field(description="What is wanted for its canary, of everybody.")
    confirmed_weight: Percent | None = Field(description="What the data plane was seen to serve.")
    step: int
    exposure: str
    waiting_for: str


class RolloutView(Model):
    """One rollout, with everything that a page or a terminal shows of it."""

    id: str = Field(examples=["payments-7"])
    service: str
    stable: str | None = Field(description="The version that players go back to; null for the first deployment.")
    canary: str
    digest: str
    phase: Phase
    active: bool = Field(description="Whether it still has something to do.")
    attempt: int = Field(description="1, and one more with each retry.")
    step: int = Field(description="Index of the current step; -1 before the first, the number of steps after the last.")
    steps: list[StepView]
    weight: Percent = Field(description="What is wanted for the canary, of everybody.")
    segments: list[SegmentShareView] = Field(
        default_factory=list, description="Segments with more of it than everybody, the highest share first."
    )
    exposure: str = Field("", description="The same in words.", examples=["5 %", "100 % of employees"])
    confirmed_weight: Percent | None = Field(
        description="What the data plane was seen to serve; null: not confirmed yet."
    )
    pace: str | None = Field(None, description="How its weights were chosen, in words; null where a person did.")
    segment: str | None = Field(description="The weight counts inside of this segment; null: everybody.")
    frozen: list[FreezeView] = Field(
        default_factory=list, description="What of the freeze calendar it waits for; the share does not rise meanwhile."
    )
    hold: Hold | None = Field(description="Who keeps it paused.")
    hotfix: bool = Field(False, description="Whether it goes through the lane for hotfixes.")
    profile: ProfileUsedView | None = Field(None, description="Null where it names none.")
    loosened: list[str] = Field(
        default_factory=list,
        description="In what it is less careful than its profile.",
        examples=[["keepStable 1 min, of the profile 30 min"]],
    )
    approval: RolloutApprovalView | None = Field(
        None, description="What it waits for now, or had waited for at its start."
    )
    waiting_for: str = Field(description="One sentence: what it waits for now, or how it ended.")
    together: list[MemberView] = Field(
        default_factory=list,
        description="The rollouts that move as one with it and itself, in the order of moving up. Not in lists.",
    )
    gates: list[GateView]
    smokes: list[SmokeRunView] = Field(
        default_factory=list, description="The last runs of its smoke checks, oldest first; the history has them all."
    )
    open: list[str] = Field(default_factory=list, description="Gates that have to pass before it goes on.")
    held: list[HeldView] = Field(default_factory=list, description="Segments that are held alone, oldest first.")
    named: list[str] = Field(default_factory=list, description="Segments that its steps name.")
    acted: list[GroupActionView] = Field(default_factory=list, description="Groups that were acted upon, oldest first.")
    abort: AbortView | None
    moved: list[MovedView] = Field(
        default_factory=list, description="Open rounds that it moved in the middle, since it could not let them end."
    )
    shadow: ShadowView | None = Field(None, description="What is copied to the canary, and how its answers compare.")
    open_rounds: list[PinnedVersion] = Field(
        default_factory=list, description="Rounds of the service that end where they began, by version."
    )
    superseded_by: str | None
    created_at: Moment
    started_at: Moment = Field(description="Start of this attempt.")
    ended_at: Moment | None
    stacks: list[StackView] = Field(
        default_factory=list, description="Blue and green, where everybody is switched at once; else none."
    )
    kept_until: Moment | None = Field(
        None, description="Until when the version before is kept after the promotion, and it can be undone."
    )
    preview: str | None = Field(
        None,
        description="Address at which the canary answers before players get it; null where there is none now.",
        examples=["http://127.0.0.1:8081"],
    )
    version: int = Field(description="Rises with every change; also the ETag.")
    recorded: bool = Field(
        True, description="False only in the answer to an abort that was acted on while the store was out of reach."
    )


class StartRequest(Model):
    service: Name
    version: Version
    strategy: Name | None = Field(None, description="Name of the Rollout document, where the service has several.")
    wait: bool = Field(True, description="False: refused while the freeze calendar would keep it waiting.")
    reason: Reason = ""
    hotfix: bool = Field(False, description="In the lane for hotfixes: shorter, still gated; needs a reason.")
    supersede: bool = Field(False, description="Also where a hotfix is in progress.")


class StartTogetherRequest(Model):
    versions: dict[Name, Version] = Field(
        min_length=2, max_length=20, examples=[{"wallet": "2.0.0", "payments": "3.1.0"}]
    )
    strategy: Name | None = Field(None, description="Name of the Rollout document, where several move these services.")
    wait: bool = Field(True, description="False: refused while the freeze calendar would keep one waiting.")
    reason: Reason = ""


class ChangeRequest(Model):
    """Pause, resume, abort, undo and retry."""

    reason: Reason = ""


class AbortRequest(ChangeRequest):
    at_once: bool = Field(
        False, alias="now", description="Open rounds do not end where they began: they move, too, and are listed."
    )


class WhomRequest(ChangeRequest):
    """Release one segment: exactly one of segment and match."""

    segment: Annotated[str, Field(min_length=1, max_length=1_000)] | None = Field(
        None, description="Its name: one that the rollout's steps name or hold, or a declared Segment."
    )
    match: dict[Attribute, Annotated[list[HeaderText], Field(min_length=1, max_length=200)]] | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="Or what its players' requests carry.",
        examples=[{"market": ["SE"]}],
    )

    @property
    def whom(self) -> Whom:
        """The same for the use cases."""
        return Whom(self.segment, tuple((name, tuple(values)) for name, values in (self.match or {}).items()))


class HoldRequest(WhomRequest):
    """Hold one segment on the stable version: exactly one of segment and match, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)] = Field(examples=["a bad translation in Sweden"])


class OverrideRequest(ChangeRequest):
    freeze: str = Field(
        min_length=1, max_length=200, description="Its id, or the last part of it.", examples=["sports/final"]
    )


class PromoteRequest(ChangeRequest):
    full: bool = Field(False, description="Leave all remaining steps, not only the present one.")
    waive: list[Annotated[str, Field(min_length=1, max_length=1_000)]] = Field(
        default_factory=list, max_length=50, description="Gates to take out of this rollout; needs a reason."
    )


class ReplayMistake(Model):
    """A recorded verdict that its own counts do not give."""

    gate: str
    at: Moment
    recorded: Verdict
    again: Verdict
    same_evidence: bool


class ReplayAction(Model):
    """What was done about groups at one moment, which the looks of that moment do not give."""

    at: Moment
    recorded: str = Field(examples=["psp=kestrel: flag psp_kestrel turned off"])
    again: str = Field(examples=["nothing"])


class Replay(Model):
    """The verdicts of a rollout, made again from the recorded counts, and the actions on groups that follow."""

    rollout: str
    verdicts: int = Field(description="How many were recorded.")
    mistakes: list[ReplayMistake] = Field(description="Those that come out otherwise now; none is right.")
    actions: int = Field(description="How many groups were acted upon.")
    action_mistakes: list[ReplayAction] = Field(description="Moments at which it comes out otherwise; none is right.")


class HistoryItem(Model):
    """One thing that happened to the rollout: what, when, by whom and why."""

    seq: int = Field(description="Place of its entry in the journal.")
    at: Moment
    actor: str = Field(description="The token's name; 'croupier' for what nobody asked for.")
    action: str
    reason: str
    type: str = Field(examples=["step_started"])
    text: str = Field(description="As people say it.", examples=["step 3 began: 5 % of the players"])
    gate: str | None = Field(None, description="Of a look: the gate.")
    standing: Verdict | None = Field(
        None, description="Of a look of a gate that gathers evidence: what it says of all of that. Often as before."
    )
    data: dict[str, Any] = Field(description="The event as recorded.")


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
