"""Argo Rollouts' documents made into ours, with a report that has a line for every field. A module a kind.

``Rollout`` becomes a Rollout, ``AnalysisTemplate`` and ``ClusterAnalysisTemplate`` become Gates, ``Experiment`` a
report.
"""

from croupier.adapters.imports.argo.convert import import_argo

__all__ = ["import_argo"]
