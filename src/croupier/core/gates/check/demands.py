"""Does the gate ask for something that can be missed, and met? Called by ``check_gate``."""

import math
from collections.abc import Iterator
from dataclasses import astuple
from typing import Final

from croupier.core.gates import (
    AnalysisRule,
    EventsSli,
    Gate,
    LatencySli,
    PopulationRule,
)
from croupier.errors import Problem


def wrong_demands(gate: Gate) -> Iterator[Problem]:
    asks = isinstance(gate.rule, PopulationRule | AnalysisRule)
    if gate.objective is None and gate.comparison is None and gate.hard_stop is None and not asks:
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


_FEW: Final = 0.5


def odd_demands(gate: Gate) -> Iterator[Problem]:
    """What is possible and hardly meant."""
    if gate.objective is not None and 0 < gate.objective.at_least < _FEW:
        share = 100 * gate.objective.at_least
        yield Problem(
            f"at least {share:g} % good lets {100 - share:g} % fail.",
            ("spec", "objective", "atLeast"),
            f"If {share:g} % may fail, write {100 - share:g}%.",
        )
