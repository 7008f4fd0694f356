"""The hard stop: one look is enough. The same under every rule."""

import math
from collections.abc import Sequence
from typing import Final

from croupier.core.gates.model import Comparison, Gate, HardStop
from croupier.core.gates.sli import Counts
from croupier.core.gates.verdict import Finding

_SURE: Final = 4.0
"""Standard errors: at a look a minute, chance alone stops one healthy rollout of thousands."""


_GAP: Final = 7.0
"""A gap that chance makes so long in one case of a thousand says that there is no baseline any more (a logarithm)."""


def stopped(gate: Gate, findings: Sequence[Finding]) -> list[Finding]:
    """Those of a look's findings that stop the rollout at once."""
    if gate.hard_stop is None:
        return []
    whole = next((finding for finding in findings if not finding.group), None)
    return [
        finding
        for finding in findings
        if stops(gate, finding.canary, finding.baseline, unmet=whole is not None and _unmet(finding, whole))
    ]


def stops(gate: Gate, canary: Counts, baseline: Counts | None, *, unmet: bool = False) -> bool:
    """Whether these counts stop the rollout at once. ``unmet``: that the baseline has none of them may be chance."""
    stop = gate.hard_stop
    if stop is None:
        return False
    if stop.events is not None and canary.bad >= stop.events:
        return True
    if stop.drop is not None and baseline is not None and _dropped(stop, canary, baseline):
        return True
    if stop.failing is None or canary.total < stop.samples or canary.bad_share < stop.failing:
        return False
    if baseline is None or baseline.total == 0:
        return not unmet
    return _surely_worse(gate.comparison or Comparison(), canary, baseline)


def worse(limit: Comparison, canary: Counts, baseline: Counts) -> bool:
    """Whether the point estimates say so."""
    return canary.bad_share > limit.max_ratio * baseline.bad_share + limit.slack


def _unmet(found: Finding, whole: Finding) -> bool:
    """Whether the baseline has no event of a group by chance, as so often where the canary has most of the players:
    then a provider that is out for both is seen on the canary only.
    """
    if whole.baseline is None or not whole.baseline.total or found.baseline is None or found.baseline.total:
        return False
    alone = whole.canary.total / (whole.canary.total + whole.baseline.total)
    return -math.log(alone) * found.canary.total < _GAP if alone else False


def _surely_worse(limit: Comparison, canary: Counts, baseline: Counts) -> bool:
    """The same of a single look: by more than chance makes of two versions that fail alike (pooled)."""
    share = (canary.bad + baseline.bad) / (canary.total + baseline.total)
    error = math.sqrt(share * (1.0 - share) * (1.0 / canary.total + 1.0 / baseline.total))
    return canary.bad_share > limit.max_ratio * baseline.bad_share + limit.slack + _SURE * error


def _dropped(stop: HardStop, canary: Counts, baseline: Counts) -> bool:
    """Whether the canary's good share is lower by ``drop`` even if chance is against the one and for the other."""
    if stop.drop is None or min(canary.total, baseline.total) < stop.samples:
        return False
    return _interval(canary)[1] < (1.0 - stop.drop) * _interval(baseline)[0]


def _interval(counts: Counts) -> tuple[float, float]:
    """Wilson's score interval of the good share."""
    n, share = counts.total, counts.good / counts.total
    middle = share + _SURE**2 / (2 * n)
    half = _SURE * math.sqrt(share * (1 - share) / n + _SURE**2 / (4 * n * n))
    scale = 1 + _SURE**2 / n
    return (middle - half) / scale, (middle + half) / scale
