"""Bonus claims as transactions: one per player and offer, whoever asks how often. Called by the promo service."""

from __future__ import annotations

from casino.book import Book, Kind, Leg
from casino.identity import Player, require_playable
from casino.world import MARKETS, Offer


def claim(book: Book, player: Player, offer: Offer) -> tuple[bool, int]:
    """Grant the bonus unless the player has it; returns whether it was granted now, and the amount of the claim.

    Raises `Refusal` (403) for excluded players.
    """
    key = (player.id, offer.code)
    row = book.tx.execute("SELECT amount FROM claims WHERE player_id = ? AND offer = ?", key).fetchone()
    if row is not None:
        return False, int(row["amount"])
    require_playable(book.tx, player.id)
    book.tx.execute(
        "INSERT INTO claims (player_id, offer, amount) VALUES (?, ?, ?)", (player.id, offer.code, offer.amount_minor)
    )
    currency = MARKETS[player.market].currency
    purse = book.account("player", player.id, currency)
    bonus = book.account("bonus", offer.code, currency)
    legs = (Leg(bonus, -offer.amount_minor), Leg(purse, offer.amount_minor))
    book.post(Kind.BONUS, f"{player.id}/{offer.code}", player.id, legs)
    return True, offer.amount_minor
