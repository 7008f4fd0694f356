"""Ready-made gates in files: ``ready: deposit-success``, what may be written beside it, and all of it written out.

Called by ``convert`` and ``documents`` for what a file says, and by the catalog for what a name stands for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from croupier.adapters.manifests import shapes
from croupier.adapters.manifests.matching import matchers, written
from croupier.core.gates import (
    AnalysisRule,
    BurnRule,
    ClassicRule,
    EventsSli,
    Gate,
    LatencySli,
    MeasuredSli,
    PopulationRule,
    PromqlSli,
    RatioSli,
    SequentialRule,
    Sli,
)
from croupier.core.gates.ready import BY_NAME, POPULATION
from croupier.errors import Problem

_TAKES: Final = {"ratio": ("good", "total"), "latency": ("threshold",), "events": ()}
"""What else a ready-made indicator of each kind lets the gate write, besides ``metric`` and ``match``."""


def own(shape: shapes.ReadyShape) -> Sli:
    """The ready-made indicator with what the gate writes differently."""
    sli = BY_NAME[shape.name].gate.sli
    sli = sli if shape.metric is None or not isinstance(sli, _KINDS) else replace(sli, metric=shape.metric)
    match sli:
        case RatioSli(good=good, total=total):
            total = total if shape.total is None else matchers(shape.total)
            good = good if shape.good is None else matchers(shape.good)
            return replace(sli, good=good, total=_narrowed(total, shape))
        case LatencySli(threshold_s=threshold_s, match=match):
            threshold_s = threshold_s if shape.threshold is None else shape.threshold
            return replace(sli, threshold_s=threshold_s, match=_narrowed(match, shape))
        case EventsSli(match=match):
            return replace(sli, match=_narrowed(match, shape))
        case _:  # pragma: no cover - none of the ready-made ones
            raise AssertionError(sli)


def misplaced(shape: shapes.ReadyShape) -> Iterator[Problem]:
    """What the ready-made indicator has no use for."""
    sli = BY_NAME[shape.name].gate.sli
    for field in ("good", "total", "threshold"):
        if getattr(shape, field) is not None and field not in _TAKES[sli.kind]:
            takes = ", ".join(("metric", *_TAKES[sli.kind], "match"))
            yield Problem(
                f"'{shape.name}' is of the kind '{sli.kind}' and has no '{field}'.",
                ("spec", "sli", "ready", field),
                f"It takes {takes}.",
            )


def spelled_out(gate: Gate) -> dict[str, Any]:
    """The gate as a document without ``ready``: what applying it means, in full."""
    spec: dict[str, Any] = {"description": gate.description} if gate.description else {}
    spec["sli"] = _sli(gate.sli)
    if gate.advisory:
        spec["advisory"] = True
    if gate.by:
        spec["by"] = list(gate.by)
    if gate.objective is not None:
        spec["objective"] = {"atLeast": _share(gate.objective.at_least)}
    if gate.comparison is not None:
        spec["comparison"] = {"maxRatio": gate.comparison.max_ratio}
        if not isinstance(gate.rule, SequentialRule):
            spec["comparison"]["slack"] = _share(gate.comparison.slack)
        if gate.comparison.ago_s:
            spec["comparison"]["against"] = gate.comparison.against
    if gate.hard_stop is not None:
        stop = gate.hard_stop
        spec["hardStop"] = {} if stop.events is None else {"events": stop.events}
        shares = {"failing": stop.failing, "drop": stop.drop}
        spec["hardStop"] |= {name: _share(share) for name, share in shares.items() if share is not None}
        if stop.failing is not None or stop.drop is not None:
            spec["hardStop"]["samples"] = stop.samples
    spec |= _rule(gate)
    return {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": gate.name}, "spec": spec}


def as_text(document: Mapping[str, Any]) -> str:
    """A document of ``spelled_out`` as people write it in YAML."""
    return "\n".join(_lines(document, 0)) + "\n"


def _lines(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, inner in value.items():
        opened = name in ("spec", "sli") or (isinstance(inner, dict) and len(_flow(inner)) > _LONGEST_FLOW)
        yield f"{'  ' * depth}{name}:{'' if opened else ' ' + _flow(inner)}"
        if opened:
            yield from _lines(inner, depth + 1)


_LONGEST_FLOW: Final = 80


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    plain = isinstance(value, str) and not value.isdigit() and not _SPECIAL.search(value)
    return value if plain else json.dumps(value, ensure_ascii=False)


_SPECIAL: Final = re.compile(r"[:#{}\[\]&*!|>'\"`]|^[-?@%]|, ")

_KINDS: Final = (RatioSli, LatencySli, EventsSli)


def _narrowed(labels: Any, shape: shapes.ReadyShape) -> Any:
    return tuple(sorted({**dict(labels), **dict(matchers(shape.match))}.items()))


def _sli(sli: Sli) -> dict[str, Any]:
    match sli:
        case RatioSli(good=()):  # counted, and not judged
            match = {"match": written(sli.total)} if sli.total else {}
            return {"ready": {"name": POPULATION, "metric": sli.metric, **match}}
        case RatioSli():
            total = {"total": written(sli.total)} if sli.total else {}
            return {"ratio": {"metric": sli.metric, **total, "good": written(sli.good)}}
        case LatencySli():
            match = {"match": written(sli.match)} if sli.match else {}
            return {"latency": {"metric": sli.metric, **match, "threshold": _seconds(sli.threshold_s)}}
        case EventsSli():
            match = {"match": written(sli.match)} if sli.match else {}
            return {"events": {"metric": sli.metric, **match}}
        case PromqlSli():
            return {"promql": {"total": sli.total, "bad": sli.bad}}
        case MeasuredSli():  # pragma: no cover - no ready-made gate measures
            return {}


def _rule(gate: Gate) -> dict[str, Any]:
    rule = gate.rule
    match rule:
        case ClassicRule():
            return {
                "rule": {
                    "interval": _seconds(rule.interval_s),
                    "window": _seconds(rule.window_s),
                    "consecutive": rule.consecutive,
                    "minSamples": rule.min_samples,
                }
            }
        case BurnRule():
            return {
                "burn": {
                    "window": _seconds(rule.window_s),
                    "shortWindow": _seconds(rule.short_s),
                    "factor": rule.factor,
                    "interval": _seconds(rule.interval_s),
                    "minSamples": rule.min_samples,
                }
            }
        case PopulationRule():
            return {
                "population": {
                    "players": rule.players,
                    "visit": rule.visit,
                    "error": _share(rule.error),
                    "interval": _seconds(rule.interval_s),
                    "samples": rule.samples,
                }
            }
        case AnalysisRule():  # pragma: no cover - no ready-made gate measures
            return {}
        case SequentialRule():
            return {
                "sequential": {
                    "interval": _seconds(rule.interval_s),
                    "samples": rule.samples,
                    "dwell": rule.dwell,
                    "patience": rule.patience,
                    "harm": rule.harm,
                }
            }


def _share(value: float) -> str:
    return f"{100 * value:.12g}%"


def _seconds(value: float) -> str:
    """A duration as people write it."""
    if value < 1:
        return f"{value * 1000:g}ms"
    return f"{value / 60:g}m" if value >= 60 and value % 60 == 0 else f"{value:g}s"
