"""Segments of players and the salted player bucket."""

from croupier.core.segments.bucket import BUCKETS, bucket
from croupier.core.segments.model import AttributeMatch, Segment

__all__ = ["BUCKETS", "AttributeMatch", "Segment", "bucket"]
