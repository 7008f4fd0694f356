"""``croupier rollout plan``: what a rollout would do, and what its gates can find, before anybody is exposed.

``plan_options`` reads what is given, ``plan_shown`` shows what comes of it. Plays the gates' own rules on the traffic
that is counted or given, and changes nothing.
"""

import itertools
import math
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from croupier.cli.connection import Connection, segment
from croupier.cli.output import note
from croupier.cli.plan_ahead import NOTHING, Ahead, ahead, closed
from croupier.cli.plan_options import Given
from croupier.core.gates import EventsSli, Gate
from croupier.core.releases import Service
from croupier.core.rollout.outlook.outlook import Outlook, look_ahead
from croupier.core.rollout.outlook.traffic import Traffic, fault_of, usual_of
from croupier.core.rollout.profile.lasting import to_write
from croupier.core.rollout.profile.loosened import unlasting
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Plan, RolloutSpec
from croupier.core.rollout.together.parts import parts
from croupier.core.rollout.together.strict import own_profiles, strictest
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import CroupierError, NotFound

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle

SEED: Final = 1
"""The same numbers each time: a plan that did not change says the same."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a control plane counted of a gate's events: a second, the bad share, groups, instances of the stable version
    that failures can be compared on.
    """

    per_s: float
    bad: float | None
    groups: int
    instances: int


_AS_ONE: Final = "several begin as the traffic of all of them allows, and leave a baseline in the least"
_MISSING: Final = "A plan is made of files: name the one that has it, too, or the folder with all of them."


@dataclass(frozen=True, slots=True)
class Planned:
    """One rollout's plan and outlook; ``sources`` say where each gate's traffic comes from, ``doubts`` what all of it
    may be wrong for.
    """

    spec: RolloutSpec
    plan: Plan
    outlook: Outlook
    sources: Mapping[str, str]
    doubts: tuple[str, ...] = ()
    ahead: Ahead = NOTHING


def rollouts(bundle: "Bundle", name: str | None, *, hotfix: bool = False) -> list[tuple[RolloutSpec, tuple[Gate, ...]]]:
    """The rollouts in the files with their gates. Raises ``NotFound`` and ``Rejected``."""
    specs = [document.spec for document in bundle.documents]
    found = [spec for spec in specs if isinstance(spec, RolloutSpec)]
    chosen = [spec for spec in found if name in (None, spec.name)]
    if not found:
        raise NotFound("There is no Rollout in these files.", hint="Name the directory with the rollout and its gates.")
    if not chosen:
        raise NotFound(f"There is no Rollout '{name}'.", hint=f"There is: {', '.join(spec.name for spec in found)}.")
    own = [each for spec in chosen for each in parts(spec)]  # several services: each has its traffic and its gates
    return [(spec, _resolved(bundle, spec, None, hotfix=hotfix).gates) for spec in own]


def _resolved(bundle: "Bundle", spec: RolloutSpec, per_s: float | None, *, hotfix: bool) -> Plan:
    """The plan as it would be frozen if the service got so many requests a second."""
    specs = [document.spec for document in bundle.documents]
    gates = [spec for spec in specs if isinstance(spec, Gate)]
    segments = [spec for spec in specs if isinstance(spec, Segment)]
    checks = [spec for spec in specs if isinstance(spec, SmokeCheck)]

    def made(own: RolloutSpec) -> Plan:
        service = _services(bundle).get(own.service)
        return resolve(own, gates, segments, checks, per_s=per_s, service=service, hotfix=hotfix, missing=_MISSING)

    ways = [way for way in specs if isinstance(way, RolloutSpec)]
    whole = next((way for way in ways if way.name == spec.name and way.services), None)
    if whole is None:
        return made(spec)
    plans = [made(each) for each in parts(whole)]  # what is asked of one of them is asked of all
    held = strictest(whole, plans, own_profiles(ways, whole.services), _services(bundle))
    return held[whole.services.index(spec.service)]


def _moving_with(bundle: "Bundle", spec: RolloutSpec) -> tuple[str, ...]:
    """The services of the Rollout that this one is a part of; none where it is about one."""
    ways = (document.spec for document in bundle.documents if isinstance(document.spec, RolloutSpec))
    return next((way.services for way in ways if way.name == spec.name), ())


def _services(bundle: "Bundle") -> Mapping[str, Service]:
    """The services in the files, by name."""
    services = (document.spec for document in bundle.documents if isinstance(document.spec, Service))
    return {each.name: each for each in services}


def look(bundle: "Bundle", spec: RolloutSpec, asked: Given, seen: Mapping[str, Counted]) -> Planned:
    """The outlook of one rollout, with what was given before what was counted before what is assumed."""
    traffic: dict[str, Traffic] = {}
    sources: dict[str, str] = {}
    plan = _resolved(bundle, spec, None, hotfix=asked.hotfix)
    for gate in plan.gates:
        found = _traffic(gate, asked, seen.get(gate.name))
        if found is not None:
            traffic[gate.name], sources[gate.name] = found
    doubts = tuple(_of_service(bundle, spec))
    if plan.pace is not None:
        rates = {name: traffic[name].per_s for name in spec.guards if name in traffic}
        doubts += tuple(_doubts(plan, rates))
        if len(_moving_with(bundle, spec)) > 1:
            doubts += (f"the weights are for {spec.service} alone; {_AS_ONE}",)
        plan = _resolved(bundle, spec, max(rates.values(), default=None), hotfix=asked.hotfix)
    outlook = look_ahead(plan, traffic, lambda: random.Random(SEED).random)  # noqa: S311 - chance, not a secret
    return Planned(spec, plan, outlook, sources, doubts)


