"""How soon a plan can give a share of the players the canary, at the soonest: what two plans are compared by. Pure.

A plan is as careful as a lane where it exceeds no share sooner than the lane does, nor with fewer approvals. Shares of
segments count as if everybody were in them, which is the most that can be. What a person waits counts as for ever, and
gates as what they take at the least, so that nothing is taken for more careful than it is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from croupier.core.gates import SequentialRule
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.exposure import NOBODY, given
from croupier.core.rollout.profile.fill import stronger
from croupier.core.rollout.profile.model import Lane
from croupier.core.rollout.spec import Analysis, Approval, Pause, Plan, SetSegment, SetWeight, Step
from croupier.core.segments import BUCKETS


@dataclass(frozen=True, slots=True)
class Reached:
    """From ``after_s`` seconds after the first players on, so large a share (basis points) may have the canary; and the
    approval without which nobody gets there.
    """

    share_bp: int
    after_s: float
    consent: Consent | None


def exceeds(curve: tuple[Reached, ...], share_bp: int) -> Reached:
    """When more than this share may have the canary. Everybody gets it in the end."""
    return next((each for each in curve if each.share_bp > share_bp), curve[-1])


def of_lane(lane: Lane) -> tuple[Reached, ...]:
    """The curve of a lane."""
    found: list[Reached] = []
    at, consent = 0.0, lane.consent
    for rung in lane.rungs:
        consent = stronger(consent, rung.consent)
        found.append(Reached(rung.weight_bp, at, consent))
        at += max(rung.hold_s, lane.disruption.between_s)
    return _rising([*found, Reached(BUCKETS, at, consent)])


def of_plan(plan: Plan, consent: Consent | None) -> tuple[Reached, ...]:
    """The curve of a plan that needs ``consent`` before it begins."""
    starts = [(at, step) for at, step in enumerate(plan.steps) if isinstance(step, SetWeight | SetSegment)]
    found: list[Reached] = []
    at, weight, insides = 0.0, 0, NOBODY
    ends = [*(start for start, _ in starts), len(plan.steps)]
    for before in plan.steps[: ends[0]]:
        consent = _asked(consent, before)
    for (start, step), end in zip(starts, ends[1:], strict=True):
        if isinstance(step, SetWeight):
            weight = step.weight_bp
        else:
            insides = given(insides, step.segment, step.weight_bp)
        share = max([weight, *(each.weight_bp for each in insides)])
        found.append(Reached(share, at, consent))
        at += _lasts(plan, plan.steps[start + 1 : end]) if share else 0.0
        for waiting in plan.steps[start + 1 : end]:
            consent = _asked(consent, waiting)
    return _rising([*found, Reached(BUCKETS, at, consent)])


def _lasts(plan: Plan, steps: tuple[Step, ...]) -> float:
    """Seconds at the least until these steps of one share are over."""
    at = 0.0
    for step in steps:
        if isinstance(step, Pause):
            at += math.inf if step.duration_s is None else step.duration_s
        elif isinstance(step, Analysis):
            at = max([at, *(_dwells(plan, name, step, at) for name in step.gates)])
    return max(at, plan.disruption.between_s if plan.disruption else 0.0)


def _dwells(plan: Plan, name: str, step: Analysis, at: float) -> float:
    """When the gate can have passed at the soonest. A guard looks from the first second of the share on."""
    gate = plan.gate(name)
    if not isinstance(gate.rule, SequentialRule) or gate.advisory:
        return at
    seconds = gate.rule.interval_s * (gate.rule.dwell if step.dwell is None else step.dwell)
    return seconds if name in plan.guards else at + seconds


def _asked(consent: Consent | None, step: Step) -> Consent | None:
    return stronger(consent, step.consent) if isinstance(step, Approval) else consent


def _rising(found: list[Reached]) -> tuple[Reached, ...]:
    return tuple(_highest(found))


def _highest(found: list[Reached]) -> Iterator[Reached]:
    """Each share that is larger than all before it."""
    highest = 0
    for each in found:
        if each.share_bp > highest:
            highest = each.share_bp
            yield each
