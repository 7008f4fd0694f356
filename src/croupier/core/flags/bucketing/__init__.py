"""Who is in and who gets which variant: one file per algorithm, each pinned by vectors that anybody can check.

Imported flags keep their vendor's algorithm, so that no player moves. Used by ``evaluate`` and by the exports.
"""

from croupier.core.flags.bucketing.algorithm import Algorithm, Inside, Split
from croupier.core.flags.bucketing.registry import ALGORITHMS

__all__ = ["ALGORITHMS", "Algorithm", "Inside", "Split"]
