"""The casino's Prometheus metrics. Names, labels and buckets are a contract: gates are written against them.

A service's own counters exist from the start at zero, so that a scraper sees the first event as a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from casino.flags import LOBBIES, NEW_LOBBY, PAYMENTS_V2
from casino.shadow import PlayersCounter, PlayersHistogram
from casino.world import BRANDS, GAMES, MARKETS, PROVIDERS

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0)
WS_BUCKETS = (0.001, 0.0025, *BUCKETS)
QUEUE_AGES = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600)
QUEUE_DEPTHS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
PLACE = ("version", "market", "brand")
VARIANT = ("flag", "flag_variant")
DEPOSIT_VARIANTS = tuple((PAYMENTS_V2, name) for name in ("off", "on"))
LOBBY_VARIANTS = tuple((NEW_LOBBY, name) for name in LOBBIES)


class Metrics:
    """All metrics of one process, in a registry of its own."""

    def __init__(self, service: str, version: str) -> None:
        self.version = version
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.deposits = self._counter(
            "casino_deposits_total", "Deposits by outcome.", (*PLACE, "psp", "outcome", *VARIANT)
        )
        self.withdrawals = self._counter(
            "casino_withdrawals_total", "Withdrawals by outcome.", (*PLACE, "psp", "outcome")
        )
        self.logins = self._counter("casino_logins_total", "Logins by outcome.", (*PLACE, "outcome"))
        self.bets = self._counter("casino_bets_total", "Bets by outcome.", (*PLACE, "game", "outcome", *VARIANT))
        self.lobbies = self._counter("casino_lobby_views_total", "Lobbies shown.", (*PLACE, *VARIANT))
        self.rerouted = self._counter(
            "casino_payments_rerouted_total", "Payments by another provider than asked.", (*PLACE[:1], "psp", "used")
        )
        self.claims = self._counter("casino_promo_claims_total", "Bonus claims by outcome.", (*PLACE, "outcome"))
        self.requests = self._counter(
            "casino_http_requests_total", "HTTP answers by status.", ("version", "route", "code")
        )
        self.copies = Counter(
            "casino_shadow_requests_total",
            "Answers to copies of requests, which count nowhere else.",
            ("version", "route", "code"),
            registry=self.registry,
        )
        self.durations = PlayersHistogram(
            "casino_http_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("version", "route", "method"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.round_trips = Histogram(
            "casino_ws_round_trip_seconds",
            "Round-trip time of WebSocket messages, measured by the server.",
            ("version",),
            registry=self.registry,
            buckets=WS_BUCKETS,
        )
        self.sockets_closed = self._counter(
            "casino_ws_closed_total", "WebSocket tables closed, by who ended them.", ("version", "reason")
        )
        self.queue_age = self._looks(
            "casino_retry_queue_age_seconds", "Age of the oldest payment that waits to be tried again.", QUEUE_AGES
        )
        self.queue_depth = self._looks(
            "casino_retry_queue_depth", "Payments that wait to be tried again.", QUEUE_DEPTHS
        )
        self.registrations = self._counter(
            "casino_registrations_total", "Newcomers by what became of them.", (*PLACE, "outcome")
        )
        self._drift = self._counter(
            "casino_ledger_drift_total", "Balances that were not the sum of entries.", PLACE[:1]
        )
        self._duplicates = self._counter("casino_duplicate_transactions_total", "Second debits.", PLACE[:1])
        self._start_at_zero(service)

    def drift(self) -> None:
        """An account's balance is not the sum of its entries."""
        self._drift.labels(self.version).inc()

    def duplicate(self) -> None:
        """One payment or round has debited its player twice."""
        self._duplicates.labels(self.version).inc()

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return PlayersCounter(name, text, labels, registry=self.registry)

    def _looks(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        """Of a queue: an observation a look, so that every look counts, whoever scrapes and how often."""
        return Histogram(name, text, PLACE[:1], registry=self.registry, buckets=buckets)

    def _start_at_zero(self, service: str) -> None:
        self._drift.labels(self.version)
        self._duplicates.labels(self.version)
        for market, brand in product(MARKETS, BRANDS):
            for counter, values in self._series_of(service):
                counter.labels(self.version, market, brand, *values)
        if service == "payments":
            self.queue_age.labels(self.version)
            self.queue_depth.labels(self.version)
        if service == "games":
            self.round_trips.labels(self.version)

    def _series_of(self, service: str) -> Iterator[tuple[Counter, tuple[str, ...]]]:
        """The service's own counters, with the label values that follow version, market and brand."""
        if service == "payments":
            ends = product(PROVIDERS, ("credited", "declined", "failed"), DEPOSIT_VARIANTS)
            yield from ((self.deposits, (psp, end, *variant)) for psp, end, variant in ends)
            yield from ((self.withdrawals, pair) for pair in product(PROVIDERS, ("paid", "refused", "failed")))
        elif service == "auth":
            yield from ((self.logins, (end,)) for end in ("ok", "wrong_credentials", "refused", "failed"))
            yield from ((self.registrations, (end,)) for end in ("deposited", "left"))
        elif service == "games":
            bets = product(GAMES, ("settled", "refused", "failed"), LOBBY_VARIANTS)
            yield from ((self.bets, (game, end, *variant)) for game, end, variant in bets)
            yield from ((self.lobbies, variant) for variant in LOBBY_VARIANTS)
        elif service == "promo":
            yield from ((self.claims, (end,)) for end in ("granted", "repeated", "refused", "failed"))
