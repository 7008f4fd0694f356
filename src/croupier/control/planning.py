"""How a release is to be rolled out: the plan that the documents make for the traffic of now, tried out before anybody
is exposed. Called by ``starting``.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, TypeVar

from croupier.control.clumps import Lately, with_clumps
from croupier.control.groups import Switches, check_holds, check_kills
from croupier.control.ports import Ports, Spec, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.control.probing import probe
from croupier.control.traffic import counting, paces, requests_per_s, serving
from croupier.core.gates import AnalysisRule, Gate
from croupier.core.releases import Service
from croupier.core.rollout.profile.fill import with_usual
from croupier.core.rollout.prove import prove
from croupier.core.rollout.resolve import gate_uses, resolve
from croupier.core.rollout.spec import Plan, RolloutSpec
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.parts import gates_held
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import NotFound, Rejected

P = ParamSpec("P")
R = TypeVar("R")

_MANY: Final = 2
"""From more gates on, what is tried out before a start is tried out beside the event loop."""
_SEEING = "Mend that, in the gate or at its source, or start by a Rollout without it: --strategy NAME."
_OTHERWISE = "Mend the gate and apply it, or start by a Rollout without it: --strategy NAME."


@dataclass(frozen=True, slots=True)
class How:
    """How a release is rolled out: by which Rollout document (needed only where a service has several), whether in the
    lane for hotfixes, whether also a hotfix in progress may be superseded, and whether it may have to wait for the
    freeze calendar.
    """

    strategy: str | None = None
    hotfix: bool = False
    supersede: bool = False
    wait: bool = True


async def planned(ports: Ports, delivery: Delivery, active: Stored[RolloutState] | None, how: How) -> Plan:
    """The plan that the documents make for the service, as they are now, for the traffic that it has now."""
    service = delivery.service
    specs = [item.value.spec for item in await ports.store.documents()]
    ways = [spec for spec in specs if isinstance(spec, RolloutSpec)]
    plans = [spec for spec in ways if spec.service == service and not spec.services]
    if how.strategy is not None and any(spec.name == how.strategy and spec.services for spec in ways):
        together_by(ways, (service,), how.strategy)
    chosen = [spec for spec in plans if how.strategy in (None, spec.name)]
    names = ", ".join(sorted(spec.name for spec in plans))
    if not plans:
        raise NotFound(f"No Rollout says how to roll out {service}.", hint="Write one and apply it.")
    if not chosen:
        raise NotFound(f"{service} has no Rollout '{how.strategy}'.", hint=f"It has: {names}.")
    if len(chosen) > 1:
        raise Rejected(f"{service} has several Rollouts: {names}.", hint="Choose one: --strategy NAME.")
    return await made(ports, chosen[0], specs, delivery, active, hotfix=how.hotfix)


def together_by(specs: Sequence[RolloutSpec], services: Sequence[str], strategy: str | None) -> RolloutSpec:
    """The Rollout document that moves exactly these services as one. Raises with what there is instead."""
    able = [spec for spec in specs if set(spec.services) == set(services) and strategy in (None, spec.name)]
    named = next((spec for spec in specs if spec.name == strategy), None)
    if named is not None and not able:
        wanted = " ".join(f"{service}=VERSION" for service in named.services) or f"{named.service} VERSION"
        raise Rejected(
            f"Rollout '{named.name}' does not move {', '.join(services)}.",
            hint=f"Write: croupier rollout start --strategy {named.name} {wanted}.",
        )
    if not able:
        raise NotFound(
            f"No Rollout{f' {strategy!r}' if strategy else ''} moves {', '.join(services)} as one.",
            hint=f"Write one with services: [{', '.join(services)}] and apply it.",
        )
    if len(able) > 1:
        names = ", ".join(sorted(spec.name for spec in able))
        raise Rejected(f"Several Rollouts move these services: {names}.", hint="Choose one: --strategy NAME.")
    return able[0]


def check_gates(spec: RolloutSpec, gates: Sequence[Gate]) -> None:
    """Raises ``Rejected`` for gates that cannot watch one of several services."""
    known = {gate.name: gate for gate in gates}
    problems = tuple(gates_held(spec, known, [name for name, _ in gate_uses(spec)]))
    if problems:
        raise Rejected(f"rollout '{spec.name}' cannot start: {problems[0]}", problems=problems)


async def made(
    ports: Ports,
    spec: RolloutSpec,
    specs: Iterable[Spec],
    delivery: Delivery,
    active: Stored[RolloutState] | None,
    *,
    hotfix: bool = False,
) -> Plan:
    """The plan of this document, for the traffic that the service has now."""
    known = tuple(specs)
    per_s = await traffic(ports, spec, known, delivery, active)
    return await made_for(per_s, spec, known, hotfix=hotfix)


async def traffic(
    ports: Ports, spec: RolloutSpec, specs: Iterable[Spec], delivery: Delivery, active: Stored[RolloutState] | None
) -> float | None:
    """The service's requests a second, where its weights depend on them; ``None`` too where nobody can say."""
    if not paces(spec) or (whom := await serving(ports, delivery, active)) is None:
        return None
    gates = with_usual(spec, {each.name: each for each in specs if isinstance(each, Gate)})
    return await requests_per_s(ports, counting(spec, gates), whom)


