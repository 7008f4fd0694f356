"""Whether a single sick instance is all that is wrong with the canary: then it is no fault of the release. Called by
``look``.

Both readings of a sample are compared, "the release fails everywhere alike" and "one instance fails, the others are as
good as the baseline". Only where the counts speak clearly for the second, and did for the same instance in the sample
before, the sample convicts nobody: once may be a clump of failures, and what comes and goes is no restart. And only for
``EXCUSED_S`` in a rollout: that is what a restart takes, and whoever fails for longer is not sick for a moment.

An instance that is all of the canary has nobody beside it. While it has few players, what it counted before speaks for
it instead: a release that is bad from its first request on was never well.
"""

import math
from collections.abc import Sequence
from typing import Final

from croupier.core.gates.sequential.evidence import Evidence
from croupier.core.gates.sequential.samples import NONE
from croupier.core.gates.sli import Counts, Instance

EXCUSED_S: Final = 90.0
"""For so long in all (seconds of data) a canary may have a sick instance that is not held against the release."""

_CLEARLY: Final = math.log(20.0)
_AGAIN: Final = math.log(3.0)
"""Of the instance that was sick just before less is asked, or half of its trouble would count."""
_SUDDENLY: Final = math.log(100.0)
"""Of one that has nobody beside it more is asked: a bad release, too, may have been lucky in its first samples."""
_FEW_BP: Final = 500
"""With more of the players than this such an instance is the release, whatever it did before: waiting costs more."""

_LEAST: Final = 1e-9
"""Of nothing and of everything, which no counts can exclude."""


def until_now(evidence: Evidence, weight_bp: int) -> Counts:
    """What the canary counted before this sample and its suspect's first one; nothing where its weight (basis points;
    0: unknown) is too high for that to speak for an instance that is alone.
    """
    if not 0 < weight_bp <= _FEW_BP:
        return NONE
    counted = evidence.trials[0].canary
    return counted if evidence.suspect is None else counted.without(evidence.suspect.counts)


def sick_one(
    instances: Sequence[Instance],
    canary: Counts,
    baseline: Counts,
    phi: float,
    *,
    before: Instance | None = None,
    earlier: Counts = NONE,
) -> Instance | None:
    """The one instance of the canary whose failures explain this sample, if there is one. ``phi`` is the clump size of
    failures, ``before`` the one that was sick in the sample before, ``earlier`` what the canary counted ``until_now``.
    """
    if not instances or not canary.bad or not baseline.total:
        return None
    share = canary.bad_share
    # By name where two are equally bad: the choice comes out the same whenever it is made again.
    worst = max(instances, key=lambda one: (one.counts.bad - share * one.counts.total, one.name))
    alone = worst.counts == canary
    rest = earlier if alone else canary.without(worst.counts)
    usual = (baseline.bad + 0.5) / (baseline.total + 1.0)
    sick = _speaks(worst.counts, worst.counts.bad_share, usual)
    well = _speaks(rest, usual, share)
    enough = _SUDDENLY if alone else _AGAIN if before is not None and worst.name == before.name else _CLEARLY
    return worst if min(sick, well) >= enough * phi else None


def pardon(evidence: Evidence, sick: Instance | None, seconds: float) -> tuple[Counts | None, Instance | None]:
    """What is not held against the release of this sample of so many seconds, and the suspect from now on. The first
    time counts, and is taken back, with what was won by it, when the next sample is sick as well.
    """
    before = evidence.suspect
    if sick is None:
        return None, None
    if before is None or before.name != sick.name or evidence.excused_s + seconds > EXCUSED_S:
        return None, sick
    return sick.counts.plus(before.counts), Instance(sick.name, NONE)


def told(sick: Instance, canary: Counts, earlier: Counts) -> str:
    """What is wrong, and that the release is not blamed for it."""
    rest, own = canary.without(sick.counts), sick.counts
    if own == canary:
        who, others = (
            f"{sick.name}, alone in the canary, is sick all of a sudden",
            f"{earlier.bad} of {earlier.total} before",
        )
    else:
        who, others = f"of the canary's instances only {sick.name} is sick", f"{rest.bad} of {rest.total} on the others"
    return f"{who} ({own.bad} of {own.total} bad, {others}), which is not held against the release"


def _speaks(counts: Counts, one: float, other: float) -> float:
    """By how much (a logarithm) the counts speak for the one share of bad events rather than the other."""
    one, other = (min(max(share, _LEAST), 1.0 - _LEAST) for share in (one, other))
    return counts.bad * math.log(one / other) + counts.good * math.log((1.0 - one) / (1.0 - other))
