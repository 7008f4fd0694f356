"""The control plane's own Prometheus metrics: ticks, what happens to rollouts, requests. Shown at ``/metrics``.

Counted from outside: the loop by timing its ticks, rollouts by the journal's new entries, requests by the middleware.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from croupier.control.fleet import Fleet
from croupier.control.ports import Recorded
from croupier.control.ports.pins import VersionPins
from croupier.control.reconcile import Reconciler
from croupier.core.flags.events import FlagEvent
from croupier.core.rollout.decide import binding
from croupier.core.rollout.events import Event
from croupier.core.rollout.notices import budget_used
from croupier.core.rollout.phase import Phase

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_OTHERS: Final = {"document_applied", "document_removed", "release_added", "token_created", "token_revoked"}
_EVENTS: Final = _OTHERS | {
    field.default for kind in get_args(Event) + get_args(FlagEvent) for field in fields(kind) if field.name == "type"
}
"""Types that get a label of their own; a record of a later version could hold others."""


class Metrics:
    """One registry for one control plane."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ticks = Counter("croupier_ticks", "Turns of the control loop.", registry=self.registry)
        self.tick_seconds = Histogram(
            "croupier_tick_seconds",
            "How long a turn of the control loop took.",
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.events = Counter(
            "croupier_events",
            "What was recorded, by type; weight_confirmed counts applied changes of weight.",
            ["type"],
            registry=self.registry,
        )
        self.requests = Counter(
            "croupier_http_requests", "API requests.", ["method", "route", "code"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "croupier_http_request_seconds", "How long API requests took.", ["route"], registry=self.registry
        )
        self.looks = Histogram(
            "croupier_gate_look_seconds",
            "How long metric sources took to answer, by source and by what they had: counts, or nothing.",
            ["source", "answer"],
            registry=self.registry,
            buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.notifications = Counter(
            "croupier_notifications",
            "Tries to tell a receiver, by what came of it: delivered, refused, failed.",
            ["notifier", "outcome"],
            registry=self.registry,
        )
        self._failing = Gauge(
            "croupier_notifier_failing_since_seconds",
            "Since when (epoch seconds) a receiver has taken nothing; none for one that took the last.",
            ["notifier"],
            registry=self.registry,
        )
        self._failing_since: dict[str, float] = {}
        self.streams = Gauge("croupier_event_streams", "Event streams that are open.", registry=self.registry)

    def note(self, recorded: Recorded) -> None:
        """Count one new entry of the journal."""
        for event in recorded.entry.events:
            kind = str(event.get("type", ""))
            self.events.labels(kind if kind in _EVENTS else "other").inc()

    def note_notifier(self, name: str, failed_at: float | None) -> None:
        """A receiver took something, or did not at that time (epoch seconds)."""
        if failed_at is not None:
            self._failing.labels(name).set(self._failing_since.setdefault(name, failed_at))
        elif self._failing_since.pop(name, None) is not None:
            self._failing.remove(name)

    def watch_fleet(self, fleet: Callable[[], Fleet | None]) -> None:
        """Show how many rollouts are in which active phase, and which gates see nothing, asked when somebody looks."""
        self.registry.register(_Rollouts(fleet))

    def watch_rounds(self, rounds: Callable[[], Sequence[VersionPins]]) -> None:
        """Show how many rounds are open on which version, as of the last turn of the loop."""
        self.registry.register(_Rounds(rounds))

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class _Rounds(Collector):
    def __init__(self, rounds: Callable[[], Sequence[VersionPins]]) -> None:
        self._rounds = rounds

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "croupier_open_rounds",
            "Rounds that have to end on the version that began them.",
            labels=["service", "version"],
        )
        for row in self._rounds():
            family.add_metric([row.service, row.version], row.count)
        yield family


class _Rollouts(Collector):
    def __init__(self, fleet: Callable[[], Fleet | None]) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[GaugeMetricFamily]:
        fleet = self._fleet()
        stored = fleet.rollouts.values() if fleet else ()
        family = GaugeMetricFamily("croupier_rollouts", "Rollouts in progress, by phase.", labels=["phase"])
        for phase in Phase:
            if phase.active:
                family.add_metric([phase.value], sum(item.value.phase is phase for item in stored))
        yield family
        blind = GaugeMetricFamily(
            "croupier_gate_blind_since_seconds",
            "Since when (epoch seconds) a gate that guards a canary has had no data.",
            labels=["rollout", "gate"],
        )
        used = GaugeMetricFamily(
            "croupier_gate_budget_used_ratio",
            "How far (0 to 1) the evidence of a gate has come to blaming the canary that it guards.",
            labels=["rollout", "gate"],
        )
        for state in (item.value for item in stored):
            for name in binding(state) if state.phase.active else ():
                if (since := state.gate_state(name).blind_since) is not None:
                    blind.add_metric([state.id, name], since)
                if (share := budget_used(state, name)) is not None:
                    used.add_metric([state.id, name], share)
        yield blind
        yield used


class TimedReconciler(Reconciler):
    """The loop, its ticks counted and timed. ``metrics`` is set right after it is made."""

    metrics: Metrics

    async def tick(self) -> None:
        """As ``Reconciler.tick``."""
        started = time.perf_counter()
        try:
            await super().tick()
        finally:
            self.metrics.ticks.inc()
            self.metrics.tick_seconds.observe(time.perf_counter() - started)
