"""Which instances are there, and what a person is told when they cannot be read. Pure; called by the source.

Counts of some instances alone would mislead, so a version of which one is there and cannot be read is silent as a
whole. One that is gone keeps what it counted.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from croupier.adapters.metrics.prometheus.ask import Unanswered
from croupier.adapters.metrics.prometheus.samples import Target
from croupier.adapters.metrics.prometheus.scrapes import Scrapes
from croupier.adapters.metrics.prometheus.settings import PrometheusSettings


@dataclass(frozen=True, slots=True)
class Arm:
    """One version's instances: everything that had samples."""

    name: str
    scrapes: Mapping[Target, Scrapes]


def overdue(scrapes: Mapping[Target, Scrapes], now: float) -> set[Target]:
    """Targets whose next scrape should have come: they may be gone, which only an instant query tells."""
    return {target for target, one in scrapes.items() if now - one.tried[-1] > 1.5 * one.interval_s}


def check(arm: Arm, gone: Collection[Target], now: float, settings: PrometheusSettings) -> None:
    """Raises ``Unanswered`` where somebody who is there has not been read for too long, or nobody is there."""
    live = {target: one for target, one in arm.scrapes.items() if target not in gone}
    if not live:
        raise Unanswered(f"no instance of {arm.name} is scraped by Prometheus any more")
    silent = {
        target: one
        for target, one in live.items()
        if now - (one.done[-1] if one.done else one.tried[0]) > settings.stale_after * one.interval_s + settings.grace_s
    }
    if not silent:
        return
    target, one = next(iter(sorted(silent.items())))
    last = one.done[-1] if one.done else one.tried[0]
    how_many = f" ({len(silent)} of {len(live)} instances)" if len(live) > 1 else ""
    why = "its scrapes fail" if one.failing_since is not None else "no sample of it comes"
    raise Unanswered(f"{arm.name} has not been read for {now - last:.0f} s{how_many}: {name(target)}: {why}")


def name(target: Target) -> str:
    """As people know it."""
    return target[1] or target[0] or "Prometheus"


def absent(who: str, metric: str, scraped: Iterable[Target], labels: str) -> str:
    """Why a version has no counts: nothing of it is scraped, or nothing of this."""
    if any(True for _ in scraped):
        return f"{who} is scraped by Prometheus and has no series of {metric!r} there yet"
    return f"Prometheus has no series of {who} ({labels})"
