"""The dials of pushed metrics, with their defaults. Filled in by ``server/settings.py``, read here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Durations are seconds. Memory: about 3 kB per kept series (a histogram's, with five attributes) plus 16 bytes per
    push in which it grew, 0.5 kB per metric of a process that no gate asks for, and samples.
    """

    retention_s: float = 900.0
    """How far back counts can be asked for; also how long a metric is kept that nobody asks for any more."""
    silent_after_pushes: int = 3
    """So many of an instance's usual intervals without a push make its version silent, ..."""
    silent_at_least_s: float = 15.0
    silent_at_most_s: float = 300.0
    """... within these bounds."""
    usual_interval_s: float = 60.0
    """The SDKs' own default, taken for an instance that has pushed only once."""
    settle_s: float = 1.0
    """A collection that is sent in several requests is whole when nothing more of it came for so long."""
    young_s: float = 120.0
    """What an instance counted before its first push is taken as new if it is no older than this."""
    points_per_push: int = 20_000
    json_bytes: int = 1024 * 1024
    """JSON is some 25 times dearer to read than protobuf."""
    json_objects: int = 50_000
    """Braces in it: the emptiest objects are the dearest."""
    instances: int = 2_000
    metrics_per_instance: int = 1_000
    series_per_instance: int = 5_000
    """Series of one instance that gates ask for. A histogram counts once more for every 64 buckets."""
    series: int = 50_000
    """The same of all instances together."""
    metrics: int = 100_000
    """Metrics of all instances together, also those that no gate asks for."""
    sample_bytes: int = 32 * 1024 * 1024
    """Of all versions together."""
    buckets: int = 320
    """Of one histogram; SDKs make 160 at most."""
    attributes: int = 64
    """Of one point, or of a resource."""
    attribute_chars: int = 4_096
    """Of all names and values together."""
    name_chars: int = 255
    """Of a metric or a unit."""
    metrics_asked: int = 500
    """Metrics that gates ask for (a bucket edge counts as one)."""
    groups: int = 200
    """Groups in one reading; of more, the largest."""
