"""What people ask of rollouts. Part of ``models``."""

from typing import Annotated, TypeAlias

from pydantic import Field

from croupier.control.whom import Whom
from croupier.server.api.wire import Model, Name, Reason, Version

Attribute: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]
HeaderText: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


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
        False,
        alias="now",
        description="Open rounds do not end where they began: they move, too, and are listed. May be said later, too.",
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

    # Asked for by the use case, which says so in words of its own.
    reason: Reason = Field("", description="Needed; kept in the journal.", examples=["a bad translation in Sweden"])


class OverrideRequest(ChangeRequest):
    freeze: str = Field(
        min_length=1, max_length=200, description="Its id, or the last part of it.", examples=["sports/final"]
    )


class PromoteRequest(ChangeRequest):
    full: bool = Field(False, description="Leave all remaining steps, not only the present one.")
    waive: list[Annotated[str, Field(min_length=1, max_length=1_000)]] = Field(
        default_factory=list, max_length=50, description="Gates to take out of this rollout; needs a reason."
    )
