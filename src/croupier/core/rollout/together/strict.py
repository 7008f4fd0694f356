"""The plans of several services that move as one, held against the profiles that their services have alone. Pure.

Moving with others is no way around a profile: the strictest of them rules, for all. Called when they start, and for
documents before anything starts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from croupier.core.gates import Gate
from croupier.core.releases import Service
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.fill import stronger
from croupier.core.rollout.profile.lasting import promised
from croupier.core.rollout.profile.loosened import loosened
from croupier.core.rollout.profile.model import Chosen, Used
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Plan, RolloutSpec
from croupier.core.rollout.together.parts import part
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import Problem, Rejected


def own_profiles(specs: Sequence[RolloutSpec], services: Sequence[str]) -> Mapping[str, tuple[Chosen, ...]]:
    """The profiles of each service, by the Rollouts that move it alone."""
    return {
        service: tuple(spec.profile for spec in specs if spec.service == service and not spec.services and spec.profile)
        for service in services
    }


def less_careful_as_one(
    spec: RolloutSpec,
    specs: Sequence[RolloutSpec],
    gates: Mapping[str, Gate],
    segments: Mapping[str, Segment],
    services: Mapping[str, Service],
    checks: Iterable[SmokeCheck] = (),
) -> Iterator[Problem]:
    """In what a rollout of several services is less careful than the profiles that they have by themselves in other
    ``specs``, if all it names is known and sound: allowed, and each start needs an approval then.
    """
    profiles = own_profiles(specs, spec.services)
    if not any(profiles.values()):
        return
    known = tuple(checks)
    try:
        plans = [
            resolve(part(spec, name), gates.values(), segments.values(), known, service=services.get(name))
            for name in spec.services
        ]
    except Rejected:  # said by others
        return
    for place, plan in enumerate(strictest(spec, plans, profiles, services)):
        names = ", ".join(dict.fromkeys(chosen.profile.name for chosen in profiles[spec.services[place]]))
        if plan.loosened:
            yield Problem(
                f"less careful than the profile that {spec.services[place]} has alone ({names}): "
                f"{'; '.join(plan.loosened)}.",
                ("spec", "services", place),
                "Write what the profile says; or each start waits for somebody to approve it.",
            )


def strictest(
    spec: RolloutSpec,
    plans: Sequence[Plan],
    profiles: Mapping[str, Sequence[Chosen]],
    services: Mapping[str, Service],
) -> tuple[Plan, ...]:
    """The plans, in the order of the services, with the approval that is needed before any of them begins: the
    strongest that the whole or a profile asks for, or somebody else's where one is less careful than a profile.
    """
    held = [
        _held(part(spec, name), plan, profiles[name], spec.false_rollbacks, services.get(name))
        for name, plan in zip(spec.services, plans, strict=True)
    ]
    consent: Consent | None = None
    for plan in held:
        consent = stronger(consent, plan.consent)
    return tuple(replace(plan, consent=consent) for plan in held)


def _held(own: RolloutSpec, plan: Plan, profiles: Sequence[Chosen], budget: float, service: Service | None) -> Plan:
    # The budget is that of the whole here, as that of a profile is.
    own = replace(own, false_rollbacks=budget)
    for chosen in profiles:
        lane = chosen.profile.usual
        less = tuple(each.text for each in loosened(plan, own, chosen, lane, service))
        plan = replace(
            plan,
            profile=plan.profile or Used(chosen.profile.name, chosen.profile.digest),
            affinity=plan.affinity or promised(service, chosen.profile),
            loosened=tuple(dict.fromkeys((*plan.loosened, *less))),
            consent=stronger(stronger(plan.consent, lane.consent), Consent() if less else None),
        )
    return plan
