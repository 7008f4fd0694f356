"""What a ``Rollout`` file may say of its profile, of approvals and of how fast players may be moved, and what a
profile's own file holds.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from croupier.adapters.manifests import words
from croupier.adapters.manifests.fields import (
    Attribute,
    Duration,
    Jump,
    Name,
    Shape,
    Share,
    Text,
    Weight,
    between,
    one_or_many,
    reads,
)

RoleName = Annotated[str, reads(words.approver), WithJsonSchema({"enum": [*words.APPROVERS]})]
ProfileName = Annotated[str, reads(words.profile), WithJsonSchema({"enum": [*words.PROFILES]})]


class ApprovalShape(Shape):
    """Both may be left out: one operator or admin who did not start the rollout."""

    of: Annotated[list[RoleName], BeforeValidator(one_or_many), Field(min_length=1, max_length=2)] | None = None
    """The roles whose people may approve; an admin is an operator, too. Default [operator]."""
    from_: between(1, 10) | None = Field(None, alias="from")  # type: ignore[valid-type]
    """By so many different people, none of whom started the rollout. Default 1."""


class DisruptionShape(Shape):
    """How fast players may be moved to the canary; going back is never slowed down."""

    between: Duration | None = None
    """So long at the least from one rise of the canary's share to the next. Default: no such limit."""
    jump: Jump | None = None
    """No rise moves more than so many percent of the players at once. Default 100."""


class ProfileShape(Shape):
    name: ProfileName
    """The domain; 'croupier profile list' shows them."""
    gates: dict[Name, Name] | None = None
    """Gates of yours that stand for the profile's: {deposit-success: deposit-slo}. A Gate that has the same name does
    so by itself."""
    without: Annotated[list[Name], Field(max_length=50)] | None = None
    """Gates of the profile that do not guard this rollout; it needs an approval then."""


class RungShape(Shape):
    weight: Weight
    """The canary's share of the players in percent, to 0.01."""
    hold: Duration
    """For how long at the least it stays there."""
    approval: ApprovalShape | None = None
    """What is asked for before it."""


class LaneShape(Shape):
    short: ClassVar[str] = "steps"
    steps: Annotated[list[RungShape], Field(min_length=1, max_length=50)]
    """The canary's shares, one after the other; after the last everybody gets it."""
    approval: ApprovalShape | None = None
    """So many people must approve before a rollout begins. Default: nobody."""
    disruption: DisruptionShape | None = None
    """How fast players may be moved."""


class LastingShape(Shape):
    kinds: Annotated[list[Attribute], Field(min_length=1, max_length=5)]
    """What begins on one version and has to end there: kinds of ids that the service's affinity must have."""
    ttl: Duration
    """For how long at the least one that is never closed counts as open."""
    drain: Duration
    """For how long at the least open ones keep a version that was left."""


class ProfileFileShape(LaneShape):
    """The defaults of a domain, each with its reason."""

    profile: ProfileName
    """Its name."""
    about: Text
    """What it is for."""
    gates: Annotated[list[Text], Field(min_length=1, max_length=50)]
    """Ready-made gates that guard from the first step to the end."""
    false_rollbacks: Share
    """The probability with which all sequential gates together may ever blame a healthy release."""
    keep_stable: Duration
    """How long the version left behind keeps running after a promotion."""
    progress_deadline: Duration
    """How long a canary may take to become ready."""
    affinity: LastingShape | Literal["none"]
    """What the service's affinity has to keep; none: nothing lasts for longer than a request."""
    hotfix: LaneShape
    """The lane of 'croupier rollout start --hotfix': the same gates, shorter."""
    why: dict[Text, Text]
    """The reason of each."""
