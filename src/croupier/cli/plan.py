"""``croupier rollout plan``: what a rollout would do, and what its gates can find, before anybody is exposed.

Reads files, plays the gates' own rules on the traffic that is counted or given, and changes nothing.
"""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from croupier.cli.connection import Connection, segment
from croupier.cli.output import counted, note, out, percent, plain, print_table
from croupier.core.gates import BurnRule, EventsSli, Gate, PopulationRule, SequentialRule
from croupier.core.rollout.explain import describe_gate, describe_pace, describe_step, duration
from croupier.core.rollout.outlook import words
from croupier.core.rollout.outlook.outlook import GateOutlook, Outlook, Timed, View, look_ahead
from croupier.core.rollout.outlook.traffic import Traffic, fault_of, usual_of
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Pause, Plan, RolloutSpec, SetWeight
from croupier.core.segments import Segment
from croupier.errors import CroupierError, NotFound, Rejected

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle

SEED: Final = 1
"""The same numbers each time: a plan that did not change says the same."""
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(k?)(?:/(s|m|min|h))?")
_PER: Final = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_COLUMNS: Final = ("WEIGHT", "IN", "FINDS", "HALF IN", "80 % IN", "BY THEN")


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say, for every gate (``""``) or for one."""

    rates: Mapping[str, float]
    usual: Mapping[str, float]
    find: Mapping[str, float]
    groups: Mapping[str, int]

    def check(self, gates: Iterable[Gate]) -> None:
        """Raises ``Rejected`` for a gate that there is not."""
        known = {gate.name for gate in gates}
        for option in (self.rates, self.usual, self.find, self.groups):
            for name in option:
                if name and name not in known:
                    raise Rejected(
                        f"No rollout here asks a gate '{name}'.", hint=f"They ask: {', '.join(sorted(known))}."
                    )


@dataclass(frozen=True, slots=True)
class Counted:
    """What a control plane counted of a gate's events: a second, the bad share, groups, instances of the stable version
    that failures can be compared on.
    """

    per_s: float
    bad: float | None
    groups: int
    instances: int


@dataclass(frozen=True, slots=True)
class Planned:
    """One rollout's plan and outlook; ``sources`` say where each gate's traffic comes from."""

    spec: RolloutSpec
    plan: Plan
    outlook: Outlook
    sources: Mapping[str, str]


def given(rates: list[str], usual: list[str], find: list[str], groups: list[str]) -> Given:
    """The options read. Raises ``Rejected``."""
    return Given(
        dict(_named(text, "--rate", _rate) for text in rates),
        dict(_named(text, "--usual", _bad) for text in usual),
        dict(_named(text, "--find", _bad) for text in find),
        dict(_named(text, "--groups", _whole) for text in groups),
    )


def rollouts(bundle: "Bundle", name: str | None) -> list[tuple[RolloutSpec, tuple[Gate, ...]]]:
    """The rollouts in the files with their gates. Raises ``NotFound`` and ``Rejected``."""
    specs = [document.spec for document in bundle.documents]
    found = [spec for spec in specs if isinstance(spec, RolloutSpec)]
    chosen = [spec for spec in found if name in (None, spec.name)]
    if not found:
        raise NotFound("There is no Rollout in these files.", hint="Name the directory with the rollout and its gates.")
    if not chosen:
        raise NotFound(f"There is no Rollout '{name}'.", hint=f"There is: {', '.join(spec.name for spec in found)}.")
    return [(spec, _resolved(bundle, spec, None).gates) for spec in chosen]


def _resolved(bundle: "Bundle", spec: RolloutSpec, per_s: float | None) -> Plan:
    """The plan as it would be frozen if the service got so many requests a second."""
    specs = [document.spec for document in bundle.documents]
    gates = [spec for spec in specs if isinstance(spec, Gate)]
    segments = [spec for spec in specs if isinstance(spec, Segment)]
    return resolve(spec, gates, segments, per_s=per_s)


def look(bundle: "Bundle", spec: RolloutSpec, asked: Given, seen: Mapping[str, Counted]) -> Planned:
    """The outlook of one rollout, with what was given before what was counted before what is assumed."""
    traffic: dict[str, Traffic] = {}
    sources: dict[str, str] = {}
    plan = _resolved(bundle, spec, None)
    for gate in plan.gates:
        found = _traffic(gate, asked, seen.get(gate.name))
        if found is not None:
            traffic[gate.name], sources[gate.name] = found
    if plan.pace is not None:
        plan = _resolved(
            bundle, spec, max((traffic[name].per_s for name in spec.guards if name in traffic), default=None)
        )
    outlook = look_ahead(plan, traffic, lambda: random.Random(SEED).random)  # noqa: S311 - chance, not a secret
    return Planned(spec, plan, outlook, sources)


def count(
    connection: Connection, bundle: "Bundle", spec: RolloutSpec, gates: Iterable[Gate], asked: Given
) -> Mapping[str, Counted]:
    """What a control plane has counted of the gates whose traffic is not given; why it has not is noted."""
    unknown = [gate for gate in gates if not isinstance(gate.sli, EventsSli) and gate.name not in asked.rates]
    if "" in asked.rates or not unknown:
        return {}
    try:
        with connection.open() as client:
            wanted = {gate.name for gate in unknown}
            found_gates = (item for item in bundle.documents if item.kind == "Gate" and item.name in wanted)
            documents = [dict(item.source) for item in found_gates]
            found = client.post(f"services/{segment(spec.service)}/traffic", {"documents": documents})
    except CroupierError as trouble:
        note(f"Nobody has counted the traffic ({trouble.message.rstrip('.')}): say it with --rate 20/s.")
        return {}
    for item in found["gates"]:
        why = item["silence"] or ("" if item["total"] else "it counted nothing lately")
        if why:
            note(f"{item['gate']}: {why}. Say its traffic with --rate {item['gate']}=20/s.")
    return {item["gate"]: _counted(item) for item in found["gates"] if not item["silence"] and item["total"]}


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


# --- said ----------------------------------------------------------------------------------------------


def show(planned: Planned) -> None:
    """One rollout as people read it."""
    spec, outlook = planned.spec, planned.outlook
    out.print(f"[bold]{plain(spec.name)}[/]: {_summary(planned)}")
    if planned.plan.pace is not None:
        out.print(f"[dim]Weights {plain(describe_pace(planned.plan.pace))}.[/]")
    rows = [_row(timed, planned) for timed in outlook.stages]
    print_table(("STEPS", "WEIGHT", "WAITS FOR", "SHORTEST", "EXPECTED", "EXPOSES"), rows)
    for gate in outlook.gates:
        out.print("")
        _show_gate(gate, planned)


def as_object(planned: Planned) -> dict[str, Any]:
    """The same as JSON."""
    outlook = planned.outlook
    return {
        "rollout": planned.spec.name,
        "service": planned.spec.service,
        "segment": planned.spec.segment,
        "soonestS": outlook.soonest_s,
        "expectedS": _finite(outlook.usual_s),
        "stages": [
            {
                "steps": [timed.stage.first + index + 1 for index in range(len(timed.stage.steps))],
                "texts": [describe_step(step) for step in timed.stage.steps],
                "weight": timed.stage.weight_bp / 100,
                "byHand": timed.stage.by_hand,
                "soonestS": timed.soonest_s,
                "expectedS": _finite(timed.usual_s),
                "stuck": list(timed.stuck),
                "exposedRequests": _exposed(timed, planned),
            }
            for timed in outlook.stages
        ],
        "gates": [_gate_object(gate, planned) for gate in outlook.gates],
        "warnings": warnings(planned),
    }


def warnings(planned: Planned) -> list[str]:
    """Everything that a gate cannot do, with the gate's name."""
    return [f"{gate.gate.name}: {text}" for gate in planned.outlook.gates for text in _warnings(gate, planned)]


