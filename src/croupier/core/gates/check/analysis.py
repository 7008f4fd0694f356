"""Can an analysis come to a verdict? Called by ``check_gate``. The paths are those of the Gate document."""

import math
import re
from collections.abc import Iterator
from typing import Final

from croupier.core.expr import ExprError, condition
from croupier.core.gates.analysis.json_path import read_path
from croupier.core.gates.analysis.model import LONGEST_TIMEOUT_S, AnalysisRule, Metric, Provider, WebRequest
from croupier.core.gates.analysis.placeholders import OURS, names_in, texts
from croupier.core.gates.analysis.witness import failing
from croupier.core.gates.model import Gate
from croupier.errors import Problem, Rejected

_AT: Final = ("spec", "analysis")
ENV_PREFIX: Final = "CROUPIER_ARG_"
_ENV: Final = re.compile(rf"{ENV_PREFIX}[A-Za-z0-9_]+")
_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]+")
_SHORTEST_S: Final = 1.0


def wrong_analysis(gate: Gate, rule: AnalysisRule) -> Iterator[Problem]:
    """What is wrong with the gate's analysis, and what cannot stand beside one."""
    demands = {"objective": gate.objective, "comparison": gate.comparison, "hardStop": gate.hard_stop, "by": gate.by}
    for field, demand in demands.items():
        if demand:
            yield Problem(
                f"an analysis judges measured values: '{field}' has no effect.",
                ("spec", field),
                "Remove it, or make a gate of its own of it.",
            )
    if gate.warmup_s:
        yield Problem("an analysis has no warm-up.", ("spec", "warmup"), "Write initialDelay into its metrics.")
    names = [each.name for each in rule.metrics]
    for position, metric in enumerate(rule.metrics):
        at = (*_AT, "metrics", position)
        if metric.name in names[:position]:
            yield Problem(f"'{metric.name}' is there twice.", (*at, "name"), "Give each metric a name of its own.")
        yield from _wrong_metric(metric, at)
        yield from _wrong_arguments(rule, metric.provider, at)
        yield from _wrong_path(metric.provider, at)
        yield from _wrong_timeout(metric.provider, at)
    yield from _wrong_args(rule)
    if not rule.deciding:
        yield Problem(
            "every metric is a dry run, so the gate can never fail.", (*_AT, "metrics"), "Let one of them count."
        )


def _wrong_metric(metric: Metric, at: tuple[str | int, ...]) -> Iterator[Problem]:
    yield from _wrong_times(metric, at)
    yield from _wrong_limits(metric, at)
    broken = False
    for field, text in (("successCondition", metric.success), ("failureCondition", metric.failure)):
        try:
            asked = condition(text) if text is not None else None
        except ExprError as wrong:
            broken = True
            yield Problem(f"column {wrong.column}: {wrong.message}", (*at, field), wrong.hint)
            continue
        if asked is not None and not asked.reads_result:
            broken = True
            yield Problem("the condition never looks at the result.", (*at, field), "Write for example result[0] > 0.")
    if broken or metric.dry_run:
        return
    if metric.success is None and metric.failure is None:
        yield Problem(
            f"'{metric.name}' has no condition, so every measurement would succeed.",
            at,
            "Add successCondition or failureCondition, or write dryRun: true.",
        )
    elif failing(metric) is None:
        yield Problem(
            f"no result was found that '{metric.name}' fails on, so it can never fail.",
            at,
            "Compare the result with a number or a text that it may miss.",
        )


