"""Does a rollout make sense, could its gates ever fail? Judged before anything starts, from the spec alone.

``check`` and ``check_gate`` refuse, ``advise`` only warns. Called by whoever takes specs in: files, API, use cases.
The paths in the problems are those of the documents (``spec.strategy.canary.steps[2].setWeight``), so that they lead
into the user's file.
"""

import math
from collections.abc import Iterator
from dataclasses import astuple
from typing import Final, assert_never

from croupier.core.gates import (
    BurnRule,
    EventsSli,
    Gate,
    LatencySli,
    Matchers,
    PopulationRule,
    PromqlSli,
    RatioSli,
    SequentialRule,
)
from croupier.core.rollout.check_pace import wrong_auto, wrong_wait
from croupier.core.rollout.check_source import wrong_source
from croupier.core.rollout.spec import Analysis, Asked, Auto, Pause, RolloutSpec, SetWeight
from croupier.core.segments import BUCKETS
from croupier.errors import Problem

CANARY: Final = ("spec", "strategy", "canary")
"""Where the steps and the guards are in a Rollout document."""

_LEAST_BUDGET: Final = 1e-9
"""A smaller share of failures is none."""


def check(spec: RolloutSpec) -> tuple[Problem, ...]:
    """What is wrong with the rollout, in the order of the document; empty when it may start."""
    return (
        *_wrong_steps(spec.steps),
        *_wrong_autos(spec),
        *_wrong_timing(spec),
        *_wrong_budget(spec.false_rollbacks),
        *_wrong_waits(spec),
    )


def _wrong_budget(false_rollbacks: float) -> Iterator[Problem]:
    if not 0.0 < false_rollbacks <= 0.5:
        yield Problem(
            f"a budget of {100 * false_rollbacks:g} % false rollbacks is not possible.",
            ("spec", "falseRollbacks"),
            "Write a small share, for example 1%.",
        )


def advise(spec: RolloutSpec) -> tuple[Problem, ...]:
    """What is allowed but rarely meant: nobody watching, players moved back, a weight nobody has time to look at."""
    return (*_unwatched(spec), *_odd_steps(spec.steps))


def check_gate(gate: Gate) -> tuple[Problem, ...]:
    """What keeps the gate from ever failing, or from ever passing; empty when it can do both."""
    return (*_wrong_sli(gate), *wrong_source(gate), *_wrong_demands(gate), *_wrong_rule(gate))


def percentage(weight_bp: int) -> str:
    """A weight as it is written in the files: 25 -> ``0.25``, 500 -> ``5``."""
    return f"{weight_bp / 100:g}"


# --- refused ----------------------------------------------------------------------------------------------------------


def _wrong_steps(steps: tuple[Asked, ...]) -> Iterator[Problem]:
    if not steps:
        yield Problem(
            "there are no steps, so everybody would get the release at once.",
            (*CANARY, "steps"),
            "Write for example: steps: [{setWeight: 5}, {pause: {duration: 5m}}, {analysis: {templates: [...]}}]",
        )
    weight = 0
    before: Asked | None = None
    for index, step in enumerate(steps):
        at = (*CANARY, "steps", index)
        match step:
            case SetWeight(weight_bp=weight_bp):
                yield from _wrong_weight(weight_bp, before, at)
                weight = weight_bp
            case Pause(duration_s=duration_s):
                yield from _wrong_pause(duration_s, before, at)
            case Analysis():
                yield from _wrong_analysis(step, weight, at)
            case Auto():
                yield from wrong_auto(step, weight, (*at, "auto"))
                weight = BUCKETS
            case _:  # pragma: no cover
                assert_never(step)
        before = step


def _wrong_weight(weight_bp: int, before: Asked | None, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if not 0 <= weight_bp <= BUCKETS:
        yield Problem(
            f"a weight of {percentage(weight_bp)} is not possible.",
            (*at, "setWeight"),
            "Write a percentage from 0 to 100.",
        )
    if isinstance(before, SetWeight) and before.weight_bp == weight_bp:
        yield Problem(
            f"this step has no effect: the step before already sets the weight to {percentage(weight_bp)}.",
            (*at, "setWeight"),
            "Remove one of the two.",
        )


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
            "Put a setWeight above 0 before it.",
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
            "Add guards that watch all along: analysis: {templates: [{templateName: <gate>}]}",
        )
    if spec.steps and not any(_gives_players(step) for step in spec.steps):
        yield Problem(
            "no step gives the canary any players, so everybody gets the release at once after the last step.",
            (*CANARY, "steps"),
            "Start with a small share, for example setWeight: 1.",
        )


