"""What is said and taken about approvals and profiles of rollouts. Part of ``models``."""

from pydantic import Field

from croupier.server.api.wire import Model, Moment, Reason


class ApproverView(Model):
    """Somebody who approved."""

    actor: str
    role: str
    reason: str
    at: Moment


class RolloutApprovalView(Model):
    """What waits for people other than those who started the rollout."""

    digest: str = Field(
        description="Of the plan, the versions, the attempt and the step: what is approved. Of services that move as "
        "one it is that of all of them; empty in the answer to their start."
    )
    people: int = Field(description="So many different people are needed.")
    of: list[str] = Field(description="Of one of these roles, or one that includes it.")
    missing: int = Field(description="So many have yet to approve.")
    not_by: list[str] = Field(description="Who started it, and so may not.")
    given: list[ApproverView] = Field(description="Who approved, oldest first.")
    text: str = Field(examples=["one operator or admin other than anna"])


class ProfileUsedView(Model):
    """The profile that the rollout was made by, as it was when it started."""

    name: str = Field(examples=["payments"])
    digest: str


class ApproveRolloutRequest(Model):
    reason: Reason = ""
    digest: str = Field(max_length=100, description="That of `approval`, as it was looked at.")
