"""A gate that judges the players of one segment alone, made of one that judges everybody. Pure; called by ``resolve``.

It asks the same of both versions' counts, narrowed to the values that the segment asks for: so employees are compared
with employees. What its failure does the step says that names it, so it acts on no groups of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from croupier.core.gates import (
    EMBEDDED,
    EventsSli,
    Gate,
    LatencySli,
    Matchers,
    MeasuredSli,
    PromqlSli,
    RatioSli,
    Sli,
)
from croupier.core.gates.selector import Matcher, exactly, read
from croupier.core.rollout.segments.guards import name_of
from croupier.core.rollout.spec import RolloutSpec, SegmentFail, SetSegment, Step
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Problem

Path: TypeAlias = tuple[str | int, ...]

_STEPS = ("spec", "strategy", "canary", "steps")


def narrowed(gate: Gate, segment: Segment) -> Gate:
    """The gate for this segment's players alone. It splits by no label of which the segment has one value only."""
    single = {match.attribute for match in segment.matches if len(match.values) == 1}
    return replace(
        gate,
        name=name_of(gate.name, segment),
        sli=_of(gate.sli, segment.matches),
        by=tuple(label for label in gate.by if label not in single),
        on_group_fail=None,
    )


def with_guards(steps: Sequence[Step], gates: Mapping[str, Gate]) -> tuple[tuple[Step, ...], tuple[Gate, ...]]:
    """The steps of a plan, each naming the gates that judge its segment alone, and those gates, each once."""
    named: list[Step] = []
    own: dict[str, Gate] = {}
    for step in steps:
        if isinstance(step, SetSegment):
            made = [narrowed(gates[name], step.segment) for name in step.guards if name in gates]
            own |= {gate.name: gate for gate in made}
            named.append(replace(step, guards=tuple(gate.name for gate in made)))
        else:
            named.append(step)
    return tuple(named), tuple(own.values())


def guard_uses(spec: RolloutSpec) -> tuple[tuple[str, Path], ...]:
    """The gates that steps name for their segments, with their places."""
    return tuple(
        (name, (*_STEPS, index, "setSegment", "guards", position))
        for index, step in enumerate(spec.steps)
        if isinstance(step, SetSegment)
        for position, name in enumerate(step.guards)
    )


def holdable(spec: RolloutSpec) -> int:
    """How many segments a gate may hold alone: each once, so that the budget for what begins anew is known."""
    steps = (step for step in spec.steps if isinstance(step, SetSegment) and step.guards)
    return len({step.segment.name for step in steps if step.on_fail is SegmentFail.HOLD})


def wrong_guards(spec: RolloutSpec) -> Iterator[Problem]:
    """Guards of segments that make no sense, whatever gates there are."""
    said: dict[str, SegmentFail] = {}
    for index, step in enumerate(spec.steps):
        if not isinstance(step, SetSegment):
            continue
        at = (*_STEPS, index, "setSegment")
        name = step.segment.name
        for position, guard in enumerate(step.guards):
            if guard in step.guards[:position]:
                yield Problem(f"gate '{guard}' is named twice for {name}.", (*at, "guards", position), "Remove one.")
        if step.on_fail is SegmentFail.HOLD and not step.guards:
            yield Problem(
                f"'onFail' says what a gate of {name} does, and the step names none.",
                (*at, "onFail"),
                "Add guards: [<gate>], or remove it.",
            )
        if step.guards and said.setdefault(name, step.on_fail) is not step.on_fail:
            yield Problem(
                f"the gates of {name} do '{said[name]}' at an earlier step and '{step.on_fail}' here.",
                (*at, "onFail"),
                "Say the same at each step of the segment.",
            )


def unnarrowable(spec: RolloutSpec, gates: Mapping[str, Gate], segments: Mapping[str, Segment]) -> Iterator[Problem]:
    """Gates that cannot judge the segment that names them. Gates and segments that are not known are told elsewhere."""
    for index, step in enumerate(spec.steps):
        for position, name in enumerate(step.guards if isinstance(step, SetSegment) else ()):
            gate = gates.get(name)
            if gate is None or not isinstance(step, SetSegment):
                continue
            at = (*_STEPS, index, "setSegment", "guards", position)
            if isinstance(gate.sli, MeasuredSli):
                yield Problem(
                    f"gate '{name}' cannot be asked of {step.segment.name} alone: it counts no single events.",
                    at,
                    "Name a gate that counts good and bad events.",
                )
                continue
            counted = dict(_matched(gate.sli))
            for match in segments.get(step.segment.name, step.segment).matches:
                if gate.source == EMBEDDED and gate.sli.metric.startswith("edge_"):
                    yield Problem(
                        f"gate '{name}' is counted by the edge, whose metrics have no label '{match.attribute}': "
                        f"it cannot tell the players of {step.segment.name}.",
                        at,
                        f"Name a gate whose metric has the label {match.attribute}: the edge's have service, version, "
                        "and code.",
                    )
                    break
                if match.attribute in counted and not set(counted[match.attribute]) & set(match.values):
                    yield Problem(
                        f"gate '{name}' counts {match.attribute} {' and '.join(counted[match.attribute])} only, and "
                        f"nobody of {step.segment.name} has that.",
                        at,
                        "Name a gate that counts the segment's players.",
                    )


def beside(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """What is allowed but may surprise: a guard of everybody in which a segment's failures show, and that is not among
    its gates.
    """
    steps = [step for step in spec.steps if isinstance(step, SetSegment) and step.on_fail is SegmentFail.HOLD]
    for place, name in enumerate(spec.guards):
        gate = gates.get(name)
        blind = next((step for step in steps if name not in step.guards), None)
        if gate is None or gate.advisory or isinstance(gate.sli, EventsSli) or blind is None:
            continue
        yield Problem(
            f"what takes {blind.segment.name} back alone may show in gate '{name}' as well, which cannot tell its "
            "players apart: then everybody goes back.",
            ("spec", "strategy", "canary", "analysis", "templates", place, "templateName"),
            f"Name it in the guards of {blind.segment.name}, too, or keep it where it counts something else.",
        )


def _of(sli: Sli, matches: tuple[AttributeMatch, ...]) -> Sli:
    match sli:
        case RatioSli(total=total):
            return replace(sli, total=_both(total, matches))
        case LatencySli(match=counted) | EventsSli(match=counted):
            return replace(sli, match=_both(counted, matches))
        case PromqlSli():
            return replace(sli, total=_selected(sli.total, matches), bad=_selected(sli.bad, matches))
        case _:
            return sli


def _both(counted: Matchers, matches: tuple[AttributeMatch, ...]) -> Matchers:
    """What both ask for; a label that both name has the values that both accept."""
    values = dict(counted)
    for match in matches:
        known = values.get(match.attribute, match.values)
        values[match.attribute] = tuple(value for value in match.values if value in known)
    return tuple(values.items())


def _selected(selectors: str, matches: tuple[AttributeMatch, ...]) -> str:
    own = tuple(Matcher(match.attribute, "=~", exactly(match.values)) for match in matches)
    return " or ".join(str(replace(each, matchers=(*each.matchers, *own))) for each in read(selectors))


def _matched(sli: Sli) -> Matchers:
    match sli:
        case RatioSli(total=total):
            return total
        case LatencySli(match=counted) | EventsSli(match=counted):
            return counted
        case _:
            return ()
