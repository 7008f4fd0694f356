"""The metrics of a canary: a Gate for each that can be asked from here. Called by ``canary``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.adapters.imports.flagger.builtin import demand_of
from croupier.adapters.imports.flagger.query import OTHERS, condition_of, filled, values_of
from croupier.adapters.imports.kubernetes import name_of
from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.shape import go_seconds
from croupier.adapters.imports.steps import seconds_text

_BUILTIN: Final = ("request-success-rate", "request-duration")
_SHORTEST_S: Final = 10.0
_MOST_FAILED: Final = 1_000
_LONGEST_S: Final = 2**63 / 1e9
"""What Go can count in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Template:
    """A MetricTemplate of the files, with what is made of it."""

    data: Mapping[str, Any]
    made: Made


Templates = Mapping[tuple[str, str], Template]
"""By namespace and name."""


@dataclass(slots=True)
class Metrics:
    """A canary's metrics half way. ``whole``: each that decides there has a Gate."""

    canary: Mapping[str, Any]
    templates: Templates
    made: Made
    gates: list[str] = field(default_factory=list)
    whole: bool = True

    @property
    def every_s(self) -> float:
        """How often Flagger looks; never more often than every ten seconds."""
        return looks_s(self.canary["spec"]["analysis"]["interval"])

    @property
    def threshold(self) -> int:
        """So many failed checks take the release back; no Gate counts to more than a thousand."""
        return min(self.canary["spec"]["analysis"]["threshold"] or 1, _MOST_FAILED)

    def take(self, metric: Mapping[str, Any], at: Path) -> None:
        """A line for each field, and Gates."""
        if metric["name"] in _BUILTIN:
            self._count(metric, at)
        if metric.get("query"):
            self._measure_inline(metric, at)
        if metric.get("templateRef") is not None:
            self._measure_template(metric, at)
        elif metric["name"] not in _BUILTIN and not metric.get("query"):
            self.made.not_needed(at, "it has neither a query nor a templateRef, so Flagger passes over it, too")
        said = {line.path for line in self.made.lines if line.whole}
        for name in metric:
            if at not in said and not any(path[: len(at) + 1] == (*at, name) for path in said):
                self.made.not_needed((*at, name), "of no effect beside its other fields, there too")

    def _count(self, metric: Mapping[str, Any], at: Path) -> None:
        demand = demand_of(metric, at, self.made)
        if demand is None:
            self.whole = False
            return
        window = max(go_seconds(metric.get("interval") or "1m") or 0, self.every_s)
        if metric.get("interval") is not None:
            words = f"rule.window: {seconds_text(window)}: how far back each look sees"
            longer = window > (go_seconds(metric["interval"]) or 0)
            (self.made.changed if longer else self.made.kept)((*at, "interval"), words)
        rule = {
            "interval": seconds_text(self.every_s),
            "window": seconds_text(window),
            "consecutive": self.threshold,
        }
        name = self._named(metric, at)
        _add(self.made, name, {**demand, "rule": rule}, at)
        self.made.kept((*at, "name"), f"the Gate '{name}'")

    def _measure_inline(self, metric: Mapping[str, Any], at: Path) -> None:
        if (good := self._good(metric, at)) is None:
            return
        name = self._named(metric, at)
        provider: dict[str, Any] = {"query": metric["query"].strip()}
        if (server := self.canary["spec"].get("metricsServer")) is not None:
            provider["address"] = server
        _add(self.made, name, self._measured(metric, good, provider), at)
        self.made.kept((*at, "name"), f"the Gate '{name}'")
        self.made.kept((*at, "query"))
        self._unversioned(at)
        if metric.get("interval") is not None:
            self.made.kept((*at, "interval"), "of no effect: the query says itself how far back it looks")

    def _measure_template(self, metric: Mapping[str, Any], at: Path) -> None:
        reference = metric["templateRef"]
        namespace = reference.get("namespace") or self.canary["metadata"].get("namespace") or "default"
        template = self.templates.get((namespace, reference["name"]))
        if template is None:
            words = f"MetricTemplate '{reference['name']}' of namespace '{namespace}' is not in these files"
            self._lose(at, f"{words}: name its file, too, or write a Gate")
            return
        spec = template.data["spec"]
        impossible = _impossible(spec["provider"])
        query, unknown = filled(spec["query"], values_of(self.canary, metric))
        if impossible or unknown:
            words = impossible or f"nothing stands for {{{{ {unknown[0]} }}}} in the query of its template"
            self._lose(at, f"its template cannot be asked from here: {words}")
            return
        if (good := self._good(metric, at)) is None:
            return
        name = self._named(metric, at)
        _add(template.made, name, self._measured(metric, good, _provider(query, spec["provider"])), ("spec", "query"))
        self.made.kept((*at, "name"), f"the Gate '{name}'")
        self.made.kept((*at, "templateRef"), "its query is written into the Gate")
        if metric.get("interval") is not None:
            self.made.kept((*at, "interval"), "written into the query, where it says {{ interval }}")
        if metric.get("templateVariables") is not None:
            self.made.kept((*at, "templateVariables"), "written into the query")
        self._unversioned(at)

    def _good(self, metric: Mapping[str, Any], at: Path) -> str | None:
        good = condition_of(metric)
        if good is None:
            self._lose(at, "thresholdRange has no bound that it could miss; write a Gate with a successCondition")
            return None
        place = "thresholdRange" if metric.get("thresholdRange") is not None else "threshold"
        self.made.kept((*at, place), f"successCondition: {good}")
        if place == "thresholdRange" and metric.get("threshold") is not None:
            self.made.kept((*at, "threshold"), "of no effect beside thresholdRange, there too")
        return good

    def _measured(self, metric: Mapping[str, Any], good: str, provider: Mapping[str, Any]) -> dict[str, Any]:
        every = seconds_text(self.every_s)
        measured = {
            "name": metric["name"],
            "interval": every,
            "initialDelay": every,
            "failureLimit": self.threshold - 1,
            "successCondition": good,
            "provider": {"prometheus": provider},
        }
        return {"analysis": {"metrics": [measured]}}

    def _unversioned(self, at: Path) -> None:
        """Nothing in such a query is about the canary's version alone, so that its pass is none yet."""
        words = "the query tells the canary by the names of pods; here versions differ by a label only"
        self.made.differs(at, f"{words}: put {{{{version}}}} into the Gate's query")
        self.made.lacks, self.whole = True, False

    def _lose(self, at: Path, words: str) -> None:
        self.whole = False
        self.made.lost(at, words)

    def _named(self, metric: Mapping[str, Any], at: Path) -> str:
        """A name for the Gate that no other of the canary has."""
        plain = re.sub(r"[^a-z0-9]+", "-", metric["name"].lower()).strip("-") or f"metric-{at[-1]}"
        name = f"{name_of(self.canary)}-{plain}"[:60].strip("-.")
        number, chosen = 2, name
        while chosen in self.gates:
            chosen, number = f"{name}-{number}", number + 1
        self.gates.append(chosen)
        return chosen


def looks_s(interval: str) -> float:
    """What Flagger makes of the interval: once a minute where it cannot read it, and never more often than every ten
    seconds.
    """
    seconds = go_seconds(interval)
    return 60.0 if seconds is None or seconds > _LONGEST_S else max(seconds, _SHORTEST_S)


def _impossible(provider: Mapping[str, Any]) -> str:
    if provider["type"] != "prometheus":
        return f"provider {provider['type']}: {OTHERS[provider['type']]}"
    if provider.get("secretRef") is not None:
        return "its provider asks with credentials of a Secret: write a Gate with a header and an argument from a file"
    return ""


def _provider(query: str, given: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {"query": query}
    if given.get("address"):
        written["address"] = given["address"]
    if given.get("headers"):
        written["headers"] = {name.lower(): ", ".join(values) for name, values in given["headers"].items()}
    if given.get("insecureSkipVerify") is not None:
        written["insecure"] = given["insecureSkipVerify"]
    return written


def _add(made: Made, name: str, spec: Mapping[str, Any], origin: Path) -> None:
    made.origins[len(made.documents),] = origin
    made.documents.append({"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": name}, "spec": dict(spec)})
