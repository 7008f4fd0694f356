"""What makes one gate stricter than another, field by field, each with its direction. Pure; data for ``loosened``.

Every field is a number, and the gate is laxer where the number lies on the wrong side of the profile's: ``MOST`` where
less is stricter, ``LEAST`` where more is. What a gate does not ask at all is infinitely lax.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from croupier.core.gates import BurnRule, ClassicRule, Gate, LatencySli, PopulationRule, SequentialRule


class Bound(Enum):
    """Which way is stricter."""

    MOST = "at most"
    LEAST = "at least"


Reading: TypeAlias = Callable[[Gate], float]


@dataclass(frozen=True, slots=True)
class GateField:
    """One number of a gate: its name as files write it, which way is stricter, and where it is read."""

    name: str
    bound: Bound
    read: Reading

    def laxer(self, own: float, usual: float) -> bool:
        """Whether ``own`` permits more than ``usual``."""
        return own > usual if self.bound is Bound.MOST else own < usual


def _objective(gate: Gate) -> float:
    return gate.objective.at_least if gate.objective is not None else -math.inf


def _ratio(gate: Gate) -> float:
    return gate.comparison.max_ratio if gate.comparison is not None else math.inf


def _slack(gate: Gate) -> float:
    # Evidence is weighed without slack, so that there it is none.
    counts = gate.comparison is not None and not isinstance(gate.rule, SequentialRule)
    return gate.comparison.slack if gate.comparison is not None and counts else 0.0


def _ago(gate: Gate) -> float:
    return gate.comparison.ago_s if gate.comparison is not None else 0.0


def _events(gate: Gate) -> float:
    stop = gate.hard_stop
    return stop.events if stop is not None and stop.events is not None else math.inf


def _failing(gate: Gate) -> float:
    stop = gate.hard_stop
    return stop.failing if stop is not None and stop.failing is not None else math.inf


def _stop_samples(gate: Gate) -> float:
    stop = gate.hard_stop
    counts = stop is not None and (stop.failing is not None or stop.drop is not None)
    return stop.samples if stop is not None and counts else math.inf


def _drop(gate: Gate) -> float:
    stop = gate.hard_stop
    return stop.drop if stop is not None and stop.drop is not None else math.inf


def _threshold(gate: Gate) -> float:
    return gate.sli.threshold_s if isinstance(gate.sli, LatencySli) else 0.0


def _advisory(gate: Gate) -> float:
    return float(gate.advisory)


def _warmup(gate: Gate) -> float:
    return gate.warmup_s


def _groups(gate: Gate) -> float:
    return gate.on_group_fail.at_most if gate.on_group_fail is not None else 0.0


def _of(kind: type, name: str) -> Reading:
    def read(gate: Gate) -> float:
        value = getattr(gate.rule, name) if isinstance(gate.rule, kind) else 0.0
        return 0.0 if value is None else float(value)

    return read


FIELDS: Final = (
    GateField("advisory", Bound.MOST, _advisory),
    GateField("objective.atLeast", Bound.LEAST, _objective),
    GateField("comparison.maxRatio", Bound.MOST, _ratio),
    GateField("comparison.slack", Bound.MOST, _slack),
    GateField("comparison.against", Bound.MOST, _ago),
    GateField("hardStop.events", Bound.MOST, _events),
    GateField("hardStop.failing", Bound.MOST, _failing),
    GateField("hardStop.samples", Bound.MOST, _stop_samples),
    GateField("hardStop.drop", Bound.MOST, _drop),
    GateField("sli.threshold", Bound.MOST, _threshold),
    GateField("warmup", Bound.MOST, _warmup),
    GateField("onGroupFail.atMost", Bound.MOST, _groups),
    GateField("sequential.samples", Bound.MOST, _of(SequentialRule, "samples")),
    GateField("sequential.interval", Bound.MOST, _of(SequentialRule, "interval_s")),
    GateField("sequential.clumps", Bound.MOST, _of(SequentialRule, "clumps")),
    GateField("sequential.dwell", Bound.LEAST, _of(SequentialRule, "dwell")),
    GateField("sequential.patience", Bound.LEAST, _of(SequentialRule, "patience")),
    GateField("sequential.harm", Bound.MOST, _of(SequentialRule, "harm")),
    GateField("rule.interval", Bound.MOST, _of(ClassicRule, "interval_s")),
    GateField("rule.window", Bound.MOST, _of(ClassicRule, "window_s")),
    GateField("rule.consecutive", Bound.MOST, _of(ClassicRule, "consecutive")),
    GateField("rule.minSamples", Bound.MOST, _of(ClassicRule, "min_samples")),
    GateField("burn.window", Bound.MOST, _of(BurnRule, "window_s")),
    GateField("burn.shortWindow", Bound.MOST, _of(BurnRule, "short_s")),
    GateField("burn.factor", Bound.MOST, _of(BurnRule, "factor")),
    GateField("burn.interval", Bound.MOST, _of(BurnRule, "interval_s")),
    GateField("burn.minSamples", Bound.MOST, _of(BurnRule, "min_samples")),
    GateField("population.error", Bound.LEAST, _of(PopulationRule, "error")),
    GateField("population.samples", Bound.LEAST, _of(PopulationRule, "samples")),
)
"""Every number of a gate that says how strict it is. What it counts is not compared: that is the service's own."""


def laxer(own: Gate, usual: Gate) -> Iterator[tuple[str, str, str]]:
    """In what the one gate permits more than the usual one: field, its own value, the usual one. A gate that judges by
    another kind of rule cannot be compared, and counts as laxer.
    """
    if own.rule.kind != usual.rule.kind:
        yield "rule", own.rule.kind, usual.rule.kind
        return
    for field in FIELDS:
        ours, theirs = field.read(own), field.read(usual)
        if field.laxer(ours, theirs):
            yield field.name, _shown(ours), _shown(theirs)
    if missing := [label for label in usual.by if label not in own.by]:
        yield "by", ", ".join(own.by) or "none", ", ".join((*own.by, *missing))


def _shown(value: float) -> str:
    return "none" if math.isinf(value) else f"{value:g}"
