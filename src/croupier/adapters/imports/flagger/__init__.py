"""Flagger's documents made into ours, with a report that has a line for every field. A module a part.

``Canary`` becomes a Rollout, its metrics and ``MetricTemplate`` become Gates, exact matches of headers a Segment.
"""

from croupier.adapters.imports.flagger.convert import import_flagger

__all__ = ["import_flagger"]
