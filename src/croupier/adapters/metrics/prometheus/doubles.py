"""A page that several jobs of Prometheus scrape (a pod monitor and a service monitor, say) counts once: evidence that
is counted twice is none. Pure; called by the source.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from croupier.adapters.metrics.prometheus.samples import Series, Target
from croupier.adapters.metrics.prometheus.scrapes import STARTED
from croupier.adapters.metrics.prometheus.tally import Found

_ENDED_S: Final = 300.0
"""Without a sample for so long a job is taken for ended."""


def doubles(found: Found, about: Sequence[Series]) -> Mapping[tuple[str, Target], Target]:
    """Of the metrics (by name) of one version, those that a page has under more than one job: metric and target ->
    the target that is counted instead.

    It is one page where the instance is, and where the process began then; where nothing tells that, where the instance
    is an address with a port. Of its jobs the first by name counts, reading after reading, until it has ended.
    """
    began: dict[Target, set[object]] = {}
    for one in about:
        if one.name == STARTED:
            began.setdefault(one.target, set()).update(value for _, value in one.samples)
    latest: dict[tuple[str, Target], float] = {}
    for _, one in found:
        key = one.name, one.target
        latest[key] = max([latest.get(key, 0.0), *(at for at, _ in one.samples)])
    ended = max(latest.values(), default=0.0) - _ENDED_S
    kept: dict[tuple[str, str], list[Target]] = {}
    out: dict[tuple[str, Target], Target] = {}
    for name, target in sorted(latest, key=lambda key: (latest[key] < ended, key)):
        pages = kept.setdefault((name, target[1]), [])
        same = next((page for page in pages if _same(began.get(page), began.get(target), target[1])), None)
        if same is None:
            pages.append(target)
        else:
            out[name, target] = same
    return out


def _same(one: set[object] | None, other: set[object] | None, instance: str) -> bool:
    if one is None and other is None:
        return instance.rpartition(":")[2].isdecimal()
    return one is not None and other is not None and not one.isdisjoint(other)
