"""Does a rollout make sense? Judged before anything starts, from the spec alone.

``check`` refuses, ``advise`` only warns. Called by whoever takes specs in: files, API, use cases.
The paths in the problems are those of the documents (``spec.strategy.canary.steps[2].setWeight``), so that they lead
into the user's file.
"""

import math
from collections.abc import Iterator
from typing import Final, assert_never

from croupier.core.rollout.blue_green import placed, wrong_blue_green
from croupier.core.rollout.check_flags import wrong_flag
from croupier.core.rollout.check_pace import percentage, wrong_auto, wrong_wait
from croupier.core.rollout.check_segments import odd_segment, wrong_segments
from croupier.core.rollout.check_smoke import wrong_smoke
from croupier.core.rollout.disruption import wrong_disruption
from croupier.core.rollout.exposure import Insides, given
from croupier.core.rollout.profile.fill import unprofiled
from croupier.core.rollout.segments.narrowed import wrong_guards
from croupier.core.rollout.shadow.check import odd_shadow, wrong_mirror, wrong_shadow
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    Asked,
    Auto,
    Pause,
    RolloutSpec,
    SetFlag,
    SetMirrorRoute,
    SetSegment,
    SetWeight,
    Shadow,
    Smoke,
)
from croupier.core.rollout.together import parts as together
from croupier.core.segments import BUCKETS
from croupier.errors import Problem

CANARY: Final = ("spec", "strategy", "canary")
"""Where the steps and the guards are in a Rollout document."""

_MOST_FALSE_ROLLBACKS: Final = 0.1
"""Faults of any size are found hardly later with a tenth of it."""


def check(spec: RolloutSpec) -> tuple[Problem, ...]:
    """What is wrong with the rollout, in the order of the document; empty when it may start."""
    return tuple(placed(spec, _wrong(spec)))


def _wrong(spec: RolloutSpec) -> Iterator[Problem]:
    yield from wrong_blue_green(spec)
    yield from _wrong_steps(spec.steps, dark=spec.blue_green is not None)
    yield from wrong_segments(spec)
    yield from wrong_guards(spec)
    yield from _wrong_autos(spec)
    yield from _wrong_timing(spec)
    yield from _wrong_budget(spec.false_rollbacks)
    yield from _wrong_waits(spec)
    yield from wrong_disruption(spec)
    yield from unprofiled(spec)
    if spec.smoke is not None:
        yield from wrong_smoke(spec.smoke, ("spec", "smoke"))
    yield from together.wrong(spec)


def _wrong_budget(false_rollbacks: float) -> Iterator[Problem]:
    share = 100 * false_rollbacks
    if not 0.0 < false_rollbacks < 1.0:
        problem, hint = f"a budget of {share:g} % false rollbacks is not possible.", "Write for example 1%."
    elif false_rollbacks > _MOST_FALSE_ROLLBACKS:
        problem = f"this may take {share:g} of 100 healthy releases back, so that nobody would believe it any more."
        # 0.5 is a share, and easily written for 0.5 %.
        hint = (
            f"Write at most {100 * _MOST_FALSE_ROLLBACKS:g}%, usually 1%; or {false_rollbacks:g}%, if that was meant."
        )
    else:
        return
    yield Problem(problem, ("spec", "falseRollbacks"), hint)


def advise(spec: RolloutSpec) -> tuple[Problem, ...]:
    """What is allowed but rarely meant: nobody watching, players moved back, a weight nobody has time to look at."""
    odd = (*_unwatched(spec), *_odd_steps(spec.steps), *_odd_copies(spec.steps), *together.unwatched(spec))
    return tuple(placed(spec, odd))


# --- refused ----------------------------------------------------------------------------------------------------------


