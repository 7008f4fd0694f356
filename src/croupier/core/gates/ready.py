"""Ready-made gates: what casinos count, what is asked of it, how it is judged. Data; ``ready: NAME`` names one.

Each is a whole ``Gate``: its fields are the defaults of a gate that names it. Metric names and labels are those of the
example casino, which a test scrapes for every one of them; where yours differ, the gate says so (``metric``, ``good``).
"""

from dataclasses import dataclass
from typing import Final

from croupier.core.gates.model import (
    BY_GROUP,
    BurnRule,
    ClassicRule,
    Comparison,
    Gate,
    HardStop,
    Objective,
    PopulationRule,
    SequentialRule,
)
from croupier.core.gates.sli import EventsSli, LatencySli, RatioSli

POPULATION: Final = "sample-ratio"
"""The one whose events are counted and not judged."""

EDGE: Final = "every service"
"""Counted by the edge: no service needs to export anything."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A ready-made gate, the services that count what it asks for, and what its counts mean."""

    gate: Gate
    counted_by: str
    meaning: str

    @property
    def name(self) -> str:
        return self.gate.name


def _codes(*classes: int) -> tuple[str, ...]:
    """HTTP status codes by class, as gates in files spell them, and the players who left before their answer."""
    spelled = (code for each in classes for code in (f"{each}xx", *map(str, range(100 * each, 100 * each + 100))))
    return (*spelled, "0")


_SLOWLY: Final = ClassicRule(interval_s=60.0, window_s=600.0, consecutive=3, min_samples=50)

