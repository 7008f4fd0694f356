"""Shares of single segments: which segments a rollout names, and whether what it asks of them makes sense.

Called by ``check``, ``resolve`` and whoever reads documents.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from croupier.core.gates import Gate, PopulationRule, RatioSli
from croupier.core.rollout.check_pace import percentage
from croupier.core.rollout.exposure import Insides
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    Asked,
    Pause,
    RolloutSpec,
    SetFlag,
    SetSegment,
    Shadow,
    Smoke,
)
from croupier.core.segments import Segment
from croupier.errors import Problem

Path: TypeAlias = tuple[str | int, ...]

_STEPS: Final = ("spec", "strategy", "canary", "steps")


def segment_uses(spec: RolloutSpec) -> tuple[tuple[str, Path], ...]:
    """Every segment that the rollout names, with the place where it does; not those that a step says itself."""
    uses: list[tuple[str, Path]] = []
    if spec.segment is not None:
        uses.append((spec.segment, ("spec", "segment")))
    for index, step in enumerate(spec.steps):
        if isinstance(step, SetSegment) and not step.segment.matches:
            uses.append((step.segment.name, (*_STEPS, index, "setSegment", "segment")))
    return tuple(uses)


def segments_written(spec: RolloutSpec) -> tuple[tuple[Segment, Path], ...]:
    """The segments that steps say themselves, with their places, each once."""
    places: dict[Segment, Path] = {}
    for index, step in enumerate(spec.steps):
        if isinstance(step, SetSegment) and step.segment.matches:
            places.setdefault(step.segment, (*_STEPS, index, "setSegment", "match"))
    return tuple(places.items())


def filled(step: Asked, segments: Mapping[str, Segment]) -> Asked:
    """A step of a plan says who is in its segment."""
    unsaid = isinstance(step, SetSegment) and not step.segment.matches
    return replace(step, segment=segments[step.segment.name]) if isinstance(step, SetSegment) and unsaid else step


def wrong_segments(spec: RolloutSpec) -> Iterator[Problem]:
    """Shares of segments where nobody outside of one segment gets the canary."""
    first = next((index for index, step in enumerate(spec.steps) if isinstance(step, SetSegment)), None)
    if first is not None and spec.segment is not None:
        yield Problem(
            f"'setSegment' and spec.segment cannot stand together: outside of '{spec.segment}' nobody gets the canary.",
            (*_STEPS, first, "setSegment"),
            f"Remove spec.segment and write setSegment: {{segment: {spec.segment}, weight: ...}} as a step.",
        )


def odd_segment(step: SetSegment, weight_bp: int, insides: Insides, after: Asked | None, at: Path) -> Iterator[Problem]:
    """What is rarely meant of a step that comes while everybody has ``weight_bp`` and segments have ``insides``."""
    name = step.segment.name
    before_bp = max(weight_bp, *(each.weight_bp for each in insides if each.segment.name == name), 0)
    after_bp = max(weight_bp, step.weight_bp)
    if after_bp < before_bp:
        yield Problem(
            f"the weight of {name} falls from {percentage(before_bp)} to {percentage(after_bp)}: "
            "players go back to the stable version.",
            at,
            "Steps usually only rise; an abort takes the canary back by itself.",
        )
    if after_bp == before_bp:
        yield Problem(f"this step has no effect: {name} has {percentage(before_bp)} already.", at, "Remove it.")
    if not isinstance(after, Pause | Analysis | Approval | Smoke | SetSegment | Shadow | SetFlag):
        yield Problem(
            f"nobody has time to look at {percentage(step.weight_bp)} % of {name}: what follows comes at once.",
            at,
            "Put a pause or an analysis after it.",
        )


def populations(
    spec: RolloutSpec, uses: Iterable[tuple[str, Path]], gates: Mapping[str, Gate], segment: Segment | None
) -> Iterator[Problem]:
    """Gates on the canary's share of players where no weight says what it should be: shares of single segments, or a
    rollout inside of a ``segment`` whose events the gate does not tell from others.
    """
    by_segment = any(isinstance(step, SetSegment) for step in spec.steps)
    for name, at in uses:
        gate = gates.get(name)
        if gate is None or not isinstance(gate.rule, PopulationRule):
            continue
        counted = dict(gate.sli.total) if isinstance(gate.sli, RatioSli) else {}
        matches = segment.matches if segment is not None else ()
        lacking = [m.attribute for m in matches if not set(counted.get(m.attribute, ("",))) <= set(m.values)]
        if by_segment:
            yield Problem(
                f"gate '{name}' asks whether the canary's share of players is its weight, and with 'setSegment' no one "
                "weight says what it should be.",
                at,
                "Take it out of this rollout.",
            )
        elif segment is not None and lacking:
            yield Problem(
                f"gate '{name}' counts everybody, and the weight is a share of segment '{segment.name}' only.",
                at,
                f"Name a metric with the label in the gate: match: {{{lacking[0]}: ...}}.",
            )


def compares_others(
    spec: RolloutSpec, uses: Iterable[tuple[str, Path]], gates: Mapping[str, Gate], segments: Mapping[str, Segment]
) -> Iterator[Problem]:
    """Allowed, but rarely meant: the canary's players are of one segment, and the baseline's are everybody else."""
    first = next((step.segment for step in spec.steps if isinstance(step, SetSegment)), None)
    if first is None:
        return
    segment = segments.get(first.name, first)
    told_by = {match.attribute for match in segment.matches}
    for name, at in dict(uses).items():
        gate = gates.get(name)
        if gate is None or gate.comparison is None or gate.comparison.ago_s or gate.objective is not None:
            continue
        counted = {label for label, _ in gate.sli.total} if isinstance(gate.sli, RatioSli) else set()
        if not told_by or not told_by <= counted:
            yield Problem(
                f"gate '{name}' compares the players of {segment.name} with everybody else, who may differ without any "
                "release.",
                at,
                "Give it an objective as well, or match the segment's label in the gate: match: {...}.",
            )
