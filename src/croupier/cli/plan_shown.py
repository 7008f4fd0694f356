"""A rollout's outlook as ``croupier rollout plan`` shows it: tables and words, or JSON. Called by the command."""

from typing import Any, Final

from croupier.cli.output import counted, out, percent, plain, print_table
from croupier.cli.plan import Planned
from croupier.cli.plan_ahead import exposed_players, in_a_line
from croupier.cli.plan_bounds import bounds, bounds_object
from croupier.core.gates import BurnRule, EventsSli, Gate, PopulationRule, SequentialRule
from croupier.core.rollout.explain import describe_gate, describe_pace, describe_step, duration
from croupier.core.rollout.exposure import exposure
from croupier.core.rollout.outlook import words
from croupier.core.rollout.outlook.outlook import GateOutlook, Timed, View, played_s
from croupier.core.rollout.outlook.stages import Stage
from croupier.core.rollout.outlook.traffic import Traffic
from croupier.core.rollout.segments.guards import judges
from croupier.core.rollout.spec import (
    Plan,
    SetMirrorRoute,
    SetSegment,
    SetWeight,
)

_OFTEN: Final = {1: "once", 2: "twice"}
_COLUMNS: Final = ("WEIGHT", "IN", "FINDS", "HALF IN", "80 % IN", "BY THEN")


def show(planned: Planned) -> None:
    """One rollout as people read it."""
    spec, outlook = planned.spec, planned.outlook
    out.print(f"[bold]{plain(spec.name)}[/]: {_summary(planned)}")
    if planned.plan.pace is not None:
        out.print(f"[dim]Weights {plain(describe_pace(planned.plan.pace))}.[/]")
    for line in bounds(planned.plan):
        out.print(line)
    for doubt in planned.doubts:
        out.print(f"[yellow]![/] {plain(_capital(doubt))}.")
    rows = [_row(timed, planned) for timed in outlook.stages]
    print_table(("STEPS", "WEIGHT", "WAITS FOR", "SHORTEST", "EXPECTED", "EXPOSES"), rows)
    _show_ahead(planned)
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
                "segments": [{"segment": name, "weight": share / 100} for name, share in timed.stage.shares],
                "byHand": timed.stage.by_hand,
                "soonestS": timed.soonest_s,
                "expectedS": _finite(timed.usual_s),
                "stuck": list(timed.stuck),
                "exposedRequests": _exposed(timed, planned),
                "exposedPlayers": exposed_players(timed.stage, planned.ahead.players),
            }
            for timed in outlook.stages
        ],
        **bounds_object(planned.plan),
        "gates": [_gate_object(gate, planned) for gate in outlook.gates],
        "freezes": list(planned.ahead.freezes),
        "approvals": list(planned.ahead.approvals),
        "goingBack": list(planned.ahead.back),
        "warnings": warnings(planned),
    }


def warnings(planned: Planned) -> list[str]:
    """What is not known, and everything that a gate cannot do, with the gate's name."""
    return [*planned.doubts] + [
        f"{gate.gate.name}: {text}" for gate in planned.outlook.gates for text in _warnings(gate, planned)
    ]


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
        text += f", and waits {_OFTEN.get(hands, f'{hands} times')} for a person"
    where = f" in segment {plain(planned.spec.segment)}" if planned.spec.segment else ""
    return f"{text}. Then everybody gets it{where and f'; until then weights count{where}'}."


