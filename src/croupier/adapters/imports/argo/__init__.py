"""Argo Rollouts' documents made into ours, with a report that has a line for every field. A module a kind.

``AnalysisTemplate`` and ``ClusterAnalysisTemplate`` become Gates.
"""

from croupier.adapters.imports.argo.convert import import_argo
from croupier.adapters.imports.argo.report import Extent, Line, Made

__all__ = ["Extent", "Line", "Made", "import_argo"]
