"""The casino's fixed world: markets, brands, payment providers, games and offers, with the shares that players show.

Label values of every metric come from here, so that they stay bounded. All names are fictitious.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Market:
    """A licensed market; `weight` is its share of the players."""

    code: str
    currency: str
    weight: float


@dataclass(frozen=True, slots=True)
class Provider:
    """A simulated PSP. Declines are the issuers' decisions, which are nobody's failure."""

    name: str
    share: float
    median_latency_s: float
    decline_share: float


@dataclass(frozen=True, slots=True)
class Studio:
    """Who makes and runs games; a studio in trouble takes all of its games with it."""

    name: str
    games: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A bonus that a player may claim once; the amount is in minor units of the player's currency."""

    code: str
    amount_minor: int


MARKETS = {
    market.code: market for market in (Market("DE", "EUR", 0.5), Market("SE", "SEK", 0.3), Market("MT", "EUR", 0.2))
}
BRANDS = ("aurora", "bluefin")
PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider("kestrel", 0.5, 0.012, 0.04),
        Provider("velora", 0.3, 0.025, 0.08),
        Provider("tarn", 0.2, 0.045, 0.12),
    )
}
SLOTS = ("comet", "harbour")
TABLE = "roulette"
GAMES = (*SLOTS, TABLE)
STUDIOS = {studio.name: studio for studio in (Studio("orbit", ("comet",)), Studio("lagoon", ("harbour", "roulette")))}
STUDIO_OF = {game: studio.name for studio in STUDIOS.values() for game in studio.games}
OFFERS = {offer.code: offer for offer in (Offer("welcome", 1_000), Offer("reload", 500), Offer("weekend", 250))}
SERVICES = ("auth", "payments", "games", "promo")
UNKNOWN = "unknown"
"""Label value for a market or brand that a request did not name correctly."""