def _row(timed: Timed, planned: Planned) -> tuple[str, ...]:
    stage = timed.stage
    last = stage.first + len(stage.steps)
    waits = ", ".join(
        describe_step(step).removeprefix("wait ")
        for step in stage.steps
        if not isinstance(step, SetWeight | SetSegment | SetMirrorRoute)
    )
    guards = "its guards" if stage.exposing and planned.plan.guards else ""
    if waits and (stage.asked or stage.guards) and (others := _also_hold(planned.plan, stage)):
        waits += f"; {', '.join(others)} must pass, too"
    requests = _exposed(timed, planned)
    usual = _finite(timed.usual_s)
    plus = " +" if stage.by_hand else ""
    return (
        f"{stage.first + 1}-{last}" if last > stage.first + 1 else f"{last}",
        exposure(stage.weight_bp, stage.shares),
        waits or guards or "nothing",
        duration(timed.soonest_s) + plus,
        "never ends" if usual is None else words.roughly(usual) + plus,
        "nobody" if not stage.exposing else _whom(requests, exposed_players(stage, planned.ahead.players), plus),
    )


def _whom(requests: int | None, players: int | None, plus: str) -> str:
    """Players, where somebody said how many there are: a metric source counts requests, and knows nobody."""
    counted_ = None if requests is None else f"{requests:,} requests{plus}"
    if players is None:
        return counted_ or "-"
    return f"{players:,} players" + (f", {counted_}" if counted_ else "")


def _show_ahead(planned: Planned) -> None:
    """Who has to agree, what is closed meanwhile, and the way back."""
    ahead = planned.ahead
    for time in ahead.freezes:
        out.print(f"[yellow]![/] It would wait: {plain(in_a_line(time))}.")
    for asked in ahead.approvals:
        out.print(f"[dim]People:[/] {plain(asked)}.")
    for said in ahead.back:
        out.print(f"[dim]Going back:[/] {plain(said)}.")


def _also_hold(plan: Plan, stage: Stage) -> list[str]:
    """The guards beside the gates that the stage asks: the share rises only when they have passed, too."""
    return [name for name in (*plan.guards, *stage.guards) if name not in stage.asked and not plan.gate(name).advisory]


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
    _show_assumed(asked, gate.traffic, planned.sources[asked.name])
    stages = planned.outlook.stages
    for views, group in ((gate.whole, False), (gate.group, True)):
        if views:
            first = views[0]
            out.print(f"  {plain(_capital(words.forecast(gate, first, stages[first.stage], group=group)))}.")
            columns = (*_COLUMNS, "BLAMES A HEALTHY ONE") if first.sight.blamed is not None else _COLUMNS
            print_table(columns, [_view(view, stages[view.stage]) for view in views])
    whole_s = [stages[view.stage].usual_s for view in gate.whole if view.sight.seconds >= played_s(asked)]
    if any(seconds > played_s(asked) for seconds in whole_s):
        out.print(f"  [dim]Of a longer stage the first {duration(played_s(asked))} are played; it finds more.[/]")
    if not gate.whole and (judged := judges(planned.plan, asked.name)) is not None:
        who = plain(judged.segment.name)
        out.print(f"  [dim]How many of all players are {who}, nobody knows beforehand: so no figures here.[/]")
    elif asked.by and not gate.group:
        out.print(
            f"  [dim]It is judged by {plain(' and '.join(asked.by))}, too: say how many groups with --groups 8.[/]"
        )
    for text in _warnings(gate, planned):
        out.print(f"  [yellow]![/] {plain(_capital(text))}.")


def _show_assumed(gate: Gate, traffic: Traffic, source: str) -> None:
    usual = words.good(traffic.usual)
    why = "" if gate.objective is None else ", half of what its objective permits to fail"
    option = f"--usual {plain(gate.name)}={usual.replace(' ', '')}"
    how = {"assumed": f" (assumed{why}; say it with {option})", "counted": " (as counted)", "given": ""}[source]
    out.print(f"  [dim]Usually {usual} good{how}; to be found: {words.good(traffic.fault)} good.[/]")


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
    """Requests of the canary during the stage: of the gate that sees the most. What segments add nobody knows."""
    rates = [gate.traffic.per_s for gate in planned.outlook.gates if gate.traffic is not None]
    usual = _finite(timed.usual_s)
    if not rates or usual is None or timed.stage.shares:
        return None
    return round(max(rates) * timed.stage.weight * usual)


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