def _warnings(gate: GateOutlook, planned: Planned) -> list[str]:
    if gate.traffic is None:
        return []
    traffic, stages = gate.traffic, planned.outlook.stages
    stuck = [
        words.stuck(timed, gate.gate, traffic, planned.plan.on_inconclusive)
        for timed in stages
        if gate.gate.name in timed.stuck
    ]
    return [*stuck[:1], *words.warnings(gate, stages)]


def _summary(planned: Planned) -> str:
    outlook = planned.outlook
    hands = sum(timed.stage.by_hand for timed in outlook.stages)
    text = f"{counted(len(planned.plan.steps), 'step')}, {duration(outlook.soonest_s)} or more"
    expected = _finite(outlook.usual_s)
    if expected is None:
        text += "; with this traffic it would never end"
    elif expected > outlook.soonest_s:
        text += f", about {words.roughly(expected)} expected"
    if hands:
        text += f", and waits {'once' if hands == 1 else f'{hands} times'} for a person"
    where = f" in segment {plain(planned.spec.segment)}" if planned.spec.segment else ""
    return f"{text}. Then everybody gets it{where and f'; until then weights count{where}'}."


def _row(timed: Timed, planned: Planned) -> tuple[str, ...]:
    stage = timed.stage
    last = stage.first + len(stage.steps)
    waits = ", ".join(
        describe_step(step).removeprefix("wait ") for step in stage.steps if not isinstance(step, SetWeight)
    )
    guards = "its guards" if stage.weight_bp and planned.plan.guards else ""
    requests = _exposed(timed, planned)
    usual = _finite(timed.usual_s)
    by_hand = any(isinstance(step, Pause) and step.duration_s is None for step in stage.steps)
    plus = " +" if by_hand else ""
    return (
        f"{stage.first + 1}-{last}" if last > stage.first + 1 else f"{last}",
        percent(stage.weight_bp / 100),
        waits or guards or "nothing",
        duration(timed.soonest_s) + plus,
        "never ends" if usual is None else words.roughly(usual) + plus,
        "nobody" if not stage.weight_bp else "-" if requests is None else f"{requests:,} requests" + plus,
    )


