"""Which templates Rollouts and Experiments use, with which values for their arguments. Called by ``convert``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.adapters.imports.argo.reading import UNKNOWN, Unknown
from croupier.adapters.imports.made import Path

Values = Mapping[str, str | Unknown]
"""Arguments and their values; ``UNKNOWN`` where only a cluster can tell."""

_HASHES: Final = {"Latest": "{{version}}", "Stable": "{{stable}}"}
_SPEC_REFS: Final = {"canary": "{{version}}", "stable": "{{stable}}"}
_OF_TEMPLATE: Final = re.compile(r"\{\{\s*templates\.([\w-]+)\.(?:podTemplateHash|replicaset\.name)\s*\}\}")
_PART: Final = re.compile(r"""([^.\[\]]+)|\[(?:'([^']*)'|"([^"]*)"|(\d+))\]""")


@dataclass(frozen=True, slots=True)
class Use:
    """One analysis that names a template. ``document`` is whose, for the fields that arguments may come from."""

    template: str
    values: Values
    document: Mapping[str, Any] = field(repr=False)


def analyses_of(data: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The analyses of a Rollout that decide about it, and where they stand; experiments' are not among them."""
    strategy = data["spec"]["strategy"]
    canary, blue_green = strategy.get("canary") or {}, strategy.get("blueGreen") or {}
    at: Path = ("spec", "strategy", "canary")
    if canary.get("analysis") is not None:
        yield (*at, "analysis"), canary["analysis"]
    for index, step in enumerate(canary.get("steps") or ()):
        if step.get("analysis") is not None:
            yield (*at, "steps", index, "analysis"), step["analysis"]
    for name in ("prePromotionAnalysis", "postPromotionAnalysis"):
        if blue_green.get(name) is not None:
            yield ("spec", "strategy", "blueGreen", name), blue_green[name]


def uses_of(data: Mapping[str, Any]) -> Iterator[Use]:
    """Every template that a Rollout or an Experiment names."""
    spec = data["spec"]
    if data["kind"] == "Experiment":
        yield from _of_experiment(spec, data)
        return
    for _, analysis in analyses_of(data):
        for each in analysis.get("templates") or ():
            yield Use(each["templateName"], values_of(analysis, data), data)
    for step in (spec["strategy"].get("canary") or {}).get("steps") or ():
        if step.get("experiment") is not None:
            yield from _of_experiment(step["experiment"], data)


def values_of(analysis: Mapping[str, Any], data: Mapping[str, Any]) -> Values:
    """The values that an analysis of a Rollout gives."""
    return {arg["name"]: _value(arg, data) for arg in analysis.get("args") or ()}


def _of_experiment(experiment: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Use]:
    versions = {each["name"]: _SPEC_REFS.get(each.get("specRef", "")) for each in experiment.get("templates") or ()}
    for each in experiment.get("analyses") or ():
        values = {
            name: value if isinstance(value, Unknown) else _with_versions(value, versions)
            for name, value in values_of(each, data).items()
        }
        yield Use(each["templateName"], values, data)


def _with_versions(value: str, versions: Mapping[str, str | None]) -> str | Unknown:
    """The value, with versions for the hashes of an experiment's pods."""
    if any(versions.get(found[1]) is None for found in _OF_TEMPLATE.finditer(value)):
        return UNKNOWN
    return _OF_TEMPLATE.sub(lambda found: versions[found[1]] or "", value)


def _value(arg: Mapping[str, Any], data: Mapping[str, Any]) -> str | Unknown:
    source = arg.get("valueFrom")
    if source is None:
        return str(arg.get("value") or "")
    if source.get("podTemplateHashValue") is not None:
        return _HASHES[source["podTemplateHashValue"]]
    return field_of(data, source["fieldRef"]["fieldPath"])


def field_of(data: Mapping[str, Any], path: str) -> str | Unknown:
    """A field of the document by Kubernetes' notation: ``metadata.labels['app']``."""
    value: Any = data
    for plain, single, double, position in _PART.findall(path):
        key = plain or single or double
        if isinstance(value, Mapping) and not position:
            value = value.get(key)
        elif isinstance(value, list) and position and len(position) < 9 and int(position) < len(value):
            value = value[int(position)]
        else:
            return UNKNOWN
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else UNKNOWN