def _wrong_steps(  # noqa: C901, PLR0912 - an arm a step
    steps: tuple[Asked, ...], *, dark: bool
) -> Iterator[Problem]:
    """``dark``: what is asked at weight 0 is measured; ``blue_green.uncounted`` sees to that."""
    if not steps:
        yield Problem(
            "there are no steps, so everybody would get the release at once.",
            (*CANARY, "steps"),
            "Write for example: steps: [{setWeight: 5}, {pause: {duration: 5m}}, {analysis: {templates: [...]}}]",
        )
    weight = 0
    insides: Insides = ()
    before: Asked | None = None
    for index, step in enumerate(steps):
        at = (*CANARY, "steps", index)
        match step:
            case SetWeight(weight_bp=weight_bp):
                yield from _wrong_weight(weight_bp, before, at)
                weight = weight_bp
            case SetSegment(segment=segment, weight_bp=weight_bp):
                yield from _wrong_share(weight_bp, (*at, "setSegment", "weight"))
                insides = given(insides, segment, weight_bp)
            case SetMirrorRoute():
                yield from wrong_mirror(step, (*at, "setMirrorRoute"))
            case Shadow():
                yield from wrong_shadow(step, (*at, "shadow"))
            case Pause(duration_s=duration_s):
                yield from _wrong_pause(duration_s, before, at)
            case Analysis():
                reached = weight or max((each.weight_bp for each in insides), default=0)
                yield from _wrong_analysis(step, BUCKETS if dark else reached, at)
            case Approval():
                pass
            case SetFlag():
                yield from wrong_flag(step, weight, (*at, "flag"))
            case Smoke():
                yield from wrong_smoke(step, (*at, "smoke"))
            case Auto():
                yield from wrong_auto(step, weight, (*at, "auto"))
                weight = BUCKETS
            case _:  # pragma: no cover
                assert_never(step)
        before = step


def _wrong_weight(weight_bp: int, before: Asked | None, at: tuple[str | int, ...]) -> Iterator[Problem]:
    yield from _wrong_share(weight_bp, (*at, "setWeight"))
    if isinstance(before, SetWeight) and before.weight_bp == weight_bp:
        yield Problem(
            f"this step has no effect: the step before already sets the weight to {percentage(weight_bp)}.",
            (*at, "setWeight"),
            "Remove one of the two.",
        )


