"""What is said and taken about tokens, who asks, and what this is. Part of ``models``."""

from typing import Annotated, Literal

from pydantic import Field

from croupier.server.api.wire import Model, Moment, Reason

Role = Literal["admin", "operator", "viewer", "client", "reporter"]


class TokenRequest(Model):
    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]*$", examples=["ci"])
    role: Role = Field(
        description="client: for an application, which may ask for flags and nothing else; reporter: for one that "
        "pushes metrics and nothing else."
    )
    environment: str | None = Field(None, max_length=60, description="Of a client: only this one's flags.")
    services: list[Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^,\s]+$")]] = Field(
        default_factory=list,
        max_length=100,
        description="Of a reporter: it speaks for these only, by their service.name. None: for every one.",
    )
    reason: Reason = ""


class TokenView(Model):
    id: str
    name: str
    role: str
    environment: str | None = Field(None, description="Of a client: null for every environment.")
    services: list[str] | None = Field(None, description="Of a reporter: null for every service.")
    created_at: Moment
    revoked_at: Moment | None = None


class TokenCreated(TokenView):
    """``token`` is shown this once; a replayed answer has none."""

    token: str | None = Field(examples=["crp_…"])


class NotifierView(Model):
    """A receiver of notices. ``lastAt``, ``lastEvent`` and ``trouble`` are of the last try; none: it was taken."""

    name: str
    where: str = Field(description="Its host; the rest of its address may be a secret.", examples=["hooks.example"])
    events: list[str] = Field(examples=[["rollout.aborting", "gate.blind"]])
    services: list[str] = Field(description="None: all of them.")
    blind_after_s: float = Field(description="A gate that has had no data for so long is told.")
    budget_used: float = Field(description="A gate that has used so much of its budget (0 to 1) is told.")
    sent: int
    lost: int = Field(description="Given up: too old, or refused for too long.")
    last_at: Moment | None = None
    last_event: str = ""
    trouble: str = ""


class NotifierTried(Model):
    name: str
    delivered: bool
    trouble: str = ""


class Me(Model):
    name: str
    role: Role


class About(Model):
    version: str
    edge: str = Field(description="Where players come in.", examples=["http://127.0.0.1:8080"])
    now: Moment
