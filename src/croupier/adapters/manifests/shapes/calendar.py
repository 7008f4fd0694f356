"""What a ``Calendar`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from croupier.adapters.manifests import calendar_words as words
from croupier.adapters.manifests.fields import (
    AnyText,
    Attribute,
    HeaderValues,
    Name,
    NamedShape,
    Shape,
    Text,
    between,
    one_or_many,
    reads,
)

LocalTime = Annotated[
    str,
    reads(words.local_time),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?\s*$",
            "examples": ["2026-05-30T20:00", "2026-12-24"],
        }
    ),
]
Zone = Annotated[
    str, reads(words.zone), WithJsonSchema({"type": "string", "minLength": 1, "examples": ["Europe/Malta", "UTC"]})
]
Rule = Annotated[
    str,
    reads(words.rule),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["FREQ=WEEKLY;BYDAY=SA", "FREQ=DAILY;COUNT=5"]}),
]
EntryName = Annotated[str, reads(words.entry_name), WithJsonSchema({"type": "string", "minLength": 1})]
_Many = Annotated[list[Name], BeforeValidator(one_or_many), Field(min_length=1, max_length=100)]
_Some = Annotated[list[Text], BeforeValidator(one_or_many), Field(min_length=1, max_length=100)]


class ScopeShape(Shape):
    """Left out: every service, all players, every environment."""

    services: _Many | None = None
    """Only rollouts of these services."""
    markets: HeaderValues | None = None
    """Only players of these markets: {market: [SE]} of match."""
    match: Annotated[dict[Attribute, HeaderValues], Field(min_length=1)] | None = None
    """Only players with these values of attributes, as in a Segment. What gives the canary to none of them goes on."""
    environments: _Some | None = None
    """Only where one of these environments is served."""


class EntryShape(Shape):
    name: EntryName
    """What people call it: Champions League final. Once in the calendar."""
    begins: LocalTime = Field(alias="from")
    """When it begins, in local time; a date alone is the first moment of that day."""
    ends: LocalTime = Field(alias="to")
    """When it is over, in local time; a date alone is the first moment of that day."""
    time_zone: Zone | None = None
    """The zone of its times. Default: the calendar's."""
    repeat: Rule | None = None
    """A recurrence rule (RRULE, RFC 5545) by days, weeks, months or years: FREQ=WEEKLY;BYDAY=SA."""
    leave_out: Annotated[list[LocalTime], BeforeValidator(one_or_many), Field(max_length=500)] | None = None
    """Beginnings that the rule names and that are not meant."""
    scope: ScopeShape | None = None
    """Whom it is about."""
    why: AnyText | None = None
    """For people who have to wait."""
    uid: Text | None = None
    """The iCal event that it came from: a later import replaces it."""
    sequence: between(0, 2**31) | None = None  # type: ignore[valid-type]
    """That event's revision."""


class CalendarSpec(Shape):
    some_of: ClassVar[tuple[str, ...]] = ("freezes", "windows")
    lacking: ClassVar[tuple[str, str]] = ("it has neither freezes nor windows.", "Write one of them.")
    time_zone: Zone | None = None
    """The zone of all times that name none. Default: UTC."""
    description: AnyText | None = None
    """For people who have to wait."""
    freezes: Annotated[list[EntryShape], Field(max_length=500)] | None = None
    """While one lasts, no step of a rollout begins and no share rises."""
    windows: Annotated[list[EntryShape], Field(max_length=500)] | None = None
    """Rollouts go on only inside of one of them."""


class CalendarShape(Shape):
    """When players must not be moved towards a release, and when releases are let through."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Calendar"]
    metadata: NamedShape
    spec: CalendarSpec
