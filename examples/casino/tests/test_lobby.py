"""The lobby in each of the experiment's orders, and games of a studio that is switched off."""

from __future__ import annotations

import sqlite3

import httpx
import pytest
from starlette.applications import Starlette

from casino import identity, lobby
from casino.bonuses import claim
from casino.errors import Refusal
from casino.games import ROUTES
from casino.house import House
from casino.identity import Newcomer, Player
from casino.ledger import check, extent
from casino.requests import refuse
from casino.rounds import Bet, place, settle
from casino.table import require_studio
from casino.testing import OpenHouse
from casino.world import GAMES, OFFERS

ANN = Player(identity.player_id("ann"), "DE", "aurora")
BEN = Player(identity.player_id("ben"), "DE", "aurora")
CEM = Player(identity.player_id("cem"), "SE", "aurora")


def arrive(house: House, login: str, player: Player, games: tuple[str, ...]) -> None:
    """A new player with a bonus plays one round of each game."""

    def all_of_it(tx: sqlite3.Connection) -> None:
        identity.add_player(tx, Newcomer(login, "pbkdf2$1$00$00", "A" * 32, player.market, player.brand))
        book = house.book(tx)
        claim(book, player, OFFERS["welcome"])
        for number, game in enumerate(games):
            bet = Bet(player, f"r{number}", game, 10, game)
            place(book, bet, 0)
            settle(book, bet)

    house.database.write_now(all_of_it)


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """Ann played the roulette, then comet; Ben, in the same market, harbour twice; Cem, elsewhere, comet often."""
    house = open_house()
    arrive(house, "ann", ANN, ("roulette", "comet"))
    arrive(house, "ben", BEN, ("harbour", "harbour"))
    arrive(house, "cem", CEM, ("comet",) * 5)
    return house


@pytest.mark.parametrize(
    "layout, player, games",
    [
        ("classic", ANN, list(GAMES)),
        ("recent", ANN, ["comet", "roulette", "harbour"]),
        ("recent", BEN, ["harbour", "comet", "roulette"]),
        ("popular", ANN, ["harbour", "comet", "roulette"]),
        ("popular", CEM, ["comet", "harbour", "roulette"]),
    ],
)
async def test_each_layout_has_its_order(house: House, layout: str, player: Player, games: list[str]) -> None:
    assert await house.database.read(lambda tx: lobby.LAYOUTS[layout](tx, player)) == games
    assert check(house.database.path) == []


async def test_the_page_shows_the_variant_without_games_that_are_off(open_house: OpenHouse, house: House) -> None:
    del house
    experiment = {"variants": {"classic": "classic", "recent": "recent"}, "off": "classic", "default": "recent"}
    own = open_house({"new_lobby": experiment, "studio_lagoon": False})
    app = Starlette(routes=ROUTES, exception_handlers={Refusal: refuse})
    app.state.house = own
    headers = {"authorization": f"Bearer {own.tokens.issue(ANN)}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://casino", headers=headers) as player:
        shown = (await player.get("/games/lobby")).json()
        assert shown == {"layout": "recent", "games": ["comet"]}
        spin = {"round_id": "x", "game": "harbour", "stake_minor": 10}
        refused = await player.post("/games/spin", json=spin)
        assert (refused.status_code, refused.json()["code"]) == (409, "game_unavailable")
        assert "harbour is not played at the moment and nothing was taken; try comet" in refused.json()["detail"]
        played = await player.post("/games/spin", json={**spin, "game": "comet"})
        assert played.json()["status"] == "settled"
    lines = [line for line in own.metrics.exposition().decode().splitlines() if line.endswith(" 1.0")]
    views = [line for line in lines if line.startswith("casino_lobby_views_total")]
    bets = [line for line in lines if line.startswith("casino_bets_total")]
    assert (len(views), len(bets)) == (1, 2), "one view, a settled bet and a refused one"
    assert all('flag="new_lobby",flag_variant="recent"' in line for line in [*views, *bets])


async def test_a_round_that_has_begun_is_finished_while_its_studio_is_off(house: House, open_house: OpenHouse) -> None:
    bet = Bet(ANN, "open", "roulette", 10, "roulette")
    await house.database.write(lambda tx: place(house.book(tx), bet, 2))
    own = open_house({"studio_lagoon": False, "studio_orbit": False})
    with pytest.raises(Refusal, match="try later"):
        require_studio(own, bet)
    again = await own.database.write(lambda tx: place(own.book(tx), bet, 0, lambda: require_studio(own, bet)))
    assert again is None
    answer = await own.database.write(lambda tx: settle(own.book(tx), bet))
    assert answer.document["win_minor"] == 20
    assert extent(own.database.path).open == 0
    assert check(own.database.path) == []
