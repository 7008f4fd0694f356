"""What a rollout of several services asks of each of them: a ``RolloutSpec`` of its own, with as many steps.

Called wherever one service's rollout is judged, planned or resolved, so that none of that knows of several. ``wrong``
refuses what several services cannot do together.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from croupier.core.gates import Gate
from croupier.core.rollout.blue_green import place
from croupier.core.rollout.groups.check import labels_held
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    Asked,
    Auto,
    Pause,
    RolloutSpec,
    SetFlag,
    SetSegment,
    SetWeight,
    Smoke,
)
from croupier.errors import Problem

_CANARY: Final = ("spec", "strategy", "canary")
_ABLE: Final = (SetWeight, SetSegment, Pause, Analysis, Approval, Auto, SetFlag, Smoke)


def parts(spec: RolloutSpec) -> tuple[RolloutSpec, ...]:
    """The rollout of each service, in the order of moving up; of one service: itself."""
    return tuple(part(spec, service) for service in dict.fromkeys(spec.services)) or (spec,)


def part(spec: RolloutSpec, service: str) -> RolloutSpec:
    """What is asked of this service. An analysis whose gates are all about others is nothing to wait for here: the
    others do. The budget for false rollbacks is that of the whole, so each has its part. Smoke checks try the whole, so
    they are run once, where all have the new version: by the last to move up.
    """
    return replace(
        spec,
        service=service,
        services=(),
        only=(),
        guards=tuple(name for name in spec.guards if _concerns(spec, name, service)),
        steps=tuple(_own(spec, step, service) for step in spec.steps),
        false_rollbacks=spec.false_rollbacks / len(spec.services),
        smoke=spec.smoke if service == spec.services[-1] else None,
    )


def wrong(spec: RolloutSpec) -> Iterator[Problem]:
    """What is wrong with the services that are to move as one, from the document alone."""
    for gate, service in spec.only:
        if service not in spec.services:
            listed = ", ".join(spec.services) or "only the one it is about"
            yield Problem(
                f"gate '{gate}' is to be about service '{service}', which this rollout does not move.",
                (*_CANARY, "analysis"),
                f"Its services: {listed}.",
            )
    if not spec.services:
        return
    for position, service in enumerate(spec.services):
        if service in spec.services[:position]:
            yield Problem(f"service '{service}' is named twice.", ("spec", "services", position), "Remove one.")
    if len(spec.services) == 1:
        yield Problem("one service moves alone.", ("spec", "services"), f"Write service: {spec.service} instead.")
    if spec.profile is not None:
        yield Problem(
            "a profile is for one service: several have those of their own Rollouts, and the strictest rules.",
            ("spec", "profile"),
            "Write steps and gates here, and profile: in the Rollout of each service alone.",
        )
    yield from _wrong_steps(spec)
    if spec.guards and any(isinstance(step, Auto) for step in spec.steps):
        for each in parts(spec):
            if not each.guards:
                yield Problem(
                    f"'auto' waits for evidence of each service, and no guard is about {each.service}.",
                    (*_CANARY, "analysis"),
                    f"Add one: analysis: {{templates: [{{templateName: <gate>, service: {each.service}}}]}}",
                )


def _wrong_steps(spec: RolloutSpec) -> Iterator[Problem]:
    for index, step in enumerate(spec.steps):
        if not isinstance(step, _ABLE):
            yield Problem(
                f"'{step.kind}' is for one service: several cannot do it together yet.",
                (*_CANARY, "steps", index),
                "Write setWeight, setSegment, auto, pause, analysis, approval, smoke and flag.",
            )
        elif isinstance(step, SetSegment) and step.guards:
            yield Problem(
                "a segment with gates of its own is for one service: its players would be on two sides.",
                (*_CANARY, "steps", index, "setSegment"),
                "Name the gates in an analysis step after it.",
            )


def unwatched(spec: RolloutSpec) -> Iterator[Problem]:
    """Services that nobody watches: allowed, but rarely meant."""
    asks = "analysis" if spec.blue_green is None else "postPromotionAnalysis"
    for each in parts(spec) if spec.services else ():
        if not each.guards and not any(isinstance(step, Analysis) for step in each.steps):
            yield Problem(
                f"no gate watches {each.service}, so a bad release of it reaches everybody unless another one notices.",
                _CANARY,
                f"Add one: {asks}: {{templates: [{{templateName: <gate>, service: {each.service}}}]}}",
            )


def gates_held(spec: RolloutSpec, gates: Mapping[str, Gate], names: Iterable[str]) -> Iterator[Problem]:
    """Gates of these names that would hold players on the stable version of one service while another one moves
    them.
    """
    for name in dict.fromkeys(names) if spec.services else ():
        if name in gates and labels_held(gates[name]):
            yield Problem(
                f"gate '{name}' would hold players of one service, and the others would move them.",
                place(spec, (*_CANARY, "analysis")),
                "Let it kill a flag instead of 'hold', or name another gate.",
            )


def _own(spec: RolloutSpec, step: Asked, service: str) -> Asked:
    if isinstance(step, SetFlag | Smoke) and service != spec.services[-1]:
        return Pause(0.0)  # the last to move up does it, when all have the code; it takes a flag back first
    if not isinstance(step, Analysis):
        return step
    own = tuple(name for name in step.gates if _concerns(spec, name, service))
    return replace(step, gates=own) if own or not step.gates else Pause(0.0)


def _concerns(spec: RolloutSpec, gate: str, service: str) -> bool:
    named = {about for name, about in spec.only if name == gate}
    return not named or service in named
