"""The casino's Prometheus metrics. Names, labels and buckets are a contract: gates are written against them.

A service's own counters exist from the start at zero, so that a scraper sees the first event as a difference.
"""

from __future__ import annotations

from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from casino.world import BRANDS, GAMES, MARKETS, PROVIDERS

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0)
WS_BUCKETS = (0.001, 0.0025, *BUCKETS)
PLACE = ("version", "market", "brand")


class Metrics:
    """All metrics of one process, in a registry of its own."""

    def __init__(self, service: str, version: str) -> None:
        self.version = version
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.deposits = self._counter("casino_deposits_total", "Deposits by outcome.", (*PLACE, "psp", "outcome"))
        self.withdrawals = self._counter(
            "casino_withdrawals_total", "Withdrawals by outcome.", (*PLACE, "psp", "outcome")
        )
        self.logins = self._counter("casino_logins_total", "Logins by outcome.", (*PLACE, "outcome"))
        self.bets = self._counter("casino_bets_total", "Bets by outcome.", (*PLACE, "game", "outcome"))
        self.claims = self._counter("casino_promo_claims_total", "Bonus claims by outcome.", (*PLACE, "outcome"))
        self.requests = self._counter(
            "casino_http_requests_total", "HTTP answers by status.", ("version", "route", "code")
        )
        self.durations = Histogram(
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
        return Counter(name, text, labels, registry=self.registry)

    def _start_at_zero(self, service: str) -> None:
        self._drift.labels(self.version)
        self._duplicates.labels(self.version)
        for market, brand in product(MARKETS, BRANDS):
            place = (self.version, market, brand)
            if service == "payments":
                for psp in PROVIDERS:
                    for outcome in ("credited", "declined", "failed"):
                        self.deposits.labels(*place, psp, outcome)
                    for outcome in ("paid", "refused", "failed"):
                        self.withdrawals.labels(*place, psp, outcome)
            elif service == "auth":
                for outcome in ("ok", "wrong_credentials", "refused", "failed"):
                    self.logins.labels(*place, outcome)
            elif service == "games":
                for game, outcome in product(GAMES, ("settled", "refused", "failed")):
                    self.bets.labels(*place, game, outcome)
            elif service == "promo":
                for outcome in ("granted", "repeated", "refused", "failed"):
                    self.claims.labels(*place, outcome)
        if service == "games":
            self.round_trips.labels(self.version)
