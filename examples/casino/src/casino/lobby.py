"""The lobby: the games that a player may choose from, in the order that the experiment `new_lobby` gives them.

Games of a studio that is switched off are not shown. Called by the games service; reads only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from casino.identity import Player
from casino.world import GAMES

MOST_RECENT = 200
"""So many of the latest rounds say what is popular."""


def classic(_tx: sqlite3.Connection, _player: Player) -> list[str]:
    """The same fixed order for everybody."""
    return list(GAMES)


def recent(tx: sqlite3.Connection, player: Player) -> list[str]:
    """What this player played last comes first."""
    rows = tx.execute(
        "SELECT game, max(opened_at) AS last FROM rounds WHERE subject >= ? AND subject < ? GROUP BY game "
        "ORDER BY last DESC",
        (f"{player.id}/", f"{player.id}0"),  # "0" follows "/": all rounds of the player, by the primary key
    )
    return _first([row["game"] for row in rows])


def popular(tx: sqlite3.Connection, player: Player) -> list[str]:
    """What players of the same market play at the moment comes first."""
    rows = tx.execute(
        "SELECT game, count(*) AS times FROM (SELECT game, player_id FROM rounds ORDER BY opened_at DESC LIMIT ?) "
        "JOIN players ON players.id = player_id WHERE market = ? GROUP BY game ORDER BY times DESC, game",
        (MOST_RECENT, player.market),
    )
    return _first([row["game"] for row in rows])


LAYOUTS: Mapping[str, Callable[[sqlite3.Connection, Player], list[str]]] = {
    "classic": classic,
    "recent": recent,
    "popular": popular,
}


def _first(games: list[str]) -> list[str]:
    return [*games, *(game for game in GAMES if game not in games)]
