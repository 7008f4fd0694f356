"""The ground of the API's models: how values look on the wire, pages, and problems. ``models`` is built on it."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-22T05:16:39.123Z"])]
Percent = Annotated[float, Field(ge=0, le=100, description="Percent of the players.", examples=[5, 0.25])]
Reason = Annotated[
    str, Field(max_length=1_000, description="Why; kept in the journal.", examples=["deposits look fine"])
]
Name = Annotated[str, Field(min_length=1, max_length=63)]
Version = Annotated[str, Field(min_length=1, max_length=100, examples=["1.1.0"])]


class Model(BaseModel):
    """camelCase on the wire; an unknown field in a request is a mistake and said to be one."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid", frozen=True
    )


class Page(Model, Generic[T]):
    """Part of a listing. Ask again with ``cursor=<next>`` for what follows; ``next`` is null at the end."""

    items: list[T]
    next: str | None = None


# --- problems -----------------------------------------------------------------------------------------


class Mistake(Model):
    """One of several things wrong with a request."""

    message: str
    field: str = Field(
        "", description="Where: spec.strategy.canary.steps[2].setWeight", examples=["spec.steps[2].setWeight"]
    )
    hint: str = Field("", description="What to write instead.")
    document: str = Field("", description="Which document of the request: documents[3] Gate/deposit-slo")


class Problem(Model):
    """RFC 9457. ``type`` is stable and meant for programs, the rest for people."""

    type: str = Field(examples=["urn:croupier:problem:conflict"])
    title: str
    status: int
    detail: str = ""
    hint: str = Field("", description="What to do now.")
    instance: str = Field("", description="The path that was asked for.")
    request_id: str = Field("", description="Find it in the server's log.")
    problems: list[Mistake] = Field(default_factory=list, description="Everything that is wrong, at once.")
