"""The dials of the embedded metrics, with their defaults. Filled in by ``server/settings.py``, read here."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """Durations are seconds. Memory: the last page of each instance, and about 0.6 kB per kept series plus 20 bytes per
    scrape in which it grew.
    """

    interval_s: float = 5.0
    timeout_s: float = 2.0
    """For one whole page."""
    retention_s: float = 900.0
    """How far back counts can be asked for; also how long a family is kept that nobody asks for any more."""
    stale_after: int = 3
    """So many intervals without a complete scrape make a version silent."""
    page_bytes: int = 10 * 1024 * 1024
    series_per_target: int = 5_000
    """Kept series of one instance, over all families that are asked for."""
    families: int = 500
    """Kept families (a bucket edge counts as one)."""
    groups: int = 200
    """Groups in one reading; of more, the largest."""
    edge_socket: Path | None = None
    """Envoy's admin socket; without it there are no ``edge_`` metrics."""
    edge_path: str = "/stats/prometheus?usedonly&filter=%5Ecroupier_edge%5C."
