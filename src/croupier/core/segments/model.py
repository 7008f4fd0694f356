"""Segments: named sets of players, told apart by attributes of their requests.

Kept simple on purpose (every attribute must have one of the listed values), so that every router can express them:
Envoy and Gateway API by header matches, flags by CEL.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttributeMatch:
    """The attribute must have one of the values, compared exactly."""

    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Players for whom every match holds. The name is the document's name."""

    name: str
    matches: tuple[AttributeMatch, ...]

    def contains(self, attributes: Mapping[str, str]) -> bool:
        """Whether a player with these attributes is in the segment; a missing attribute never matches."""
        return all(attributes.get(match.attribute) in match.values for match in self.matches)
