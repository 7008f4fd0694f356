"""Why a gate could never judge a version by what Prometheus has, with what exists instead. Called by the source.

What Prometheus has of a version is written as the page that the version would show, and judged by the words that the
embedded source has for pages.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import structlog

from croupier.adapters.metrics.embedded.explain import blind, doubtful, unlabelled
from croupier.adapters.metrics.embedded.feed import histogram_name, spellings
from croupier.adapters.metrics.embedded.page import Page
from croupier.adapters.metrics.prometheus.ask import Asker, Unanswered
from croupier.adapters.metrics.prometheus.native import edge_near, no_edge
from croupier.adapters.metrics.prometheus.samples import Series, Target, series_of
from croupier.adapters.metrics.prometheus.settings import PrometheusSettings
from croupier.core.gates import LatencySli, PromqlSli, Sli
from croupier.core.gates.selector import Selector, exactly, filled, quoted, read

_MOST_NAMED: Final = 12
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_COUNTABLE: Final = {"counter", "unknown", "untyped", ""}

_log = structlog.get_logger(__name__)


class Probe:
    """Questions about what there is at one time."""

    def __init__(self, asker: Asker, settings: PrometheusSettings, at: float) -> None:
        self._asker = asker
        self._settings = settings
        self._at = at

    async def why_blind(self, sli: Sli, by: tuple[str, ...], service: str, version: str) -> str | None:
        """See ``MetricSource.probe``. Raises ``Unanswered``."""
        if isinstance(sli, PromqlSli):
            return await self._why_no_promql(sli, by, service, version)
        targets = await self.scraped(service, version)
        who = f"{service} {version}"
        if not targets:
            return await self._nobody(service, version)
        names = await self._values("__name__", self._ours(service, version))
        kinds = await self._kinds(targets)
        wanted = self._names(sli)
        samples = series_of(
            await self._asker.query(
                f"{{__name__=~{quoted(exactly(wanted))},{self.labels(service, version)}}}", self._at
            )
        )
        natives = [one for one in samples if one.native]
        if isinstance(sli, LatencySli) and natives and not any(one.name.endswith("_bucket") for one in samples):
            if edge_near(natives, sli.threshold_s) is None:
                return no_edge(sli)
            return unlabelled(sli, by, who, [one.labels for one in natives])
        page = Page(_page(kinds, names, samples))
        why = blind(sli, by, who, [page])
        if why is None and (doubt := doubtful(sli, who, [page])):
            _log.warning("metric_value_unknown", metric=sli.metric, why=doubt)
        return why

    async def scraped(self, service: str, version: str) -> frozenset[Target]:
        """The targets that have series of the version."""
        there = await self._asker.query(f"group by (job, instance) ({self._ours(service, version)})", self._at)
        return frozenset(one.target for one in series_of(there))

    async def declaring(self, sli: Sli, service: str, version: str) -> frozenset[Target]:
        """The targets of the version whose page names the metric, though it has no series there. None where Prometheus
        does not tell (others that speak its language may not know).
        """
        if isinstance(sli, PromqlSli):
            return frozenset()
        targets = await self.scraped(service, version)
        families = {histogram_name(sli.metric)} if isinstance(sli, LatencySli) else {*spellings(sli.metric)}
        found: set[Target] = set()
        for family in families if targets else ():
            found |= (await self._declared(targets, family)).keys()
        return targets & found

    async def kept(self, now: float) -> str:
        """For how long Prometheus keeps samples, where that is why it has none of that time: a part of a sentence."""
        try:
            said = await self._asker.look_up("status/runtimeinfo", {})
        except Unanswered:  # others that speak its language may not know
            return ""
        retention = str(said.get("storageRetention", "")) if isinstance(said, Mapping) else ""
        seconds = _seconds(retention.partition(" ")[0])
        return f"; it keeps {retention[:60]}" if seconds is not None and self._at < now - seconds else ""

    def labels(self, service: str, version: str) -> str:
        """The matchers of a version's series."""
        settings = self._settings
        return f"{settings.service_label}={quoted(service)},{settings.version_label}={quoted(version)}"

    def _ours(self, service: str, version: str) -> str:
        return f"{{{self.labels(service, version)}}}"

    def _names(self, sli: Sli) -> tuple[str, ...]:
        if isinstance(sli, LatencySli):
            name = histogram_name(sli.metric)
            return f"{name}_bucket", f"{name}_count", name
        return spellings(sli.metric)

    async def _nobody(self, service: str, version: str) -> str:
        """There is no such version; which there are."""
        settings = self._settings
        none = f"Prometheus has no series of {service} {version} ({self.labels(service, version)})"
        others = await self._values(settings.version_label, f"{{{settings.service_label}={quoted(service)}}}")
        if others:
            return f"{none}; {settings.version_label} of {service} is {_listed(others)}"
        services = await self._values(settings.service_label)
        if services:
            return f"{none}; {settings.service_label} is {_listed(services)}"
        return f"{none}; no series has a label {settings.service_label!r}, see CROUPIER_PROMETHEUS_SERVICE_LABEL"

    async def _values(self, label: str, match: str = "") -> list[str]:
        said = await self._asker.look_up(f"label/{label}/values", {"match[]": match} if match else {})
        return sorted(str(value) for value in said)

    async def _kinds(self, targets: frozenset[Target]) -> dict[str, str]:
        """The families of the version and their kinds, as far as Prometheus tells: one instance speaks for all."""
        declared = await self._declared(frozenset(sorted(targets)[:1]), "")
        return next(iter(declared.values()), {})

    async def _declared(self, targets: frozenset[Target], family: str) -> dict[Target, dict[str, str]]:
        jobs = exactly(tuple(sorted({job for job, _ in targets})))
        instances = exactly(tuple(sorted({instance for _, instance in targets})))
        asked = {"match_target": f"{{job=~{quoted(jobs)},instance=~{quoted(instances)}}}"}
        try:
            said = await self._asker.look_up("targets/metadata", {**asked, "metric": family} if family else asked)
        except Unanswered as unanswered:
            if unanswered.status == 404:
                return {}
            raise
        found: dict[Target, dict[str, str]] = {}
        for item in said:
            if isinstance(item, dict) and isinstance(labels := item.get("target"), dict):
                target = str(labels.get("job", "")), str(labels.get("instance", ""))
                found.setdefault(target, {})[str(item.get("metric", family))] = str(item.get("type", ""))
        return found

    async def _why_no_promql(self, sli: PromqlSli, by: tuple[str, ...], service: str, version: str) -> str | None:
        totals = read(sli.total)
        there = [await self._samples_of(filled(each, service, version)) for each in totals]
        for each in (*totals, *read(sli.bad)):
            if why := await self._why_uncountable(each.metric):
                return why
        if not any(there):
            asked = " or ".join(str(filled(each, service, version)) for each in totals)
            return f"Prometheus has no series that match {asked}"
        return unlabelled(sli, by, f"{service} {version}", [one.labels for found in there for one in found])

    async def _samples_of(self, selector: Selector) -> list[Series]:
        return series_of(await self._asker.query(str(selector), self._at))

    async def _why_uncountable(self, metric: str) -> str | None:
        """Why nothing of this name can be counted, whosever it is."""
        said = await self._asker.look_up("metadata", {"metric": metric})
        entries = said.get(metric) if isinstance(said, Mapping) else None
        kinds = {str(entry.get("type", "")) for entry in entries or () if isinstance(entry, dict)}
        if kinds and not kinds & _COUNTABLE:
            return f"{metric!r} is a {min(kinds)}, which cannot be counted; name a counter"
        if not kinds and not await self._samples_of(Selector(metric)):
            near = get_close_matches(metric, await self._values("__name__"), 1)
            return f"Prometheus has no metric {metric!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        return None


