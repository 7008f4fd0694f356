"""Players told apart by a plain cookie, through a real Envoy: the bucket is salted as it is for a header."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from croupier.adapters.routing.envoy import EnvoyRouter
from croupier.control.ports import TrafficTable
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import canary_routes
from croupier.core.segments import bucket

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
TableOf = Callable[..., TrafficTable]

SERVICE = Service("payments", ("/payments",), ProcessTemplate(command=("unused",)), identity_cookie="player.id")


async def version(client: httpx.AsyncClient, cookie: str | None, **headers: str) -> str:
    sent = headers if cookie is None else {**headers, "cookie": cookie}
    answer = await client.get("/payments", headers=sent)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["version"])


@pytest.mark.parametrize("salt", ["payments/7", "ä\\1 salt"])
async def test_players_are_where_python_predicts_and_never_come_back(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, salt: str
) -> None:
    instances = [await upstream("1.0.0"), await upstream("1.1.0")]
    players = [f"player-{number}" for number in range(300)]
    canary: set[str] = set()
    for weight in (0, 500, 5_000, 10_000):
        routes = canary_routes("payments", "1.0.0", "1.1.0", weight, salt=salt)
        await router.apply(table_of(routes, *instances, service=SERVICE))
        assert await router.served() == {"payments": routes}
        predicted = {player for player in players if bucket(salt, player) < weight}
        served = {
            player
            for number, player in enumerate(players)
            if await version(client, f"a=1; player.id={player}" if number % 2 else f"player.id={player}; z=player.id=x")
            == "1.1.0"
        }
        assert served == predicted
        assert canary <= (canary := served)


ODD: dict[str, tuple[str | None, str]] = {
    "no cookie": (None, "1.0.0"),
    "another cookie": ("a=1", "1.0.0"),
    "an empty one": ("player.id=", "1.0.0"),
    "an empty one among others": ("a=1; player.id=; b=2", "1.0.0"),
    "a name that ends like it": ("xplayer.id=p", "1.0.0"),
    "a name that only a pattern takes for it": ("playerXid=p", "1.0.0"),
    "in upper case": ("PLAYER.ID=p", "1.0.0"),
    "in another's value": ("a=player.id=p", "1.0.0"),
    "without a space": ("a=1;player.id=p", "1.1.0"),
    "the only one": ("player.id=p", "1.1.0"),
}


@pytest.mark.parametrize("kind", ODD)
async def test_who_has_no_such_cookie_is_a_guest(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, kind: str
) -> None:
    routes = canary_routes("payments", "1.0.0", "1.1.0", 9_999, salt="s")
    await router.apply(table_of(routes, await upstream("1.0.0"), await upstream("1.1.0"), service=SERVICE))
    cookie, expected = ODD[kind]
    for _ in range(3):
        assert await version(client, cookie, **{"x-player-id": "p"}) == expected
