"""Can the gate's rule come to a verdict? Called by ``check_gate``."""

import math
from collections.abc import Iterator
from typing import Final

from croupier.core.gates import (
    AnalysisRule,
    BurnRule,
    EventsSli,
    Gate,
    PopulationRule,
    RatioSli,
    SequentialRule,
)
from croupier.core.gates.check.analysis import wrong_analysis
from croupier.errors import Problem

_LEAST_BUDGET: Final = 1e-9
"""A smaller share of failures is none."""
_RAREST: Final = 1e-6
"""Bets are made down to so rare failures."""


def wrong_rule(gate: Gate) -> Iterator[Problem]:
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
    if isinstance(rule, AnalysisRule):
        yield from wrong_analysis(gate, rule)
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
    elif gate.objective is not None and 1.0 - _RAREST < gate.objective.at_least <= 1.0:
        yield Problem(
            f"an objective of {100 * gate.objective.at_least:.9g} % lets nothing fail, and evidence needs a share that "
            "may.",
            ("spec", "objective", "atLeast"),
            "Write for example 99.99%. For what must not happen at all: sli: {events: ...} and hardStop: {events: 1}.",
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