async def made_for(per_s: float | None, spec: RolloutSpec, specs: Iterable[Spec], *, hotfix: bool = False) -> Plan:
    """The plan of this document for so many requests a second."""
    known = tuple(specs)
    gates = with_usual(spec, {spec.name: spec for spec in known if isinstance(spec, Gate)})
    segments = [spec for spec in known if isinstance(spec, Segment)]
    checks = [spec for spec in known if isinstance(spec, SmokeCheck)]
    service = next((each for each in known if isinstance(each, Service) and each.name == spec.service), None)
    asked = (spec, gates.values(), segments, checks)
    return await _beside(len(gate_uses(spec)), resolve, *asked, per_s=per_s, service=service, hotfix=hotfix)


async def try_out(
    ports: Ports, switches: Switches, plan: Plan, service: str, stable: str | None, lately: Lately
) -> Plan:
    """The plan with what its gates measured beforehand. Refuses, before anybody is exposed, gates that cannot judge and
    actions on groups that cannot be done.
    """
    if stable is not None:
        plan = await _probed(ports, plan, service, stable, lately)
    # An action on a group that could not be done would take everybody back instead.
    for document in await ports.store.documents("Service"):
        if isinstance(document.value.spec, Service) and document.value.spec.name == service:
            check_holds(plan, document.value.spec)
    if stable is not None:
        await check_kills(ports, switches, plan, service, stable)
    return plan


async def _probed(ports: Ports, plan: Plan, service: str, stable: str, lately: Lately) -> Plan:
    """A gate that can never see anything would hold every rollout, one that calls nothing good would end every one,
    and one that cannot fail next to this stable version guards nobody: refuse them before anybody is exposed.
    """
    usual = await probe(ports, plan.gates, service, stable)
    for found in usual:
        if found.blind is not None:
            said = found.blind if found.blind.endswith("?") else f"{found.blind}."
            raise Rejected(f"Gate {found.gate.name} cannot judge {service}: {said}", hint=_SEEING)
    plan = replace(plan, gates=await with_clumps(ports, plan.gates, service, stable, lately))
    for found in usual:
        if isinstance(found.gate.rule, AnalysisRule):  # without proof that it can turn red there would be no plan
            continue
        proof = await _beside(len(plan.gates), prove, plan, found.gate.name, found.usual)
        if proof.red_after_s is None and not found.gate.advisory:
            raise Rejected(f"Gate {found.gate.name} cannot turn red for {service}: {proof.why}.", hint=_OTHERWISE)
    return plan


async def _beside(gates: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do what tries out so many gates: each may take a third of a second, and an abort must come through."""
    return await asyncio.to_thread(work, *args, **kwargs) if gates > _MANY else work(*args, **kwargs)
