"""What can happen to a rollout. Each event is a fact with its time (epoch seconds); ``evolve`` folds them into the
state.

Events are what the journal keeps, so their names and fields are for ever: add, never rename. ``type`` is the name on
the wire. One catalogue, however long: whoever folds, stores or tells events has all of them to care for, and ``Event``
at its end closes it, so that the type checker names the place that forgot one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from croupier.core.gates import GateState
from croupier.core.gates.sli import Group
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.smoked import Occasion
from croupier.core.rollout.spec import Plan
from croupier.core.segments import Segment
from croupier.core.smoke.result import CheckResult


@dataclass(frozen=True, slots=True)
class Created:
    """A rollout of ``canary`` was asked for; ``stable`` is the version that serves now (none at first)."""

    id: str
    service: str
    stable: str | None
    canary: str
    canary_digest: str
    plan: Plan
    at: float
    by: str = ""
    """Who asked for it, and so may not approve of it."""
    type: Literal["created"] = "created"


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The canary is ready and the step at ``index`` begins."""

    index: int
    at: float
    type: Literal["step_started"] = "step_started"


@dataclass(frozen=True, slots=True)
class WeightConfirmed:
    """The data plane was seen to serve the canary at this weight (basis points), and at those of the segments that have
    more, by name; and the stable version to everybody in the segments that are ``held`` alone.
    """

    weight_bp: int
    at: float
    segments: tuple[tuple[str, int], ...] = ()
    held: tuple[str, ...] = ()
    type: Literal["weight_confirmed"] = "weight_confirmed"


@dataclass(frozen=True, slots=True)
class GateJudged:
    """A gate looked and its opinion, or how close it is to another one, changed."""

    state: GateState
    at: float
    type: Literal["gate_judged"] = "gate_judged"


@dataclass(frozen=True, slots=True)
class GateWaived:
    """A person decided that this gate no longer guards this rollout."""

    gate: str
    at: float
    type: Literal["gate_waived"] = "gate_waived"


@dataclass(frozen=True, slots=True)
class GroupActed:
    """``gate`` blames ``group`` alone, so it is acted upon instead of giving up the release: the flags in ``kills`` are
    to be turned off, the players in ``held`` to have the stable version.
    """

    gate: str
    group: Group
    kills: tuple[str, ...]
    held: Segment | None
    reason: str
    at: float
    type: Literal["group_acted"] = "group_acted"


@dataclass(frozen=True, slots=True)
class GroupSetAside:
    """What was done about the group is in force: flags are off, and the data plane was seen to hold its players."""

    gate: str
    group: Group
    at: float
    type: Literal["group_set_aside"] = "group_set_aside"


@dataclass(frozen=True, slots=True)
class GroupWatched:
    """The group was watched for long enough after that, and it helped: the others may go on."""

    gate: str
    group: Group
    at: float
    type: Literal["group_watched"] = "group_watched"


@dataclass(frozen=True, slots=True)
class SegmentHeld:
    """The segment's players are to have the stable version, whatever the steps do, while the others go on. ``gate`` is
    the one that judges the segment alone and failed; without it a person asked for it.
    """

    segment: Segment
    reason: str
    at: float
    gate: str | None = None
    type: Literal["segment_held"] = "segment_held"


@dataclass(frozen=True, slots=True)
class SegmentReleased:
    """A person decided that the segment's players go with the others again."""

    segment: Segment
    at: float
    type: Literal["segment_released"] = "segment_released"


@dataclass(frozen=True, slots=True)
class SmokeFinished:
    """Smoke checks of the canary ended while players had ``exposure``; ``occasion`` is what asked for them."""

    occasion: Occasion
    exposure: str
    results: tuple[CheckResult, ...]
    at: float
    type: Literal["smoke_finished"] = "smoke_finished"


@dataclass(frozen=True, slots=True)
class ShadowCompared:
    """What comparing answers came to, at the end of the step that did it."""

    report: ShadowReport
    at: float
    type: Literal["shadow_compared"] = "shadow_compared"


@dataclass(frozen=True, slots=True)
class FlagTurned:
    """The step turned the flag: from ``before`` to ``source`` (declarations), whose digest is ``digest``, under the
    ruleset's ``version``.
    """

    flag: str
    step: int
    before: Mapping[str, Any]
    source: Mapping[str, Any]
    digest: str
    version: int
    at: float
    type: Literal["flag_turned"] = "flag_turned"


@dataclass(frozen=True, slots=True)
class FlagSeen:
    """Clients have the flag as it was turned; ``missing`` of them were waited for in vain, some of which are
    ``behind``.
    """

    flag: str
    clients: int
    behind: tuple[str, ...]
    missing: int
    at: float
    type: Literal["flag_seen"] = "flag_seen"


