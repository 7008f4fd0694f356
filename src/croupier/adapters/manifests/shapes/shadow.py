"""What ``setMirrorRoute`` and ``shadow`` steps may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from croupier.adapters.manifests.fields import (
    Duration,
    HeaderName,
    Name,
    Shape,
    Share,
    Text,
    UrlPath,
    Weight,
    between,
    one_or_many,
)

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_SOME = Field(min_length=1, max_length=50)


class TextMatchShape(Shape):
    """Exactly one of exact, prefix and regex."""

    short: ClassVar[str] = "exact"
    one_of: ClassVar[tuple[str, ...]] = ("exact", "prefix", "regex")
    exact: Text | None = None
    """The whole text."""
    prefix: Text | None = None
    """How it begins."""
    regex: Text | None = None
    """A regular expression (RE2) for all of it."""


class MirrorMatchShape(Shape):
    """Requests that have all of these."""

    method: TextMatchShape | None = None
    """Default GET and HEAD. Anything else needs the whole path beside it: path: {exact: /...}."""
    path: TextMatchShape | None = None
    """Of the request's path, without its query."""
    headers: dict[HeaderName, TextMatchShape] | None = None
    """Of request headers."""


class MirrorRouteShape(Shape):
    """As in Argo Rollouts. Only a name, or percentage 0, ends the copies of that name."""

    short: ClassVar[str] = "name"
    name: Name
    """What later steps call it."""
    percentage: Weight | None = None
    """How much of the matching requests is copied, in percent. Default: all of them where match is written."""
    match: Annotated[list[MirrorMatchShape], _SOME] | None = None
    """Which requests: those that any of these fits. Default: GET and HEAD."""


class IgnoreShape(Shape):
    fields: Annotated[list[Text], BeforeValidator(one_or_many), Field(max_length=200)] | None = None
    """Places in JSON bodies that may differ: $.rounds[*].id, or $..requestId wherever it is."""
    headers: Annotated[list[HeaderName], BeforeValidator(one_or_many), Field(max_length=50)] | None = None
    """Response headers that may differ. Those that always do (date, etag, set-cookie and the like) need no name."""
    tolerance: Share | None = None
    """By how much numbers may differ, as a share of the larger one: 1%. Default: not at all."""


class CompareShape(Shape):
    short: ClassVar[str] = "sample"
    sample: Weight
    """How much of the allowed reads is compared, in percent: the stable version is asked twice, the new one once."""
    ignore: IgnoreShape | None = None
    """What may differ. What differs between the stable version's own two answers is left out anyway."""
    max_differences: Share | None = None
    """The step is left only if no larger share of answers differs; else it waits for a person."""
    at_least: between(1, 1_000_000) | None = None  # type: ignore[valid-type]
    """With maxDifferences: and only after so many comparisons. Default 100."""


class ShadowShape(Shape):
    elsewhere: ClassVar[dict[str, str]] = {
        "percentage": "Write share instead.",
        "match": "Write paths and methods instead, or use setMirrorRoute.",
        "duration": "Write for instead.",
    }
    share: Weight
    """How much of the allowed requests is copied to the new version, in percent. Its answers go to nobody."""
    for_: Duration = Field(alias="for")
    """How long."""
    paths: Annotated[list[UrlPath], BeforeValidator(one_or_many), _SOME] | None = None
    """Which paths; /games/* is everything below /games. Default: all of the service."""
    methods: Annotated[list[Method], BeforeValidator(one_or_many), _SOME] | None = None
    """Which methods. Default GET and HEAD; any other one needs its paths in full, since a copied write is a write."""
    withhold: Annotated[list[HeaderName], BeforeValidator(one_or_many), Field(max_length=20)] | None = None
    """Request headers that copies do not have, such as authorization and cookie. Default: copies have all."""
    compare: CompareShape | None = None
    """Compare answers."""
