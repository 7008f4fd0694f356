"""The plan of a rollout, bound by its profile: which it was, whose approval it needs, how fast players may be moved.

Called by ``resolve`` once, when a rollout starts; afterwards no profile is looked at again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from croupier.core.gates import Gate
from croupier.core.releases import Service
from croupier.core.rollout.check import CANARY
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.disruption import too_high
from croupier.core.rollout.profile.fill import lane_of, stronger
from croupier.core.rollout.profile.lasting import promised
from croupier.core.rollout.profile.loosened import loosened
from croupier.core.rollout.profile.model import Used
from croupier.core.rollout.spec import Plan, RolloutSpec
from croupier.errors import Problem, Rejected


def bound(plan: Plan, spec: RolloutSpec, *, hotfix: bool, service: Service | None = None) -> Plan:
    """The plan with what its profile and its own document demand before and while it goes on. ``service`` is the one
    that it moves, where that is known.
    """
    lane = lane_of(spec, hotfix=hotfix)
    plan = replace(plan, hotfix=hotfix, disruption=spec.disruption)
    problems = tuple(too_high(plan.steps, plan.disruption)) if plan.disruption is not None else ()
    if problems:  # of steps that were chosen for the traffic; written ones were looked at before
        raise Rejected(f"rollout '{spec.name}' cannot start: {problems[0]}", problems=problems)
    less: tuple[str, ...] = ()
    if spec.profile is not None and lane is not None:
        profile = spec.profile.profile
        plan = replace(plan, profile=Used(profile.name, profile.digest), affinity=promised(service, profile))
        less = tuple(each.text for each in loosened(plan, spec, spec.profile, lane, service))
    demanded = stronger(lane.consent if lane else None, spec.consent)
    return replace(plan, loosened=less, consent=stronger(demanded, Consent() if less else None))


def ungated(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """A hotfix is faster, and gated all the same: some guard must be able to stop it."""
    if not any(name in gates and not gates[name].advisory for name in spec.guards):
        yield Problem(
            "no guard watches this rollout, and a hotfix without one would reach everybody whatever it does.",
            (*CANARY, "analysis"),
            "Name a gate there, or write profile: generic.",
        )
