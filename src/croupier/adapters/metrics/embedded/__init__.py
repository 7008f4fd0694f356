"""Metrics without a metrics server: scrapes every instance and the edge, and keeps what gates ask for in memory."""

from croupier.adapters.metrics.embedded.settings import MetricSettings
from croupier.adapters.metrics.embedded.source import EmbeddedMetrics

__all__ = ["EmbeddedMetrics", "MetricSettings"]
