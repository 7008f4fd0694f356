"""The query of a MetricTemplate with its values written in, and the provider that answers it. Called by ``metrics``."""

import re
from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.kubernetes import name_of

_PLACEHOLDER: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)

OTHERS: Final = {
    "influxdb": "ask for it over HTTP (a Gate's provider web)",
    "datadog": "ask for it through Prometheus, or over HTTP (a Gate's provider web)",
    "externalmetrics": "ask for it through Prometheus",
    "stackdriver": "ask for it through Prometheus",
    "cloudwatch": "ask for it through Prometheus (an exporter of CloudWatch)",
    "newrelic": "ask for it through Prometheus, or over HTTP (a Gate's provider web)",
    "graphite": "ask its render API over HTTP (a Gate's provider web)",
    "dynatrace": "ask for it through Prometheus, or over HTTP (a Gate's provider web)",
    "keptn": "ask for it over HTTP (a Gate's provider web)",
    "splunk": "ask for it through Prometheus, or over HTTP (a Gate's provider web)",
}


def values_of(canary: Mapping[str, Any], metric: Mapping[str, Any]) -> dict[str, str]:
    """What Flagger's functions stand for."""
    spec, metadata = canary["spec"], canary["metadata"]
    target = spec["targetRef"]["name"]
    return {
        "name": name_of(canary),
        "namespace": metadata.get("namespace") or "default",
        "target": target,
        "service": service_of(spec),
        "ingress": (spec.get("ingressRef") or {}).get("name", target),
        "route": (spec.get("routeRef") or {}).get("name", target),
        "interval": metric.get("interval") or "1m",
        **{f"variables.{name}": value for name, value in (metric.get("templateVariables") or {}).items()},
    }


def service_of(spec: Mapping[str, Any]) -> str:
    return str((spec.get("service") or {}).get("name") or spec["targetRef"]["name"])


def filled(query: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The query, and what in it nothing stands for."""
    unknown = [found for found in _PLACEHOLDER.findall(query) if found not in values]
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), query).strip(), unknown


def used(query: str) -> list[str]:
    """What the query has placeholders for, each once."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(query)))


def number_text(value: float) -> str:
    """A number as a condition has it."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))


def condition_of(metric: Mapping[str, Any]) -> str | None:
    """What a good result is; ``None`` if everything is."""
    asked = metric.get("thresholdRange")
    if asked is None:
        return f"result[0] <= {number_text(metric.get('threshold') or 0)}"
    parts = [
        f"result[0] {sign} {number_text(asked[name])}"
        for name, sign in (("min", ">="), ("max", "<="))
        if asked.get(name) is not None
    ]
    return " && ".join(parts) or None