def _wrong_times(metric: Metric, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if metric.interval_s is not None and not (math.isfinite(metric.interval_s) and metric.interval_s >= _SHORTEST_S):
        yield Problem(f"an interval of {metric.interval_s:g} s is too short.", (*at, "interval"), "Write 1s or more.")
    if metric.interval_s is None and metric.count is not None and metric.count > 1:
        yield Problem(
            f"{metric.count} measurements need an interval.", (*at, "count"), "Add one, for example interval: 1m."
        )
    if metric.interval_s is None and metric.consecutive_success_limit > 1:
        yield Problem(
            "several measurements need an interval.",
            (*at, "consecutiveSuccessLimit"),
            "Add one, for example interval: 1m.",
        )


def _wrong_limits(metric: Metric, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if metric.failure_limit < 0 and metric.consecutive_success_limit < 1:
        yield Problem(
            "both limits are switched off, so it could neither fail nor succeed.",
            (*at, "failureLimit"),
            "Write failureLimit: 0 or more, or a consecutiveSuccessLimit.",
        )
    if not metric.count:
        if metric.wanted is not None and metric.failure_limit > 0:
            yield Problem(
                f"there is one measurement, and {metric.failure_limit} may fail: it can never fail.",
                (*at, "failureLimit"),
                "Write 0, or add an interval.",
            )
        return
    limit, successes = max(metric.failure_limit, 0), max(metric.consecutive_success_limit, 0)
    if metric.count < limit + successes:
        both = f"failureLimit {limit}" + (f" and consecutiveSuccessLimit {successes}" if successes else "")
        yield Problem(
            f"{metric.count} measurements are too few for {both}.",
            (*at, "count"),
            f"Write {limit + successes} or more.",
        )
    elif metric.failure_limit >= metric.count:
        yield Problem(
            f"{metric.count} measurements, of which {metric.failure_limit} may fail: it can never fail.",
            (*at, "failureLimit"),
            f"Write {metric.count - 1} or less.",
        )
    if metric.count < metric.inconclusive_limit:
        yield Problem(
            f"{metric.count} measurements are fewer than the {metric.inconclusive_limit} that may be inconclusive.",
            (*at, "inconclusiveLimit"),
            f"Write {metric.count} or less.",
        )


def _wrong_arguments(rule: AnalysisRule, provider: Provider, at: tuple[str | int, ...]) -> Iterator[Problem]:
    """Placeholders that nothing stands for."""
    known = {f"args.{each.name}" for each in rule.args} | {*OURS}
    for field, text in texts(provider):
        for name in names_in(text):
            if name not in known:
                arg = name.removeprefix("args.")
                hint = f"Give it a value: args: [{{name: {arg}, value: ...}}]."
                yield Problem(
                    f"nothing stands for {{{{{name}}}}}.",
                    (*at, "provider", provider.kind, field),
                    hint if arg != name else f"Known are args.NAME, {', '.join(OURS)}.",
                )


def _wrong_args(rule: AnalysisRule) -> Iterator[Problem]:
    names = [each.name for each in rule.args]
    for position, arg in enumerate(rule.args):
        at = (*_AT, "args", position)
        if arg.name in names[:position]:
            yield Problem(f"'{arg.name}' is there twice.", (*at, "name"), "Remove one.")
        if names_in(f"{{{{args.{arg.name}}}}}") != (f"args.{arg.name}",):
            yield Problem(f"'{arg.name}' is no name of an argument.", (*at, "name"), "Write for example service-name.")
        for name in names_in(arg.value or ""):
            if name not in OURS:
                hint = f"In values of arguments, known are {', '.join(OURS)}."
                yield Problem(f"nothing stands for {{{{{name}}}}}.", (*at, "value"), hint)
        if arg.env is not None and not _ENV.fullmatch(arg.env):
            yield Problem(
                f"'{arg.env}' is no environment variable that gates may read.",
                (*at, "valueFrom", "env"),
                f"Name one that begins with {ENV_PREFIX}, so that gates cannot tell the control plane's own secrets.",
            )
        if arg.file is not None and not all(map(_NAME.fullmatch, arg.file.split("/"))):
            yield Problem(
                f"'{arg.file}' is no file below the directory of secrets.",
                (*at, "valueFrom", "file"),
                "Write its path from CROUPIER_SECRETS_DIR on, for example token-secret/apiToken.",
            )


def _wrong_path(provider: Provider, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if isinstance(provider, WebRequest) and not names_in(provider.json_path):
        try:
            read_path(provider.json_path)
        except Rejected as wrong:
            yield Problem(wrong.message, (*at, "provider", "web", "jsonPath"), wrong.hint)


def _wrong_timeout(provider: Provider, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if not 0 < provider.timeout_s <= LONGEST_TIMEOUT_S:
        yield Problem(
            f"a time-out of {provider.timeout_s:g} s is not possible.",
            (*at, "provider", provider.kind, "timeout"),
            f"Write more than 0s, and {LONGEST_TIMEOUT_S:g}s or less.",
        )