READY: Final = (
    Ready(
        Gate(
            "login-success",
            RatioSli(
                "casino_logins_total",
                good=(("outcome", ("ok", "wrong_credentials", "refused")),),
                total=(("outcome", ("ok", "wrong_credentials", "refused", "failed")),),
            ),
            by=("market",),
            objective=Objective(0.995),
            comparison=Comparison(),
            rule=BY_GROUP,
            description="Players get in. A wrong password or a self-excluded player is an answer, not a failure.",
        ),
        "auth",
        "logins that were answered, of all",
    ),
    Ready(
        Gate(
            "deposit-success",
            RatioSli(
                "casino_deposits_total",
                good=(("outcome", ("credited",)),),
                total=(("outcome", ("credited", "failed")),),
            ),
            by=("psp", "market"),
            objective=Objective(0.99),
            comparison=Comparison(),
            hard_stop=HardStop(failing=0.5, samples=20),
            rule=BY_GROUP,
            description="Deposits reach the player's account. A card that its issuer declines does not count.",
        ),
        "payments",
        "deposits credited, of those credited or failed",
    ),
    Ready(
        Gate(
            "bet-success",
            RatioSli(
                "casino_bets_total",
                good=(("outcome", ("settled",)),),
                total=(("outcome", ("settled", "failed")),),
            ),
            by=("game",),
            objective=Objective(0.999),
            comparison=Comparison(),
            hard_stop=HardStop(failing=0.5, samples=20),
            rule=BY_GROUP,
            description="Bets are settled. A player without enough money is refused, rightly, and does not count.",
        ),
        "games",
        "bets settled, of those settled or failed",
    ),
    Ready(
        Gate(
            "withdrawal-success",
            RatioSli(
                "casino_withdrawals_total",
                good=(("outcome", ("paid",)),),
                total=(("outcome", ("paid", "failed")),),
            ),
            by=("psp",),
            objective=Objective(0.985),
            comparison=Comparison(),
            rule=BY_GROUP,
            description="Withdrawals are paid out, whichever provider pays them.",
        ),
        "payments",
        "withdrawals paid, of those paid or failed",
    ),
    Ready(
        Gate(
            "api-p95",
            LatencySli("edge_request_duration_seconds", 0.4),
            objective=Objective(0.95),
            rule=SequentialRule(),
            description="95 % of answers reach the player within 400 ms, and the canary is not slower.",
        ),
        EDGE,
        "answers within 400 ms, of all, measured at the edge",
    ),
    Ready(
        Gate(
            "api-p99",
            LatencySli("edge_request_duration_seconds", 1.0),
            objective=Objective(0.99),
            rule=SequentialRule(),
            description="99 % of answers reach the player within a second, and the canary is not slower.",
        ),
        EDGE,
        "answers within one second, of all, measured at the edge",
    ),
    Ready(
        Gate(
            "ws-round-trip",
            LatencySli("casino_ws_round_trip_seconds", 0.1),
            objective=Objective(0.99),
            rule=SequentialRule(),
            description="Live tables answer within 100 ms, 99 times of 100.",
        ),
        "games",
        "WebSocket messages answered within 100 ms, of all",
    ),
    Ready(
        Gate(
            "edge-5xx",
            RatioSli("edge_requests_total", good=(("code", _codes(1, 2, 3, 4)),)),
            objective=Objective(0.99),
            comparison=Comparison(),
            hard_stop=HardStop(failing=0.5, samples=50),
            rule=SequentialRule(),
            description="Players get answers, counted by the edge, also when the service cannot count any more.",
        ),
        EDGE,
        "answers other than 5xx, of all",
    ),
    Ready(
        Gate(
            "edge-4xx",
            RatioSli("edge_requests_total", good=(("code", _codes(1, 2, 3, 5)),)),
            comparison=Comparison(max_ratio=1.25),
            rule=SequentialRule(),
            description="The canary turns down no more requests than the stable version: no route or field is gone.",
        ),
        EDGE,
        "answers other than 4xx, of all; compared only, since players' own mistakes are no fault",
    ),
    Ready(
        Gate(
            "edge-5xx-burn",
            RatioSli("edge_requests_total", good=(("code", _codes(1, 2, 3, 4)),)),
            objective=Objective(0.99),
            rule=BurnRule(window_s=900.0, short_s=60.0, factor=10.0, min_samples=50),
            description="The error budget of 99 % is not burnt ten times too fast over 15 minutes and still now.",
        ),
        EDGE,
        "answers other than 5xx, of all",
    ),
    Ready(
        Gate(
            "retry-queue-age",
            LatencySli("casino_retry_queue_age_seconds", 30.0),
            objective=Objective(0.95),
            comparison=Comparison(max_ratio=1.2, slack=0.02),
            rule=_SLOWLY,
            description="Payments that were left unfinished are finished soon: none waits longer than 30 s.",
        ),
        "payments",
        "looks at the queue that found nothing older than 30 s, of all looks",
    ),
    Ready(
        Gate(
            "retry-queue-depth",
            LatencySli("casino_retry_queue_depth", 20.0),
            objective=Objective(0.95),
            comparison=Comparison(max_ratio=1.2, slack=0.02),
            rule=_SLOWLY,
            description="Unfinished payments do not pile up: at most 20 of a version wait to be tried again.",
        ),
        "payments",
        "looks at the queue that found at most 20 payments, of all looks",
    ),
    Ready(
        Gate(
            "registration-conversion",
            RatioSli(
                "casino_registrations_total",
                good=(("outcome", ("deposited",)),),
                total=(("outcome", ("deposited", "left")),),
            ),
            by=("market",),
            comparison=Comparison(max_ratio=1.05, slack=0.02),
            rule=ClassicRule(interval_s=60.0, window_s=900.0, consecutive=5, min_samples=50),
            advisory=True,
            description="Newcomers make their first deposit. Slow and noisy, so it advises; its guard stops.",
        ),
        "auth",
        "newcomers who deposited in time, of those who did or did not; for the version of their first login",
    ),
    Ready(
        Gate(
            "registration-conversion-guard",
            RatioSli(
                "casino_registrations_total",
                good=(("outcome", ("deposited",)),),
                total=(("outcome", ("deposited", "left")),),
            ),
            hard_stop=HardStop(drop=0.15, samples=50),
            rule=ClassicRule(interval_s=60.0, window_s=900.0, consecutive=1, min_samples=1),
            description="The share of newcomers who deposit is not surely 15 % below the stable version's.",
        ),
        "auth",
        "newcomers who deposited in time, of those who did or did not; for the version of their first login",
    ),
    Ready(
        Gate(
            POPULATION,
            RatioSli("edge_requests_total", good=()),
            rule=PopulationRule(),
            description="The canary's players are as many as its weight says. It holds and never rolls back.",
        ),
        EDGE,
        "requests of the canary, of all; for a market by: [market], name a metric that has the label",
    ),
    Ready(
        Gate(
            "duplicate-transactions",
            EventsSli("casino_duplicate_transactions_total"),
            hard_stop=HardStop(events=1),
            description="Nobody pays twice for one bet or withdrawal. Once is enough to stop.",
        ),
        "payments, games, promo",
        "second debits of one payment or round",
    ),
    Ready(
        Gate(
            "ledger-drift",
            EventsSli("casino_ledger_drift_total"),
            hard_stop=HardStop(events=1),
            description="Every balance is the sum of its entries. One that is not ends the rollout at once.",
        ),
        "payments, games, promo",
        "balances that were not the sum of their entries",
    ),
)
"""In the order in which people look for them."""

BY_NAME: Final = {ready.name: ready for ready in READY}
