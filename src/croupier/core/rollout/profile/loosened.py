"""In what a plan is less careful than the profile that it was made by: what needs an approval, in words. Pure.

Each field is compared by itself, by a number and a direction; a plan is loosened where any of them is on the lax side,
however careful it is elsewhere. Called by ``bind`` for a plan, and for documents before anything starts.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from croupier.core.releases import Service
from croupier.core.rollout.consent import includes
from croupier.core.rollout.explain import duration
from croupier.core.rollout.exposure import percent
from croupier.core.rollout.profile import curve
from croupier.core.rollout.profile.fill import stronger
from croupier.core.rollout.profile.gate_fields import laxer
from croupier.core.rollout.profile.lasting import shorter
from croupier.core.rollout.profile.model import Chosen, Disruption, Lane, Profile
from croupier.core.rollout.spec import Plan, RolloutSpec


@dataclass(frozen=True, slots=True)
class Loosening:
    """One field in which the rollout permits more than its profile: the place, its own value and the profile's."""

    field: str
    own: str
    usual: str

    @property
    def text(self) -> str:
        """As people read it: ``disruption.between 1 min, of the profile 5 min``."""
        return f"{self.field} {self.own}, of the profile {self.usual}"


def loosened(
    plan: Plan, spec: RolloutSpec, chosen: Chosen, lane: Lane, service: Service | None = None
) -> Iterator[Loosening]:
    """Every field in which the plan of ``spec`` is less careful than its profile in this lane. ``service`` is the one
    that it moves; ``None`` where it is not known, and then nothing of it is compared.
    """
    yield from _sooner(plan, spec, lane)
    yield from _gates(plan, chosen)
    yield from _numbers(plan, spec, chosen, lane)
    yield from unlasting(service, chosen.profile)


def unlasting(service: Service | None, profile: Profile) -> Iterator[Loosening]:
    """In what the service's affinity is less than its profile asks for."""
    if service is not None and profile.lasting is not None:
        yield from (Loosening(*each) for each in shorter(service.affinity, profile.lasting))


def _sooner(plan: Plan, spec: RolloutSpec, lane: Lane) -> Iterator[Loosening]:
    """Shares of the players that are exceeded sooner than in the lane, or with fewer approvals."""
    usual = curve.of_lane(lane)
    own = curve.of_plan(plan, stronger(lane.consent, spec.consent))
    for rung in lane.rungs:
        ours, theirs = curve.exceeds(own, rung.weight_bp), curve.exceeds(usual, rung.weight_bp)
        more = f"more than {percent(rung.weight_bp)} of the players"
        if ours.after_s < theirs.after_s:
            yield Loosening(more, f"after {duration(ours.after_s)}", f"after {_long(theirs.after_s)}")
        if theirs.consent is None:
            continue
        if ours.consent is None or ours.consent.people < theirs.consent.people:
            had = ours.consent.people if ours.consent else 0
            yield Loosening(f"{more}, approved by", str(had), str(theirs.consent.people))
        elif includes("operator", ours.consent.of) and not includes("operator", theirs.consent.of):
            yield Loosening(f"{more}, approved by", "an operator", "an admin")


def _gates(plan: Plan, chosen: Chosen) -> Iterator[Loosening]:
    """Gates of the profile that do not guard all along, or are laxer."""
    stand_ins = dict(chosen.stand_ins)
    for usual in chosen.profile.gates:
        name = stand_ins.get(usual.name, usual.name)
        if name not in plan.guards:
            yield Loosening(f"gate {usual.name}", "none", "a guard")
            continue
        for field, own, theirs in laxer(plan.gate(name), usual):
            yield Loosening(f"gate {name}: {field}", own, theirs)


def _numbers(plan: Plan, spec: RolloutSpec, chosen: Chosen, lane: Lane) -> Iterator[Loosening]:
    profile, own = chosen.profile, plan.disruption or Disruption()
    if own.between_s < lane.disruption.between_s:
        yield Loosening("disruption.between", duration(own.between_s), duration(lane.disruption.between_s))
    if own.jump_bp > lane.disruption.jump_bp:
        yield Loosening("disruption.jump", percent(own.jump_bp), percent(lane.disruption.jump_bp))
    if spec.false_rollbacks < profile.false_rollbacks:
        # The smaller the right to err, the longer a fault lasts before it is believed.
        yield Loosening("falseRollbacks", f"{spec.false_rollbacks:.3%}", f"{profile.false_rollbacks:.3%}")
    if plan.timing.keep_stable_s < profile.keep_stable_s:
        yield Loosening("keepStable", duration(plan.timing.keep_stable_s), duration(profile.keep_stable_s))
    if plan.timing.progress_deadline_s > profile.progress_deadline_s:
        deadlines = plan.timing.progress_deadline_s, profile.progress_deadline_s
        yield Loosening("progressDeadline", *map(duration, deadlines))


def _long(seconds: float) -> str:
    return "a person" if math.isinf(seconds) else duration(seconds)
