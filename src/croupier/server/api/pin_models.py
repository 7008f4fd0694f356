"""What is said of open rounds: by services, and to people. Part of ``models``."""

from typing import Annotated, Literal

from pydantic import Field

from croupier.server.api.wire import Model, Moment

_Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
_Kind = Annotated[str, Field(min_length=1, max_length=100)]


class OpenedRound(Model):
    kind: _Kind = "round"
    id: _Id
    player: str = Field("", max_length=200)
    age: float = Field(0.0, ge=0.0, le=86_400.0, description="Seconds since it was opened.")


class ClosedRound(Model):
    kind: _Kind = "round"
    id: _Id


class RoundsReport(Model):
    """What one process of a version opened, and what it closed, since its last report."""

    format: Literal[1] = Field(1, description="The edition of this format; one that says none is of the first.")
    client: str = Field(
        pattern=r"^[A-Za-z0-9._:@-]{1,128}$", description="The process's own name, another one for each."
    )
    version: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+~-]*$")
    seen: float = Field(
        0.0, ge=0.0, description="'now' of the last answer, if nothing that was opened before it is left unsaid."
    )
    opened: list[OpenedRound] = Field(default_factory=list, max_length=2_000)
    closed: list[ClosedRound] = Field(default_factory=list, max_length=2_000)


class RoundsTaken(Model):
    """It is written: it outlives this process."""

    now: float = Field(description="Epoch seconds here. Say it in the next report, as 'seen'.")


class PinView(Model):
    """A round that ends where it began, or that was moved in the middle."""

    kind: str
    id: str
    version: str = Field(description="Where it began.")
    player: str
    opened_at: Moment
    until: Moment = Field(description="When it stops counting as open, if nobody closes it.")
    moved_by: str | None = Field(None, description="The rollout that moved it; null: it is open.")
    moved_at: Moment | None = None
    why: str = ""


class PinnedVersion(Model):
    """Open rounds of one version."""

    service: str
    version: str
    open: int
    until: Moment | None = Field(description="When the last of them stops counting, if nobody closes it.")
    drains: bool = Field(description="The version was left: it runs on for them.")
