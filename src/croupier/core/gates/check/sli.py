"""Can what the gate counts be bad, and good? Called by ``check_gate``."""

import math
from collections.abc import Iterator
from typing import assert_never

from croupier.core.gates import EventsSli, Gate, LatencySli, Matchers, MeasuredSli, PopulationRule, PromqlSli, RatioSli
from croupier.errors import Problem


def wrong_sli(gate: Gate) -> Iterator[Problem]:
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
        case EventsSli() | PromqlSli() | MeasuredSli():
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
