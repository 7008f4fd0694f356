"""Measures values for gates that judge results: by PromQL at one moment, and by requests for JSON."""

from croupier.adapters.metrics.web.measurer import Measuring
from croupier.adapters.metrics.web.settings import MeasureSettings

__all__ = ["MeasureSettings", "Measuring"]