def _of_service(bundle: "Bundle", spec: RolloutSpec) -> Iterator[str]:
    """What to write in the service, where its profile asks for more affinity than it has."""
    profile, service = spec.profile.profile if spec.profile is not None else None, _services(bundle).get(spec.service)
    if profile is None or profile.lasting is None:
        return
    if service is None:
        yield f"service '{spec.service}' is not in these files, so its affinity was not held against the profile"
    elif any(unlasting(service, profile)):
        yield to_write(service, profile)


def with_ahead(
    connection: Connection, bundle: "Bundle", planned: Sequence[Planned], players: int | None
) -> list[Planned]:
    """The same with people, freezes and the way back."""
    found = closed(connection, [(each.spec.service, _takes_s(each.outlook)) for each in planned])
    return [
        replace(each, ahead=ahead(bundle, each.spec, each.plan, players, freezes))
        for each, freezes in zip(planned, found, strict=True)
    ]


def _takes_s(outlook: Outlook) -> float:
    return outlook.usual_s if math.isfinite(outlook.usual_s) else outlook.soonest_s


def _doubts(plan: Plan, rates: Mapping[str, float]) -> Iterator[str]:
    """The service's traffic is that of the guard that sees most: where one is silent yet, it may be that one."""
    unheard = [name for name in plan.guards if name not in rates and not isinstance(plan.gate(name).sli, EventsSli)]
    if unheard and rates:
        most = max(rates, key=rates.__getitem__)
        yield (
            f"the weights are for the {rates[most]:.3g}/s that {most} counts, and what {', '.join(unheard)} "
            f"{'counts' if len(unheard) == 1 else 'count'} is not known yet, so they may begin too high: ask again in "
            f"a minute, or say it with --rate {unheard[0]}=20/s"
        )


def count(
    connection: Connection, bundle: "Bundle", spec: RolloutSpec, gates: Iterable[Gate], asked: Given
) -> Mapping[str, Counted]:
    """What a control plane has counted of the gates whose traffic is not given; why it has not is noted."""
    unknown = [gate for gate in gates if not isinstance(gate.sli, EventsSli) and gate.name not in asked.rates]
    if "" in asked.rates or not unknown:
        return {}
    from croupier.adapters.manifests.ready import spelled_out

    try:
        with connection.open() as client:
            wanted = {gate.name for gate in unknown}
            found_gates = (item for item in bundle.documents if item.kind == "Gate" and item.name in wanted)
            documents = [dict(item.source) for item in found_gates]
            written = {item.name for item in bundle.documents if item.kind == "Gate"}
            made = [gate for gate in unknown if gate.name not in written]  # the profile's, and those of segments
            names = _sendable(made, written)
            documents += [spelled_out(replace(gate, name=name)) for name, gate in zip(names, made, strict=True)]
            found = client.post(f"services/{segment(spec.service)}/traffic", {"documents": documents})
    except CroupierError as trouble:
        note(f"Nobody has counted the traffic ({trouble.message.rstrip('.')}): say it with --rate 20/s.")
        return {}
    ours = {name: gate.name for name, gate in zip(names, made, strict=True)}
    counted = [{**item, "gate": ours.get(item["gate"], item["gate"])} for item in found["gates"]]
    for item in counted:
        why = item["silence"] or ("" if item["total"] else "it counted nothing lately")
        if why:
            note(f"{item['gate']}: {why}. Say its traffic with --rate {item['gate']}=20/s.")
    return {item["gate"]: _counted(item) for item in counted if not item["silence"] and item["total"]}


def _sendable(gates: Iterable[Gate], taken: Collection[str]) -> list[str]:
    """A name for each that a document may have, since ``deposits@market=SE`` is none."""
    free = (name for name in map("planned-{}".format, itertools.count(1)) if name not in taken)
    return [next(free) if "@" in gate.name else gate.name for gate in gates]


def _counted(item: Mapping[str, Any]) -> Counted:
    bad, total = item["total"] - item["good"], item["total"]
    groups = sum(bool(group["total"]) for group in item["groups"])
    # Where nothing failed, a fault of less than half an event is all that was seen.
    return Counted(item["perS"], max(bad, 0.5) / total, groups, item["instances"])


def _traffic(gate: Gate, asked: Given, seen: Counted | None) -> tuple[Traffic, str] | None:
    per_s = asked.rates.get(gate.name, seen.per_s if seen else asked.rates.get(""))
    if "" in asked.rates and gate.name not in asked.rates:
        per_s = asked.rates[""]
    if per_s is None:
        return None
    usual = asked.usual.get(gate.name, asked.usual.get("", seen.bad if seen else None))
    source = "given" if gate.name in asked.usual or "" in asked.usual else "counted" if usual is not None else "assumed"
    if usual is None:
        usual = usual_of(gate)
    fault = asked.find.get(gate.name, asked.find.get("", fault_of(gate, usual)))
    groups = asked.groups.get(gate.name, asked.groups.get("", seen.groups if seen else 0)) if gate.by else 0
    clumps = {"clumps": 1.0} if seen is not None and seen.instances > 1 else {}
    what = "requests" if "" in asked.rates and gate.name not in asked.rates else "events"
    return Traffic(per_s, usual, fault, groups, what=what, **clumps), source


def read(paths: list[Path]) -> "Bundle":
    """The files; what they leave out is for ``validate`` to say. Raises ``Rejected`` with every mistake."""
    from croupier.adapters.manifests import read_paths

    bundle = read_paths(paths, partial=True)
    bundle.require_clean()
    return bundle
