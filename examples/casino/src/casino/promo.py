"""The promo service: `python -m casino.promo`. Bonus claims, one per player and offer."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from casino import bonuses
from casino.errors import Refusal
from casino.requests import house_of, read, respond, session
from casino.serve import serve
from casino.world import OFFERS


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /promo/claim."""

    offer: Literal["welcome", "reload", "weekend"]


async def list_offers(_request: Request) -> Response:
    """The offers, with amounts in minor units of the player's currency."""
    return respond({"offers": [{"code": offer.code, "amount_minor": offer.amount_minor} for offer in OFFERS.values()]})


async def claim(request: Request) -> Response:
    """Claim a bonus. The answer is the same however often it is asked; money moves once."""
    house, player = house_of(request), session(request)
    offer = OFFERS[(await read(request, Claim)).offer]
    outcome = "failed"
    try:
        failed = ("claim-error", "claim_failed", "the claim failed; nothing was granted")
        house.faults.trip(*failed, market=player.market, brand=player.brand)
        granted, amount = await house.database.write(lambda tx: bonuses.claim(house.book(tx), player, offer))
        outcome = "granted" if granted else "repeated"
    except Refusal as refusal:
        outcome = "refused" if refusal.status < 500 else "failed"
        raise
    finally:
        house.metrics.claims.labels(house.version, player.market, player.brand, outcome).inc()
    return respond({"offer": offer.code, "status": "granted", "amount_minor": amount})


ROUTES = [
    Route("/promo/offers", list_offers),
    Route("/promo/claim", claim, methods=["POST"]),
]

if __name__ == "__main__":
    raise SystemExit(serve("promo", ROUTES))
