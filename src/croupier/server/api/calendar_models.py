"""What is said and taken about the freeze calendar. Part of the API's models."""

from typing import Literal

from pydantic import Field

from croupier.core.governance.calendar.model import Kind
from croupier.server.api.wire import Model, Moment, Name, Reason


class FreezeView(Model):
    """What a rollout waits for."""

    id: str = Field(description="What an override names.", examples=["sports/final", "office-hours"])
    text: str = Field(examples=["frozen by sports/final"])
    why: str
    until: Moment | None = Field(description="Null: nobody knows.")


class ScopeView(Model):
    """Whom it is about; empty: everybody."""

    services: list[str]
    match: dict[str, list[str]] = Field(description="Players with these values of attributes.")
    environments: list[str]


class TimeView(Model):
    """One time of a freeze or window."""

    calendar: str
    name: str
    kind: Kind
    begins: Moment
    ends: Moment
    now: bool = Field(description="Whether it is so now.")
    why: str
    zone: str
    scope: ScopeView


class WaitingView(Model):
    """A rollout in progress and what of the calendar it waits for."""

    id: str
    service: str
    canary: str
    exposure: str
    freezes: list[FreezeView]


class CalendarView(Model):
    """Times of freezes and windows, in order of their beginning, and the rollouts in progress."""

    begins: Moment
    ends: Moment
    times: list[TimeView]
    more: int = Field(description="Times that were left out, being too many.")
    rollouts: list[WaitingView]


class ClosedTime(Model):
    """A time at which rollouts wait; with ``match``, only what touches these players."""

    id: str
    text: str
    why: str
    begins: Moment
    ends: Moment | None = Field(description="Null: not within what was asked about.")
    match: dict[str, list[str]]


class ClosedView(Model):
    """When rollouts of a service have to wait, the earliest first; ``free`` is when nothing is closed next."""

    service: str
    free: Moment | None
    times: list[ClosedTime]


class ImportRequest(Model):
    ical: str = Field(max_length=2**20, description="The file's text.")
    kind: Literal["freeze", "window"] | None = Field(
        None, alias="as", description="What events are whose categories (FREEZE, WINDOW) do not say it."
    )
    services: list[Name] = Field(default_factory=list, max_length=100, description="Of new entries: only these.")
    markets: list[str] = Field(default_factory=list, max_length=100, description="Of new entries: only these.")
    dry_run: bool = False
    reason: Reason = ""


class ImportLine(Model):
    event: str
    fate: Literal["added", "updated", "unchanged", "removed", "left out"]
    why: str = ""


class ImportView(Model):
    """What became of every component of the file."""

    calendar: str
    changed: bool
    dry_run: bool
    lines: list[ImportLine]