def _seconds(duration: str) -> float | None:
    """A duration as Prometheus writes it: ``15d``, ``1w2d``. ``None`` for none, or for ever."""
    parts = re.findall(r"(\d+)(ms|s|m|h|d|w|y)", duration)
    if not parts or "".join(f"{count}{unit}" for count, unit in parts) != duration:
        return None
    return sum(int(count) * _UNITS[unit] for count, unit in parts) or None


def _page(kinds: Mapping[str, str], names: Sequence[str], samples: Sequence[Series]) -> str:
    """The page that the version would show, as far as it matters."""
    parts = {f"{name}_{part}" for name, kind in kinds.items() for part in ("bucket", "sum", "count")}
    untold = {name: "unknown" for name in names if name not in kinds and name not in parts}
    lines = [f"# TYPE {name} {kind or 'unknown'}" for name, kind in {**kinds, **untold}.items()]
    for one in samples:
        inside = ",".join(f"{label}={quoted(value)}" for label, value in one.labels.items())
        lines += [f"{one.name}{{{inside}}} {value}" for _, value in one.samples if isinstance(value, float)]
    return "\n".join(lines) + "\n"


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(map(repr, values[:_MOST_NAMED]))
    return f"{shown}, …" if len(values) > _MOST_NAMED else shown