def _gives_players(step: Asked) -> bool:
    return isinstance(step, Auto) or (isinstance(step, SetWeight) and step.weight_bp > 0)


def _odd_steps(steps: tuple[Asked, ...]) -> Iterator[Problem]:
    weight = 0
    for index, step in enumerate(steps):
        at = (*CANARY, "steps", index)
        if isinstance(step, SetWeight):
            before = steps[index - 1] if index else None
            after = steps[index + 1] if index + 1 < len(steps) else None
            yield from _odd_weight(step.weight_bp, weight, before, after, (*at, "setWeight"))
            weight = step.weight_bp
        elif isinstance(step, Pause) and step.duration_s == 0:
            yield Problem(
                "a pause of 0 seconds waits for nothing.",
                (*at, "pause", "duration"),
                "Write a duration, or pause: {} to wait for a person.",
            )


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
    if weight_bp < BUCKETS and not isinstance(after, Pause | Analysis | Auto) and not same:
        follows = f"setWeight: {percentage(after.weight_bp)}" if isinstance(after, SetWeight) else "everybody"
        yield Problem(
            f"nobody has time to look at {percentage(weight_bp)} %: {follows} follows at once.",
            at,
            "Put a pause or an analysis after it.",
        )


# --- gates ------------------------------------------------------------------------------------------------------------


def _wrong_sli(gate: Gate) -> Iterator[Problem]:
    match gate.sli:
        case RatioSli(good=good, total=total):
            if not isinstance(gate.rule, PopulationRule):
                yield from _wrong_ratio(good, total)
        case LatencySli(threshold_s=threshold_s):
            if not (math.isfinite(threshold_s) and threshold_s > 0):
                yield Problem(
                    f"a threshold of {threshold_s:g} seconds is not possible.",
                    ("spec", "sli", "latency", "threshold"),
                    "Write a duration above 0, for example 400ms.",
                )
        case EventsSli() | PromqlSli():
            pass
        case _:  # pragma: no cover
            assert_never(gate.sli)


def _wrong_ratio(good: Matchers, total: Matchers) -> Iterator[Problem]:
    if not good:
        yield Problem(
            "no label tells the good events from the others, so the gate can never fail.",
            ("spec", "sli", "ratio", "good"),
            "Write for example good: {outcome: credited}.",
        )
        return
    counted = dict(total)
    for label, values in good:
        lost = [value for value in values if label in counted and value not in counted[label]]
        if lost:
            yield Problem(
                f"{label}={lost[0]} is good but not counted at all: 'total' does not list it.",
                ("spec", "sli", "ratio", "good", label),
                f"Add it to total.{label}, or remove it here.",
            )
    if all(label in counted and set(counted[label]) <= set(values) for label, values in good):
        yield Problem(
            "everything that counts is good, so the gate can never fail.",
            ("spec", "sli", "ratio", "good"),
            "'total' must also match the bad events.",
        )


def _wrong_demands(gate: Gate) -> Iterator[Problem]:
    population = isinstance(gate.rule, PopulationRule)
    if gate.objective is None and gate.comparison is None and gate.hard_stop is None and not population:
        yield Problem(
            "the gate asks for nothing, so it can never fail.",
            ("spec",),
            "Add an objective (atLeast), a comparison (maxRatio) or a hardStop (events, or failing and samples).",
        )
    if gate.advisory and gate.hard_stop is not None:
        yield Problem(
            "an advisory gate stops nothing, so its hard stop would never act.",
            ("spec", "hardStop"),
            "Give the hard stop a gate of its own, or remove 'advisory'.",
        )
    if isinstance(gate.sli, EventsSli):
        yield from _wrong_events(gate)
    if gate.objective is not None:
        yield from _wrong_objective(gate.objective.at_least)
    if gate.comparison is not None:
        yield from _wrong_comparison(gate.comparison.max_ratio, gate.comparison.slack)
        if gate.comparison.canary_threshold_s is not None:
            yield from _wrong_threshold(gate, gate.comparison.canary_threshold_s)
    if gate.hard_stop is not None:
        yield from _wrong_hard_stop(*astuple(gate.hard_stop))


def _wrong_events(gate: Gate) -> Iterator[Problem]:
    """Every event of this SLI is bad, so a share of good ones says nothing."""
    senseless = (
        ("objective", gate.objective is not None),
        ("comparison", gate.comparison is not None),
        ("hardStop.failing", gate.hard_stop is not None and gate.hard_stop.failing is not None),
        ("hardStop.drop", gate.hard_stop is not None and gate.hard_stop.drop is not None),
    )
    for field, present in senseless:
        if present:
            at = ("spec", *field.split("."))
            yield Problem(
                "an 'events' indicator counts only bad events, so it has no share of good ones.",
                at,
                "Write hardStop: {events: 1} instead, or use a 'ratio' indicator.",
            )