def _wrong_share(weight_bp: int, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if not 0 <= weight_bp <= BUCKETS:
        yield Problem(f"a weight of {percentage(weight_bp)} is not possible.", at, "Write a percentage from 0 to 100.")


def _wrong_pause(duration_s: float | None, before: Asked | None, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s >= 0):
        yield Problem(
            f"a pause of {duration_s:g} seconds is not possible.", (*at, "pause", "duration"), "Write for example 5m."
        )
    if duration_s is None and isinstance(before, Pause) and before.duration_s is None:
        yield Problem(
            "this step can never do anything: the step before waits for a person already, "
            "and nothing happens in between.",
            (*at, "pause"),
            "Remove one of the two, or put a setWeight or an analysis between them.",
        )


def _wrong_analysis(step: Analysis, weight_bp: int, at: tuple[str | int, ...]) -> Iterator[Problem]:
    gates = step.gates
    if not gates:
        yield Problem(
            "the analysis names no gate.", (*at, "analysis", "templates"), "Write templates: [{templateName: <gate>}]."
        )
    if weight_bp == 0:
        yield Problem(
            "this step can never end: the canary's weight is 0 here, so its gates would see no player of the canary.",
            (*at, "analysis"),
            "Put a setWeight or a setSegment above 0 before it.",
        )
    for position, name in enumerate(gates):
        if name in gates[:position]:
            yield Problem(
                f"gate '{name}' is named twice in this step.", (*at, "analysis", "templates", position), "Remove one."
            )
    if step.dwell is not None and step.patience is not None and step.patience < step.dwell:
        yield Problem(
            f"{step.patience} samples are fewer than those of 'dwell'.",
            (*at, "analysis", "patience"),
            f"Write {step.dwell} or more.",
        )
    yield from wrong_wait(step.on_inconclusive, (*at, "analysis", "onInconclusive"))
    yield from wrong_wait(step.on_no_data, (*at, "analysis", "onNoData"))


def _wrong_autos(spec: RolloutSpec) -> Iterator[Problem]:
    autos = [index for index, step in enumerate(spec.steps) if isinstance(step, Auto)]
    for index in autos[1:]:
        at = (*CANARY, "steps", index, "auto")
        yield Problem("'auto' is written twice, and the first goes all the way.", at, "Remove one.")
    if autos and not spec.guards:
        yield Problem(
            "'auto' waits for evidence, and no guard gathers any.",
            (*CANARY, "steps"),
            "Name gates with sequential: {}: analysis: {templates: [{templateName: <gate>}]}.",
        )


def _wrong_waits(spec: RolloutSpec) -> Iterator[Problem]:
    yield from wrong_wait(spec.on_inconclusive, ("spec", "onInconclusive"))
    yield from wrong_wait(spec.on_no_data, ("spec", "onNoData"))


def _wrong_timing(spec: RolloutSpec) -> Iterator[Problem]:
    named = (
        ("progressDeadline", spec.timing.progress_deadline_s, spec.timing.progress_deadline_s > 0, "above 0"),
        ("keepStable", spec.timing.keep_stable_s, spec.timing.keep_stable_s >= 0, "of 0 or more"),
        ("keepCanary", spec.timing.keep_canary_s, spec.timing.keep_canary_s >= 0, "of 0 or more"),
    )
    for field, value, right, bound in named:
        if not right or not math.isfinite(value):
            yield Problem(f"{value:g} seconds is not possible.", ("spec", field), f"Write a duration {bound}.")
    for position, name in enumerate(spec.guards):
        if name in spec.guards[:position]:
            at = (*CANARY, "analysis", "templates", position)
            yield Problem(f"gate '{name}' is named twice as a guard.", at, "Remove one.")


# --- warned about -----------------------------------------------------------------------------------------------------


def _unwatched(spec: RolloutSpec) -> Iterator[Problem]:
    if not spec.guards and not any(isinstance(step, Analysis | Auto) for step in spec.steps):
        yield Problem(
            "no gate watches this rollout, so a bad release reaches everybody unless a person notices.",
            CANARY,
            f"Add guards that watch {'after the switch: postPromotionA' if spec.blue_green else 'all along: a'}"
            "nalysis: {templates: [{templateName: <gate>}]}",
        )
    if spec.steps and not any(_gives_players(step) for step in spec.steps):
        yield Problem(
            "no step gives the canary any players, so everybody gets the release at once after the last step.",
            (*CANARY, "steps"),
            "Start with a small share, for example setWeight: 1.",
        )


def _gives_players(step: Asked) -> bool:
    return isinstance(step, Auto) or (isinstance(step, SetWeight | SetSegment) and step.weight_bp > 0)


def _odd_steps(steps: tuple[Asked, ...]) -> Iterator[Problem]:
    weight = 0
    insides: Insides = ()
    for index, step in enumerate(steps):
        at = (*CANARY, "steps", index)
        if isinstance(step, SetWeight):
            before = steps[index - 1] if index else None
            after = steps[index + 1] if index + 1 < len(steps) else None
            yield from _odd_weight(step.weight_bp, weight, before, after, (*at, "setWeight"))
            weight = step.weight_bp
        elif isinstance(step, SetSegment):
            after = steps[index + 1] if index + 1 < len(steps) else None
            yield from odd_segment(step, weight, insides, after, (*at, "setSegment"))
            insides = given(insides, step.segment, step.weight_bp)
        elif isinstance(step, Pause) and step.duration_s == 0:
            yield Problem(
                "a pause of 0 seconds waits for nothing.",
                (*at, "pause", "duration"),
                "Write a duration, or pause: {} to wait for a person.",
            )


def _odd_copies(steps: tuple[Asked, ...]) -> Iterator[Problem]:
    for index, what, hint in odd_shadow(steps):
        yield Problem(what, (*CANARY, "steps", index, steps[index].kind), hint)


def _odd_weight(
    weight_bp: int, current_bp: int, before: Asked | None, after: Asked | None, at: tuple[str | int, ...]
) -> Iterator[Problem]:
    if weight_bp < current_bp:
        yield Problem(
            f"the weight falls from {percentage(current_bp)} to {percentage(weight_bp)}: "
            "players go back to the stable version.",
            at,
            "Steps usually only rise; an abort takes the canary back by itself.",
        )
    if weight_bp == current_bp and before is not None and not isinstance(before, SetWeight):
        yield Problem(f"this step has no effect: the weight is {percentage(weight_bp)} already.", at, "Remove it.")
    same = isinstance(after, SetWeight) and after.weight_bp == weight_bp  # refused already
    if (
        weight_bp < BUCKETS
        and not isinstance(after, Pause | Analysis | Auto | Approval | Smoke | Shadow | SetFlag)
        and not same
    ):
        follows = f"setWeight: {percentage(after.weight_bp)}" if isinstance(after, SetWeight) else "everybody"
        yield Problem(
            f"nobody has time to look at {percentage(weight_bp)} %: {follows} follows at once.",
            at,
            "Put a pause or an analysis after it.",
        )