@dataclass(frozen=True, slots=True)
class FlagBack:
    """The flag answers as before the rollout again, by this declaration."""

    flag: str
    source: Mapping[str, Any]
    digest: str
    at: float
    type: Literal["flag_back"] = "flag_back"


@dataclass(frozen=True, slots=True)
class FlagLeft:
    """The flag was not put back, since it is not as the rollout left it."""

    flag: str
    reason: str
    at: float
    type: Literal["flag_left"] = "flag_left"


@dataclass(frozen=True, slots=True)
class Paused:
    """The rollout stays at its weight until a person says more; ``gate`` and ``reason`` where a gate is why."""

    hold: Hold
    at: float
    gate: str | None = None
    reason: str = ""
    type: Literal["paused"] = "paused"


@dataclass(frozen=True, slots=True)
class Resumed:
    at: float
    type: Literal["resumed"] = "resumed"


@dataclass(frozen=True, slots=True)
class Approved:
    """A person other than who started it approved of the rollout (``step`` -1) or of going on after the step, for
    exactly the plan of this digest.
    """

    actor: str
    role: str
    digest: str
    step: int
    at: float
    reason: str = ""
    type: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True)
class PromotionStarted:
    """Every step is done: everybody moves to the canary."""

    at: float
    type: Literal["promotion_started"] = "promotion_started"


@dataclass(frozen=True, slots=True)
class Promoted:
    """The data plane serves everybody from the canary: it is the stable version now."""

    at: float
    type: Literal["promoted"] = "promoted"


@dataclass(frozen=True, slots=True)
class AbortStarted:
    """The rollout is given up; from here on the canary's wanted share is 0. ``at_once``: so is that of rounds that were
    begun on it.
    """

    cause: Cause
    reason: str
    at: float
    gate: str | None = None
    harm_since: float | None = None
    at_once: bool = False
    type: Literal["abort_started"] = "abort_started"


@dataclass(frozen=True, slots=True)
class RoundsMoved:
    """``count`` open rounds of ``version`` were moved in the middle, or may have been, for this reason; ``ids`` are the
    first of them.
    """

    version: str
    count: int
    ids: tuple[str, ...]
    reason: str
    at: float
    type: Literal["rounds_moved"] = "rounds_moved"


@dataclass(frozen=True, slots=True)
class DrainCut:
    """Rounds that were left to end on a version that was given up are to move now: a person said so, after all."""

    reason: str
    at: float
    type: Literal["drain_cut"] = "drain_cut"


@dataclass(frozen=True, slots=True)
class Aborted:
    """The data plane was seen to send nobody to the canary any more."""

    at: float
    type: Literal["aborted"] = "aborted"


@dataclass(frozen=True, slots=True)
class Freeze:
    """What the rollout waits for: its id in the freeze calendar, until when (epoch seconds; ``None``: nobody knows),
    in words, and why.
    """

    id: str
    until: float | None
    words: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What comes next has to wait for the freeze calendar. What is exposed already stays."""

    freezes: tuple[Freeze, ...]
    at: float
    type: Literal["frozen"] = "frozen"


@dataclass(frozen=True, slots=True)
class Thawed:
    """Nothing of the freeze calendar keeps it waiting any more."""

    at: float
    type: Literal["thawed"] = "thawed"


@dataclass(frozen=True, slots=True)
class FreezeOverridden:
    """A person lets the rollout go on in spite of this freeze, which lasts from ``since`` until ``until``."""

    freeze: str
    since: float
    until: float | None
    at: float
    type: Literal["freeze_overridden"] = "freeze_overridden"


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer rollout of the same service took over."""

    by: str
    at: float
    type: Literal["superseded"] = "superseded"


@dataclass(frozen=True, slots=True)
class Retried:
    """A person starts an aborted rollout again, from the first step, against the version that is stable now, judged by
    this ``edition`` of the gates' arithmetic.
    """

    stable: str | None
    attempt: int
    at: float
    edition: int | None = None
    by: str = ""
    type: Literal["retried"] = "retried"


Event: TypeAlias = (
    Created
    | StepStarted
    | WeightConfirmed
    | GateJudged
    | GateWaived
    | GroupActed
    | GroupSetAside
    | GroupWatched
    | SegmentHeld
    | SegmentReleased
    | SmokeFinished
    | ShadowCompared
    | Paused
    | Resumed
    | Approved
    | PromotionStarted
    | Promoted
    | AbortStarted
    | RoundsMoved
    | DrainCut
    | Aborted
    | Frozen
    | Thawed
    | FreezeOverridden
    | Superseded
    | Retried
    | FlagTurned
    | FlagSeen
    | FlagBack
    | FlagLeft
)