def _wrong_objective(at_least: float) -> Iterator[Problem]:
    at = ("spec", "objective", "atLeast")
    if at_least == 0:
        yield Problem("at least 0 % is always met, so the gate can never fail.", at, "Write for example 99%.")
    elif not 0 < at_least <= 1:
        yield Problem(f"a share of {at_least:g} is not possible.", at, "Write 99% or 0.99.")


def _wrong_comparison(max_ratio: float, slack: float) -> Iterator[Problem]:
    if not (math.isfinite(max_ratio) and max_ratio >= 1):
        yield Problem(
            f"a maxRatio of {max_ratio:g} condemns a canary that is as good as the baseline.",
            ("spec", "comparison", "maxRatio"),
            "Write 1.1 to allow 10 % more bad events than the baseline has.",
        )
    if not 0 <= slack < 1:
        yield Problem(
            f"a slack of {slack:g} means that the gate can never fail."
            if slack >= 1
            else f"a slack of {slack:g} is not possible.",
            ("spec", "comparison", "slack"),
            "Write a small share, for example 0.1%.",
        )


def _wrong_threshold(gate: Gate, threshold_s: float) -> Iterator[Problem]:
    at = ("spec", "comparison", "canaryThreshold")
    if not isinstance(gate.sli, LatencySli):
        yield Problem("only a latency has a threshold.", at, "Remove it, or use a 'latency' indicator.")
    elif not (math.isfinite(threshold_s) and threshold_s >= gate.sli.threshold_s):
        yield Problem(
            f"{threshold_s:g} s is below the baseline's threshold of {gate.sli.threshold_s:g} s, "
            "which condemns a canary that is as fast.",
            at,
            f"Write {1.2 * gate.sli.threshold_s:g}s to allow 20 % more latency, or the next bucket edge above it.",
        )
    if gate.objective is not None:
        yield Problem(
            "an objective asks at the threshold of the indicator, and the canary is counted at this one.",
            at,
            "Make two gates of it: one with the objective, one with the comparison.",
        )


def _wrong_hard_stop(events: int | None, failing: float | None, samples: int, drop: float | None) -> Iterator[Problem]:
    if drop is not None and not 0 < drop < 1:
        yield Problem(
            f"a drop of {drop:g} is not possible.", ("spec", "hardStop", "drop"), "Write a share, for example 15%."
        )
    if events is None and failing is None and drop is None:
        yield Problem(
            "the hard stop has no condition, so it can never fire.",
            ("spec", "hardStop"),
            "Write {events: 1} or {failing: 50%, samples: 20}.",
        )
    if events is not None and events < 1:
        yield Problem(
            f"{events} events would stop every rollout at once.", ("spec", "hardStop", "events"), "Write 1 or more."
        )
    if failing is not None and not 0 < failing <= 1:
        yield Problem(
            "a hard stop at 0 % would stop every rollout at once."
            if failing == 0
            else f"a share of {failing:g} can never be reached, so the hard stop can never fire.",
            ("spec", "hardStop", "failing"),
            "Write for example 50%.",
        )
    if samples < 1:
        yield Problem(f"{samples} samples say nothing.", ("spec", "hardStop", "samples"), "Write 1 or more.")


def _wrong_sequential(gate: Gate, rule: SequentialRule) -> Iterator[Problem]:
    at = ("spec", "sequential")
    if isinstance(gate.sli, EventsSli):
        yield Problem(
            "of things that must not happen, one is enough: there is no evidence to gather.",
            at,
            "Remove it, and write hardStop: {events: 1}.",
        )
    elif gate.objective is None and gate.comparison is None:
        yield Problem(
            "there is nothing to gather evidence about.", at, "Add a comparison (maxRatio) or an objective (atLeast)."
        )
    for field, value, least, why in (
        ("interval", rule.interval_s, 0.001, "seconds are not possible"),
        ("samples", rule.samples, 2, "samples would let one burst convict"),
        ("clumps", 1.0 if rule.clumps is None else rule.clumps, 1, "failures cannot come of one fault"),
        ("dwell", rule.dwell, 1, "samples would promote unseen"),
        ("patience", rule.patience, rule.dwell, "samples are fewer than those of 'dwell'"),
        ("harm", rule.harm, 1, "failed requests can never be promised"),
    ):
        if not (math.isfinite(value) and value >= least):
            yield Problem(f"{value:g} {why}.", (*at, field), f"Write {least:g} or more.")


