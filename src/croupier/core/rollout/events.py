"""What can happen to a rollout. Each event is a fact with its time (epoch seconds); ``evolve`` folds them into the
state.

Events are what the journal keeps, so their names and fields are for ever: add, never rename. ``type`` is the name on
the wire.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from croupier.core.gates import GateState
from croupier.core.gates.sli import Group
from croupier.core.rollout.spec import Plan
from croupier.core.segments import Segment


class Hold(StrEnum):
    """Who keeps a rollout paused."""

    STEP = "step"
    PERSON = "person"
    INCONCLUSIVE = "inconclusive"
    """A gate could not decide, and the rollout is to ask a person then."""
    NO_DATA = "no_data"
    """A gate saw nothing, and the rollout is to ask a person then."""
    GROUPS = "groups"
    """Every step is done, and players of some groups are held: who goes on gives them the canary, too."""


class Cause(StrEnum):
    """Why a rollout was given up."""

    GATE = "gate"
    HARD_STOP = "hard_stop"
    WORKLOAD = "workload"
    DEADLINE = "deadline"
    PERSON = "person"
    INCONCLUSIVE = "inconclusive"
    """A gate could not decide, and the rollout is to go back then."""
    NO_DATA = "no_data"
    """A gate saw nothing, and the rollout is to go back then."""


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
    more, by name.
    """

    weight_bp: int
    at: float
    segments: tuple[tuple[str, int], ...] = ()
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
    """The rollout is given up; from here on the canary's wanted share is 0."""

    cause: Cause
    reason: str
    at: float
    gate: str | None = None
    harm_since: float | None = None
    type: Literal["abort_started"] = "abort_started"


@dataclass(frozen=True, slots=True)
class Aborted:
    """The data plane was seen to send nobody to the canary any more."""

    at: float
    type: Literal["aborted"] = "aborted"


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
    | Paused
    | Resumed
    | PromotionStarted
    | Promoted
    | AbortStarted
    | Aborted
    | Superseded
    | Retried
)
