"""Which selectors answer a question, and what their series are counted as. Pure; called by the source."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import assert_never

from croupier.adapters.metrics.embedded.feed import histogram_name, spellings
from croupier.adapters.metrics.prometheus.samples import Series
from croupier.adapters.metrics.prometheus.settings import PrometheusSettings
from croupier.core.gates import EventsSli, LatencySli, Matchers, MeasuredSli, PromqlSli, RatioSli, Sli
from croupier.core.gates.selector import exactly, filled, quoted, read


class Role(Enum):
    """What the events of a series are."""

    TOTAL = auto()
    """All events; which of them are good, the labels say."""
    GOOD = auto()
    """Good ones, which other series count too."""
    BAD = auto()
    """Bad ones, which other series count too."""
    BOTH = auto()
    """A native histogram: all events, and the good ones in its buckets."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One selector. Its series belong to ``version`` or, where that is ``None``, to the one in their own label."""

    selector: str
    role: Callable[[Series], Role]
    version: str | None = None


def plan(sli: Sli, service: str, versions: Sequence[str], settings: PrometheusSettings) -> list[Asked]:
    """What to ask for these versions of the service."""
    match sli:
        case PromqlSli(total=total, bad=bad):
            return [
                Asked(str(filled(selector, service, version)), partial(_always, role), version)
                for role, text in ((Role.TOTAL, total), (Role.BAD, bad))
                for selector in read(text)
                for version in versions
            ]
        case LatencySli(metric=metric, threshold_s=threshold_s, match=match):
            name = histogram_name(metric)
            names = (f"{name}_count", f"{name}_bucket", name)
            edge = f"le=~{quoted('|' + edges(threshold_s))}"
            return [Asked(_selector(names, (edge, *_ours(service, versions, settings)), match), _part_of_histogram)]
        case RatioSli(metric=metric, total=wanted) | EventsSli(metric=metric, match=wanted):
            return [
                Asked(_selector(spellings(metric), _ours(service, versions, settings), wanted), lambda _: Role.TOTAL)
            ]
        case MeasuredSli():
            return []  # its values are measured elsewhere
        case _:
            assert_never(sli)


def edges(threshold: float) -> str:
    """A regular expression for how exporters may write the edge: 1, 1.0, 1e+00."""
    ways = {repr(threshold), f"{threshold:g}", f"{threshold:e}", f"{threshold:.1e}"}
    if threshold == math.floor(threshold):
        ways.add(f"{threshold:.0f}")
    return "|".join(f"{re.escape(way)}{'0*' if '.' in way and 'e' not in way else ''}" for way in sorted(ways))


def _always(role: Role, _: Series) -> Role:
    return role


def _part_of_histogram(series: Series) -> Role:
    if series.name.endswith("_bucket"):
        return Role.GOOD
    return Role.TOTAL if series.name.endswith("_count") and not series.native else Role.BOTH


def _selector(names: Iterable[str], more: Iterable[str], wanted: Matchers) -> str:
    one_of = f"__name__=~{quoted(exactly(tuple(dict.fromkeys(names))))}"
    matchers = (f"{label}=~{quoted(exactly(values))}" for label, values in wanted)
    return f"{{{','.join((one_of, *more, *matchers))}}}"


def _ours(service: str, versions: Sequence[str], settings: PrometheusSettings) -> tuple[str, ...]:
    return (
        f"{settings.service_label}={quoted(service)}",
        f"{settings.version_label}=~{quoted(exactly(tuple(versions)))}",
    )