def _wrong_population(gate: Gate, rule: PopulationRule) -> Iterator[Problem]:
    at = ("spec", "population")
    asked = {"objective": gate.objective, "comparison": gate.comparison, "hardStop": gate.hard_stop}
    for field, demand in asked.items():
        if demand is not None:
            problem = f"a population is counted, not judged by what went well: '{field}' has no effect."
            yield Problem(problem, ("spec", field), "Remove it, or make a gate of its own of it.")
    if not isinstance(gate.sli, RatioSli):
        yield Problem("only a counter tells of a population.", ("spec", "sli"), "Write ratio: {metric: ...}.")
    for field, value, least, why in (
        ("players", rule.players, 2.0, "players are no population"),
        ("visit", rule.visit, 1.0, "events cannot come of a visit"),
        ("interval", rule.interval_s, 0.001, "seconds are not possible"),
        ("samples", rule.samples, 1, "samples would pass unseen"),
    ):
        if not (math.isfinite(value) and value >= least):
            yield Problem(f"{value:g} {why}.", (*at, field), f"Write {least:g} or more.")
    if not 0.0 < rule.error <= 0.5:
        yield Problem(f"an error of {rule.error:g} is not possible.", (*at, "error"), "Write for example 0.1%.")


def _wrong_burn(gate: Gate, rule: BurnRule) -> Iterator[Problem]:
    at = ("spec", "burn")
    if gate.objective is None:
        yield Problem(
            "without an objective there is no error budget to burn.", at, "Add an objective, for example atLeast: 99%."
        )
    elif gate.objective.at_least > 1.0 - _LEAST_BUDGET:
        yield Problem(
            f"an objective of {100 * gate.objective.at_least:g} % leaves no error budget.",
            ("spec", "objective", "atLeast"),
            "Write less than 100 %, or hardStop: {events: 1} and no burn.",
        )
    elif not rule.factor * (1.0 - gate.objective.at_least) <= 1.0:
        yield Problem(
            f"{rule.factor:g} times the budget would be {100 * rule.factor * (1.0 - gate.objective.at_least):.4g} % of "
            "all events, so the gate can never fail.",
            (*at, "factor"),
            f"Write {1.0 / (1.0 - gate.objective.at_least):.3g} or less, or a stricter objective.",
        )
    for field, value, bound in (
        ("interval", rule.interval_s, 0.0),
        ("window", rule.window_s, 0.0),
        ("shortWindow", rule.short_s, 0.0),
        ("factor", rule.factor, 0.0),
    ):
        if not (math.isfinite(value) and value > bound):
            yield Problem(f"{value:g} is not possible.", (*at, field), "Write more than 0.")
    if not rule.interval_s <= rule.short_s <= rule.window_s:
        yield Problem(
            f"the windows are {rule.window_s:g}s and {rule.short_s:g}s, and the interval is {rule.interval_s:g}s.",
            at,
            "Make the interval no longer than 'shortWindow', and that no longer than 'window'.",
        )
    if rule.min_samples < 1:
        yield Problem(f"{rule.min_samples} would judge without any data.", (*at, "minSamples"), "Write 1 or more.")


def _wrong_rule(gate: Gate) -> Iterator[Problem]:
    rule = gate.rule
    if isinstance(rule, SequentialRule):
        yield from _wrong_sequential(gate, rule)
        return
    if isinstance(rule, BurnRule):
        yield from _wrong_burn(gate, rule)
        return
    if isinstance(rule, PopulationRule):
        yield from _wrong_population(gate, rule)
        return
    for field, value in (("interval", rule.interval_s), ("window", rule.window_s)):
        if not (math.isfinite(value) and value > 0):
            yield Problem(f"{value:g} seconds is not possible.", ("spec", "rule", field), "Write for example 10s.")
    if rule.window_s < rule.interval_s:
        yield Problem(
            f"the window ({rule.window_s:g}s) is shorter than the interval ({rule.interval_s:g}s), "
            "so what happens between two looks would never be seen.",
            ("spec", "rule", "window"),
            "Make it at least as long as the interval.",
        )
    for field, value, why in (
        ("consecutive", rule.consecutive, "would fail without any violation"),
        ("minSamples", rule.min_samples, "would judge without any data"),
    ):
        if value < 1:
            yield Problem(f"{value} {why}.", ("spec", "rule", field), "Write 1 or more.")
