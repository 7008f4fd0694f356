"""The hard stop: one look is enough. The same under every rule."""

from croupier.core.gates.model import Comparison, Gate
from croupier.core.gates.sli import Counts


def stops(gate: Gate, canary: Counts, baseline: Counts | None) -> bool:
    """Whether these counts stop the rollout at once."""
    stop = gate.hard_stop
    if stop is None:
        return False
    if stop.events is not None and canary.bad >= stop.events:
        return True
    if stop.failing is None or canary.total < stop.samples or canary.bad_share < stop.failing:
        return False
    return baseline is None or baseline.total == 0 or worse(gate.comparison or Comparison(), canary, baseline)


def worse(limit: Comparison, canary: Counts, baseline: Counts) -> bool:
    """Whether the point estimates say so."""
    return canary.bad_share > limit.max_ratio * baseline.bad_share + limit.slack
