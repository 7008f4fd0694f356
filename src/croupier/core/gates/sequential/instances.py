"""Whether a single sick instance is all that is wrong with the canary: then it is no fault of the release. Called by
``look``.

An instance that clearly fails is followed from its first such sample on, with what the tests were before it. Two
readings of what was counted since are compared: "the release fails everywhere alike", and "this instance fails, the
others are as good as the baseline". Where the counts speak clearly for the second, what was won since is taken back
before the canary would be blamed for it, or once the instance is well again. Only for ``EXCUSED_S`` in a rollout: that
is what a restart takes, and whoever fails for longer is not sick for a moment.

An instance that is all of the canary has nobody beside it. While it has few players, what it counted before speaks for
it instead: a release that is bad from its first request on was never well.
"""

import math
from collections.abc import Sequence
from typing import Final

from croupier.core.gates.sequential.evidence import Evidence, Suspect, Trial
from croupier.core.gates.sequential.samples import NONE
from croupier.core.gates.sli import Counts, Instance

EXCUSED_S: Final = 90.0
"""For so long in all (seconds of data) a canary may have a sick instance that is not held against the release."""
RECOVERED_S: Final = 30.0
"""Who was sick and did not fail for so long is well again."""

_CLEARLY: Final = math.log(20.0)
_SUDDENLY: Final = math.log(100.0)
"""Of one that has nobody beside it more is asked: a bad release, too, may have been lucky in its first samples."""
_FEW_BP: Final = 500
"""With more of the players than this such an instance is the release, whatever it did before: waiting costs more."""
_MOST: Final = 3
"""So many are followed at once, those with the clearest trouble: one is looked for, and others fail now and then."""

_LEAST: Final = 1e-9
"""Of nothing and of everything, which no counts can exclude."""


def noted(instances: Sequence[Instance], suspects: Sequence[Suspect]) -> tuple[Instance, ...]:
    """Those whose counts may matter, by name: who is followed, and of the others who failed most in this sample."""
    if not instances:
        return ()
    known = {suspect.name for suspect in suspects}
    failed = sorted((one for one in instances if one.counts.bad and one.name not in known), key=_worst)
    chosen = [*(one for one in instances if one.name in known), *failed[:_MOST]]
    return tuple(sorted(chosen, key=lambda one: one.name))


def followed(evidence: Evidence, instances: Sequence[Instance], seconds: float, normal: float) -> tuple[Suspect, ...]:
    """Who is followed after a sample of so many seconds, for as long as it fails; ``normal`` is the share of bad events
    that is no trouble.
    """
    if not instances and not evidence.suspects:
        return ()
    suspects = {one.name: one for one in evidence.suspects if evidence.seconds - one.failed_s < RECOVERED_S}
    for one in instances:
        begun = suspects.get(one.name) or Suspect(one.name, NONE, evidence.seconds, evidence.seconds, evidence.trials)
        failed_s = evidence.seconds + seconds if _fails(one, normal) else begun.failed_s
        suspects[one.name] = begun._replace(counts=begun.counts.plus(one.counts), failed_s=failed_s)
    troubled = [(_trouble(suspect.counts, normal), suspect) for suspect in suspects.values()]
    troubled = sorted(troubled, key=lambda each: (-each[0], each[1].name))[:_MOST]
    return tuple(suspect for trouble, suspect in troubled if trouble >= _CLEARLY)


def culprit(suspects: Sequence[Suspect], whole: Trial, phi: float, weight_bp: int) -> Suspect | None:
    """The one instance whose failures explain all that the canary's whole counted since, if there is one. ``phi`` is
    the clump size of failures, ``weight_bp`` the canary's weight (basis points; 0: unknown).
    """
    normal = usual(whole.baseline)
    return next((one for one in suspects if _explains(one, whole, normal, phi, weight_bp)), None)


def still_sick(instances: Sequence[Instance], ailing: Sequence[Instance], normal: float) -> tuple[Instance, ...]:
    """Who was sick a sample ago and clearly fails in this one: what was won is taken back, so that a few failures do
    not show that it is all that is wrong.
    """
    if not ailing:
        return ()
    names = {one.name for one in ailing}
    return tuple(one for one in instances if one.name in names and _fails(one, normal))


def usual(baseline: Counts) -> float:
    """The share of bad events that is no trouble: the baseline's."""
    return (baseline.bad + 0.5) / (baseline.total + 1.0)


def told(sick: Suspect, whole: Trial) -> str:
    """What is wrong."""
    before = sick.earlier[0].canary
    since = whole.canary.without(before)
    rest, own = since.without(sick.counts), sick.counts
    if not rest.total:
        return (
            f"{sick.name}, alone in the canary, is sick all of a sudden "
            f"({own.bad} of {own.total} bad, {before.bad} of {before.total} before)"
        )
    return (
        f"of the canary's instances only {sick.name} is sick "
        f"({own.bad} of {own.total} bad, {rest.bad} of {rest.total} on the others)"
    )


def _explains(one: Suspect, whole: Trial, normal: float, phi: float, weight_bp: int) -> bool:
    before = one.earlier[0].canary
    since = whole.canary.without(before)
    rest, enough = since.without(one.counts), _CLEARLY
    if not rest.total:
        if not 0 < weight_bp <= _FEW_BP:
            return False
        rest, since, enough = before, whole.canary, _SUDDENLY
    sick = _trouble(one.counts, normal)
    well = _speaks(rest, normal, since.bad_share)
    return min(sick, well) >= enough * phi


def _fails(one: Instance, normal: float) -> bool:
    """Whether it clearly fails in this sample: now and then a request fails on each."""
    return _trouble(one.counts, normal) >= _CLEARLY


def _trouble(counts: Counts, normal: float) -> float:
    """How clearly it fails more often than is normal."""
    return _speaks(counts, counts.bad_share, normal) if counts.bad_share > normal else 0.0


def _worst(one: Instance) -> tuple[int, str]:
    return -one.counts.bad, one.name


def _speaks(counts: Counts, one: float, other: float) -> float:
    """By how much (a logarithm) the counts speak for the one share of bad events rather than the other."""
    one, other = (min(max(share, _LEAST), 1.0 - _LEAST) for share in (one, other))
    return counts.bad * math.log(one / other) + counts.good * math.log((1.0 - one) / (1.0 - other))
