"""What is said about a rollout: its steps, its shares, and how it stands. Part of ``models``."""

from typing import Literal

from pydantic import Field

from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.server.api.approval_models import ProfileUsedView, RolloutApprovalView
from croupier.server.api.calendar_models import FreezeView
from croupier.server.api.gate_models import GateView
from croupier.server.api.pin_models import PinnedVersion
from croupier.server.api.shadow_models import ShadowView
from croupier.server.api.smoke_models import SmokeRunView
from croupier.server.api.wire import Model, Moment, Percent


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
