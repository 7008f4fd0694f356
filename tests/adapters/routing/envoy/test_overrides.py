"""Asking for a version: who may, where it leads, and that it never leads anywhere else; on a real Envoy."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm
from tests.adapters.routing.tokens import ISSUER as PLAYERS_ISSUER
from tests.adapters.routing.tokens import Issuer, write_jwks

from croupier.adapters.clock import SystemClock
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.bootstrap import DURATION_HISTOGRAM, REQUESTS_COUNTER, STATS_PATH
from croupier.adapters.routing.envoy.override_routes import is_ours
from croupier.adapters.routing.envoy.players import Players
from croupier.adapters.routing.envoy.readback import parse_routes
from croupier.adapters.routing.envoy.routes import render_routes
from croupier.adapters.routing.envoy.version_tokens import OverrideKey
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.core.smoke.override import ASKED, AUDIENCE, ISSUER, MARK, TOKEN_HEADER
from croupier.errors import Corrupt, Rejected

Start = Callable[..., Awaitable[Any]]
Eventually = Callable[..., Awaitable[None]]

OLD, NEW = VersionKey("payments", "1.0.0"), VersionKey("payments", "1.1.0")


def service(name: str) -> Service:
    return Service(name, (f"/{name}",), ProcessTemplate(command=("unused",)))


def table(*instances: Any, weight: int = 0, also: Collection[VersionKey] = ()) -> TrafficTable:
    stable = stable_routes("payments", "1.0.0")
    routes = canary_routes("payments", "1.0.0", "1.1.0", weight, salt="s") if weight else stable
    lobby = RoutedService(service("lobby"), stable_routes("lobby", "1.0.0"))
    backends = [Backend(VersionKey("payments", one.version), (one.endpoint,)) for one in instances]
    backends += [Backend(key, ()) for key in also]
    backends.append(Backend(VersionKey("lobby", "1.0.0"), (instances[0].endpoint,)))
    return TrafficTable((RoutedService(service("payments"), routes), lobby), tuple(backends))


@pytest.fixture
def key(tmp_path: Path) -> OverrideKey:
    return OverrideKey(tmp_path / "override.key", SystemClock())


@pytest.fixture
def settings(settings: EnvoySettings, key: OverrideKey) -> EnvoySettings:
    return replace(settings, override_jwks=key.jwks)


def asking(token: str) -> dict[str, str]:
    return {"x-player-id": "p", TOKEN_HEADER: token}


def test_the_key_is_kept_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "override.key"
    first, again = OverrideKey(path, SystemClock()), OverrideKey(path, SystemClock())
    assert path.stat().st_mode & 0o077 == 0
    assert first.jwks == again.jwks
    assert '"d"' not in first.jwks
    with pytest.raises(Rejected, match="cannot live for 3601 s"):
        first.sign([NEW], 3601.0, "ann")
    path.write_text(first.jwks)
    with pytest.raises(Rejected, match="no private P-256 key"):
        OverrideKey(path, SystemClock())


def test_what_is_rendered_is_read_back_and_nothing_else(settings: EnvoySettings) -> None:
    stable = stable_routes("payments", "1.0.0")
    whole = TrafficTable((RoutedService(service("payments"), stable),), (Backend(OLD, ()), Backend(NEW, ())))
    rendered = render_routes(whole, settings)
    assert parse_routes(rendered) == {"payments": stable}
    routes = rendered["virtual_hosts"][0]["routes"]
    asked = next(route for route in routes if route["match"].get("headers", [{}])[0].get("name") == ASKED)
    asked["route"]["cluster"] = "payments@9.9.9"
    with pytest.raises(Corrupt, match="leads elsewhere"):
        parse_routes(rendered)


@pytest.mark.parametrize(
    "match,ours",
    [
        ({"prefix": "/", "headers": [{"name": "x-mine", "present_match": True}]}, False),
        ({"prefix": "/", "headers": [{"name": ASKED, "string_match": {"exact": "a"}}]}, False),
        ({"prefix": "/"}, False),
    ],
)
def test_routes_of_others_are_not_ours(match: dict[str, Any], *, ours: bool) -> None:
    assert is_ours({"match": match, "route": {"cluster": "theirs"}}) is ours


@pytest.mark.envoy
async def test_a_signed_request_reaches_the_version_before_any_player(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, key: OverrideKey, eventually: Eventually
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table(old, new))
    token = key.sign([NEW], 60.0, "ann")
    there = (await client.get("/payments", headers=asking(token))).json()
    assert there["version"] == "1.1.0"
    assert there["headers"][MARK] == "1"
    assert not {TOKEN_HEADER, ASKED} & there["headers"].keys(), "no service can use it a second time"
    back = (await client.get("/payments", headers=asking(key.sign([OLD], 60.0, "ann")))).json()
    assert back["version"] == "1.0.0"

    other = (await client.get("/lobby", headers=asking(token))).json()
    assert (other["version"], other["headers"][MARK]) == ("1.0.0", "1")  # not asked for there, and marked all the same

    player = (await client.get("/payments", headers={"x-player-id": "p", MARK: "1", ASKED: "|payments@1.1.0|"})).json()
    assert player["version"] == "1.0.0"
    assert MARK not in player["headers"], "nobody marks themselves"

    async def counted() -> list[str]:
        async with httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(router.admin_socket)), timeout=60
        ) as admin:
            lines = (await admin.get(f"http://envoy{STATS_PATH}")).text.splitlines()
        return [line for line in lines if line.startswith((REQUESTS_COUNTER, f"{DURATION_HISTOGRAM}_count"))]

    async def settled() -> bool:
        return len(await counted()) == 2

    await eventually(settled)
    assert [line.rpartition(" ")[2] for line in await counted()] == ["1", "1"], "only the player was counted"


@pytest.mark.envoy
async def test_who_is_not_permitted_is_refused_and_nobody_is_led_elsewhere(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, key: OverrideKey, tmp_path: Path
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table(old, new, also=(VersionKey("payments", "1.2.0"),)))
    foreign = OverrideKey(tmp_path / "other.key", SystemClock())
    ours = json.loads((tmp_path / "override.key").read_text())["keys"][0]

    def signed(**claims: Any) -> str:
        usual = {"iss": ISSUER, "aud": AUDIENCE, "versions": "|payments@1.1.0|", "smoke": "1", "exp": time.time() + 60}
        content = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(content, jwt.PyJWK(ours).key, "ES256", {"kid": ours["kid"]})

    bad = {
        "nonsense": "nonsense",
        "empty": "",
        "another key": foreign.sign([NEW], 60.0, "mallory"),
        "expired": signed(exp=time.time() - 60),
        "endless": signed(exp=None),
        "for others": signed(aud="play"),
        "by others": signed(iss="https://login.example"),
        "unsigned": jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "versions": "|payments@1.1.0|"}, "", "none"),
    }
    for what, token in bad.items():
        answer = await client.get("/payments", headers=asking(token))
        assert answer.status_code == 403, what
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"].startswith("The version token is not valid here")
    assert (old.hits, new.hits) == (0, 0)

    gone = await client.get("/payments", headers=asking(key.sign([VersionKey("payments", "9.9.9")], 60.0, "ann")))
    assert (gone.status_code, gone.headers[TOKEN_HEADER]) == (503, "not-running")
    assert gone.json()["title"] == "The version of payments that was asked for does not run."
    starting = await client.get("/payments", headers=asking(key.sign([VersionKey("payments", "1.2.0")], 60.0, "ann")))
    assert starting.status_code == 503
    await new.stop()
    assert (await client.get("/payments", headers=asking(key.sign([NEW], 60.0, "ann")))).status_code == 503
    assert old.hits == 0, "nobody is led to another version in silence"


@pytest.mark.envoy
async def test_without_a_key_nobody_asks(settings: EnvoySettings, upstream: Start, key: OverrideKey) -> None:
    router = EnvoyRouter(replace(settings, override_jwks=None))
    await router.start()
    try:
        await router.apply(table(await upstream("1.0.0"), await upstream("1.1.0")))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", timeout=60) as http:
            answer = await http.get("/payments", headers=asking(key.sign([NEW], 60.0, "ann")))
        assert answer.json()["version"] == "1.0.0"
    finally:
        await router.stop(keep_serving=False)


@pytest.fixture
async def verifying(settings: EnvoySettings, tmp_path: Path) -> AsyncIterator[tuple[EnvoyRouter, Issuer]]:
    """An edge that verifies players, too."""
    issuer = Issuer()
    players = Players(write_jwks(tmp_path / "play.jwks", issuer.jwk), issuer=PLAYERS_ISSUER)
    router = EnvoyRouter(replace(settings, players=players))
    await router.start()
    yield router, issuer
    await router.stop(keep_serving=False)


@pytest.mark.envoy
async def test_it_goes_together_with_players_tokens(
    verifying: tuple[EnvoyRouter, Issuer], client: httpx.AsyncClient, upstream: Start, key: OverrideKey
) -> None:
    router, issuer = verifying
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table(old, new))
    login = {"authorization": f"Bearer {issuer.token('ann')}"}
    asked = {TOKEN_HEADER: key.sign([NEW], 60.0, "ann")}
    there = (await client.get("/payments", headers={**login, **asked})).json()
    assert (there["version"], there["headers"]["x-player-id"], there["headers"][MARK]) == ("1.1.0", "ann", "1")
    here = (await client.get("/payments", headers=login)).json()
    assert (here["version"], here["headers"]["x-player-id"]) == ("1.0.0", "ann")
    as_player = {**login, TOKEN_HEADER: issuer.token("ann", aud=AUDIENCE, iss=ISSUER, versions="|payments@1.1.0|")}
    assert (await client.get("/payments", headers=as_player)).status_code == 403, "players sign no versions"


@pytest.mark.envoy
async def test_no_trick_of_a_client_reaches_a_version(
    router: EnvoyRouter, settings: EnvoySettings, upstream: Start, key: OverrideKey, tmp_path: Path
) -> None:
    """Sent as bytes, as no well-behaved client would."""
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table(old, new))
    good = key.sign([NEW], 60.0, "ann")
    head, body, signature = good.split(".")
    public = json.loads(key.jwks)["keys"][0]
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 60, "versions": "|payments@1.1.0|", "smoke": "1"}
    as_secret = f"{public['x']}{public['y']}"  # what everybody may know, taken for a shared secret
    mine = ECAlgorithm.to_jwk(mallory := generate_private_key(SECP256R1()), as_dict=True)
    brought = {"jwk": {name: value for name, value in mine.items() if name != "d"}, "kid": public["kid"]}
    bad = [
        f"{TOKEN_HEADER}: {jwt.encode(claims, as_secret, 'HS256', {'kid': public['kid']})}",
        f"{TOKEN_HEADER}: {jwt.encode(claims, mallory, 'ES256', brought)}",
        f"{TOKEN_HEADER}: {head}.{body}.{signature[:-2]}",
        f"{TOKEN_HEADER}: {head}.{body}.",
        f"{TOKEN_HEADER}: {good},{good}",
        f"{TOKEN_HEADER}: Bearer {good}",
        f"{TOKEN_HEADER}:\r\nAuthorization: Bearer {good}",
    ]
    for lines in bad:
        assert " 403 " in (await raw(settings.port, "/payments", lines))[0], lines
    assert (old.hits, new.hits) == (0, 0)
    # Of several, one is valid: it leads where it says or nowhere, and none of them goes on to the service.
    for one, other in (("nonsense", good), (good, "nonsense"), (good, good)):
        status, text = await raw(settings.port, "/payments", f"{TOKEN_HEADER}: {one}\r\n{TOKEN_HEADER}: {other}")
        if " 403 " not in status:
            assert json.loads(text)["version"] == "1.1.0"
            assert TOKEN_HEADER not in json.loads(text)["headers"]
    assert old.hits == 0
    new.hits = 0
    strangers = [
        (f"/payments?{TOKEN_HEADER}={good}&access_token={good}", f"Authorization: Bearer {good}"),
        ("/payments", f"Cookie: {TOKEN_HEADER}={good}"),
        ("/payments", f"Connection: {TOKEN_HEADER}\r\n{TOKEN_HEADER.upper()}: {good}"),
        ("/payments", "X-Croupier-Asked: |payments@1.1.0|\r\nX-CROUPIER-SMOKE: 1\r\nx-croupier-shadow: 1"),
        ("/payments", "Connection: x-croupier-asked\r\nx-croupier-asked: |payments@1.1.0|"),
    ]
    for path, lines in strangers:
        status, text = await raw(settings.port, path, lines)
        assert " 200 " in status, lines
        assert json.loads(text)["version"] == "1.0.0", lines
        assert "x-croupier" not in text.replace("/payments", ""), lines
    for lines in ("croupier_version: nonsense", "x_croupier_smoke: 1", "x-croupier-smoke : 1"):
        assert " 400 " in (await raw(settings.port, "/payments", lines))[0], lines
    assert new.hits == 0


async def raw(port: int, path: str, lines: str) -> tuple[str, str]:
    """The status line and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: casino\r\nx-player-id: p\r\n{lines}\r\n\r\n".encode())
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        return head.split("\r\n")[0] + " ", body.decode()
    finally:
        writer.close()
