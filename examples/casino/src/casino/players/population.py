"""Who plays: a pool of people drawn from a seed, the same for the same seed, with their own authenticators."""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import dataclass
from typing import Any

import pyotp

from casino.identity import player_id
from casino.world import BRANDS, MARKETS

BRAND_WEIGHTS = (0.6, 0.4)


@dataclass(slots=True)
class Person:
    """One player, as the player knows oneself. `known` to the casino from registration or import on."""

    login: str
    password: str
    totp_secret: str
    market: str
    brand: str
    excluded: bool
    id: str = ""
    known: bool = False
    visits: int = 0
    employee: bool = False

    def code(self) -> str:
        """The authenticator's code of this moment."""
        return pyotp.TOTP(self.totp_secret).now()

    def headers(self) -> dict[str, str]:
        """The identity that the edge routes by; nobody has one before registration."""
        return {"x-player-id": self.id, "x-market": self.market, "x-brand": self.brand} if self.known else {}

    def form(self) -> dict[str, Any]:
        """This player in POST /auth/import."""
        return {
            "login": self.login,
            "password": self.password,
            "market": self.market,
            "brand": self.brand,
            "totp_secret": self.totp_secret,
            "excluded": self.excluded,
            "employee": self.employee,
        }


def draw_person(dice: random.Random, name: str, excluded: bool = False) -> Person:
    """A person with market and brand drawn by their shares, unknown to the casino so far."""
    digest = hashlib.blake2b(name.encode(), digest_size=20).digest()
    markets = list(MARKETS.values())
    market = dice.choices(markets, [market.weight for market in markets])[0].code
    return Person(
        login=name,
        password=f"pw-{digest[:8].hex()}",
        totp_secret=base64.b32encode(digest).decode(),
        market=market,
        brand=dice.choices(BRANDS, BRAND_WEIGHTS)[0],
        excluded=excluded,
        employee=digest[-1] == 0,  # one of 256; registration makes nobody an employee, only import does
    )


def draw_pool(seed: int, size: int, excluded_share: float) -> list[Person]:
    """The pool that is imported before play; ids follow from the logins."""
    dice = random.Random(f"pool:{seed}")
    pool = [draw_person(dice, f"s{seed}-{n}", dice.random() < excluded_share) for n in range(size)]
    for person in pool:
        person.id, person.known = player_id(person.login), True
    return pool
