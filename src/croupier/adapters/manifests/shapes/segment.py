"""What a ``Segment`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, Literal

from pydantic import Field

from croupier.adapters.manifests.fields import Attribute, HeaderValues, NamedShape, Shape


class SegmentSpec(Shape):
    match: Annotated[dict[Attribute, HeaderValues], Field(min_length=1)]
    """Every attribute must have one of its values, compared exactly: {market: [DE, AT]}."""


class SegmentShape(Shape):
    """A named set of players, told apart by attributes of their requests."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Segment"]
    metadata: NamedShape
    spec: SegmentSpec
