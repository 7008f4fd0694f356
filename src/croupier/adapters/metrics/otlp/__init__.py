"""Metrics that applications push over OTLP/HTTP: decoded, counted exactly once, and kept as long as gates ask."""

from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.adapters.metrics.otlp.source import OtlpMetrics

__all__ = ["OtlpMetrics", "OtlpSettings"]