def _show_gate(gate: GateOutlook, planned: Planned) -> None:
    asked = gate.gate
    rule = (
        f"sequential, errs in {100 * asked.rule.budget:.3g} %"
        if isinstance(asked.rule, SequentialRule)
        else asked.rule.kind
    )
    out.print(f"[bold]{plain(asked.name)}[/] [dim]({rule})[/] {plain(describe_gate(asked))}")
    if isinstance(asked.sli, EventsSli):
        events = asked.hard_stop.events if asked.hard_stop and asked.hard_stop.events else 1
        out.print(f"  One look is enough: it stops at {events} within {duration(asked.rule.interval_s)}.")
        return
    if isinstance(asked.rule, BurnRule | PopulationRule):
        out.print("  [dim]When it speaks is not forecast; 'gate' documents say when it does.[/]")
        return
    if gate.traffic is None:
        out.print(f"  [dim]How much it sees is not known; say it with --rate {plain(asked.name)}=20/s.[/]")
        return
    _show_assumed(gate.traffic, planned.sources[asked.name])
    stages = planned.outlook.stages
    for views, group in ((gate.whole, False), (gate.group, True)):
        if views:
            first = views[0]
            out.print(f"  {plain(_capital(words.forecast(gate, first, stages[first.stage], group=group)))}.")
            columns = (*_COLUMNS, "BLAMES A HEALTHY ONE") if first.sight.blamed is not None else _COLUMNS
            print_table(columns, [_view(view, stages[view.stage]) for view in views])
    if asked.by and not gate.group:
        out.print(
            f"  [dim]It is judged by {plain(' and '.join(asked.by))}, too: say how many groups with --groups 8.[/]"
        )
    for text in _warnings(gate, planned):
        out.print(f"  [yellow]![/] {plain(_capital(text))}.")


