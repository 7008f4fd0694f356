"""From an answer to the value that conditions see, as Argo Rollouts has it. Called by the measurer."""

from collections.abc import Mapping
from typing import Any

from croupier.adapters.metrics.web.args import Unmeasured
from croupier.core.gates.analysis.json_path import picked


def prometheus_value(data: Any) -> float | list[float]:
    """A scalar is a number, a vector the list of its numbers; anything else is none. Raises ``Unmeasured``."""
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, Mapping) else (None, None)
    try:
        if kind == "scalar" and isinstance(result, list):
            return float(result[1])
        if kind == "vector" and isinstance(result, list):
            return [float(one["value"][1]) for one in result]
    except (IndexError, KeyError, TypeError, ValueError):
        raise Unmeasured("Prometheus sends something that is not its JSON") from None
    if kind in {"matrix", "string"}:
        raise Unmeasured(f"the query gives a {kind}; ask for a number or a vector, for example sum(...)")
    raise Unmeasured("Prometheus sends something that is not its JSON")


def web_value(data: Any, json_path: str) -> Any:
    """The whole, or the first value that the path leads to. Raises ``Unmeasured``."""
    if not json_path:
        return data
    found = picked(json_path, data)
    if not found:
        raise Unmeasured(f"the answer has nothing at {json_path}")
    return found[0]
