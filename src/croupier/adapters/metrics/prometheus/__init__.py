"""Counts from a Prometheus that somebody else runs: exact increases of its raw samples, over spans between scrapes."""

from croupier.adapters.metrics.prometheus.settings import PrometheusSettings
from croupier.adapters.metrics.prometheus.source import PrometheusMetrics

__all__ = ["PrometheusMetrics", "PrometheusSettings"]