def _show_assumed(traffic: Traffic, source: str) -> None:
    how = {"assumed": " (assumed; say it with --usual 99.95%)", "counted": " (as counted)", "given": ""}[source]
    out.print(
        f"  [dim]Usually {words.good(traffic.usual)} good{how}; to be found: {words.good(traffic.fault)} good.[/]"
    )


def _view(view: View, timed: Timed) -> tuple[str, ...]:
    sight = view.sight
    hand = timed.stage.by_hand
    cells = [
        percent(timed.stage.weight_bp / 100),
        "by hand" if hand else duration(sight.seconds),
        "-" if hand else words.probability(sight.probability),
        words.in_time(sight.half_s).removeprefix("in "),
        words.in_time(sight.likely_s).removeprefix("in "),
        "-" if hand else words.probability(sight.by_then),
    ]
    return (*cells, words.probability(sight.blamed)) if sight.blamed is not None else (*cells,)


def _gate_object(gate: GateOutlook, planned: Planned) -> dict[str, Any]:
    traffic = gate.traffic
    stages = planned.outlook.stages
    return {
        "gate": gate.gate.name,
        "objective": describe_gate(gate.gate),
        "perS": traffic and traffic.per_s,
        "usualBad": traffic and traffic.usual,
        "usualFrom": planned.sources.get(gate.gate.name),
        "faultBad": traffic and traffic.fault,
        "groups": traffic and traffic.groups,
        "forecasts": [
            {
                "stage": view.stage + 1,
                "weight": stages[view.stage].stage.weight_bp / 100,
                "group": group,
                "seconds": view.sight.seconds,
                "probability": view.sight.probability,
                "halfS": _finite(view.sight.half_s),
                "likelyS": _finite(view.sight.likely_s),
                "byThen": view.sight.by_then,
                "blamesHealthy": view.sight.blamed,
                "opinions": view.opinions,
                "text": words.forecast(gate, view, stages[view.stage], group=group),
                "remedy": view.remedy
                and {
                    "weight": view.remedy.weight_bp and view.remedy.weight_bp / 100,
                    "seconds": view.remedy.seconds,
                    "groups": view.remedy.groups,
                },
            }
            for views, group in ((gate.whole, False), (gate.group, True))
            for view in views
        ],
        "warnings": _warnings(gate, planned),
    }


def _exposed(timed: Timed, planned: Planned) -> int | None:
    """Requests that the canary gets during the stage: of the gate that sees the most."""
    rates = [gate.traffic.per_s for gate in planned.outlook.gates if gate.traffic is not None]
    usual = _finite(timed.usual_s)
    if not rates or usual is None:
        return None
    return round(max(rates) * timed.stage.weight * usual)


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- options -------------------------------------------------------------------------------------------


def _named(text: str, option: str, read: Any) -> tuple[str, Any]:
    """``GATE=VALUE``, or a value for every gate."""
    name, equals, value = text.rpartition("=")
    found = read(value.strip())
    if found is None or (equals and not name):
        example = {"--rate": "20/s", "--groups": "8"}.get(option, "99.95%")
        raise Rejected(
            f"{option} {text} is not understood.", hint=f"Write {option} {example}, or {option} GATE={example}."
        )
    return name.strip(), found


def _rate(text: str) -> float | None:
    found = _RATE.fullmatch(text)
    return float(found[1]) * (1000.0 if found[2] else 1.0) / _PER[found[3]] if found else None


def _bad(text: str) -> float | None:
    """The bad share behind a good one, as files write it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    good = float(found[1]) / 100 if found else -1.0
    # Rounded: 1 - 0.9995 is not quite what people wrote.
    return round(1.0 - good, 12) if 0.0 <= good <= 1.0 else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{0,3}", text) else None


def read(paths: list[Path]) -> "Bundle":
    """The files; what they leave out is for ``validate`` to say. Raises ``Rejected`` with every mistake."""
    from croupier.adapters.manifests import read_paths

    bundle = read_paths(paths, partial=True)
    bundle.require_clean()
    return bundle
