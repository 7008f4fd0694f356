"""Players whom the edge tells apart itself: tokens good and bad, through a real Envoy."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs
from tests.adapters.routing.tokens import AUDIENCE, ISSUER, Issuer, write_jwks

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.players import Players, Visitors
from croupier.control.ports import TrafficTable
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes, canary_routes
from croupier.core.segments import AttributeMatch, Segment, bucket
from croupier.core.segments.visitors import VISITOR_ISSUER
from croupier.sdk import visitors as sdk

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
TableOf = Callable[..., TrafficTable]
Eventually = Callable[..., Awaitable[None]]

ACCOUNTS = Issuer()
VISITORS = Issuer("v1")
SALT = "payments/7"
GERMANY = Segment("germany", (AttributeMatch("market", ("DE",)),))
STAFF = Segment("staff", (AttributeMatch("employee", ("true",)),))
SERVICE = Service(
    "payments",
    ("/payments",),
    ProcessTemplate(command=("unused",)),
    attribute_headers=(("brand", "x-brand"), ("employee", "X-Employee"), ("market", "x-market")),
)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def cookies(**values: str) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in values.items())}


def visitor(player: str, **claims: Any) -> str:
    return VISITORS.token(player, **{"iss": VISITOR_ISSUER, "aud": None, **claims})


def everybody(weight: int = 9_999, segment: Segment | None = None) -> ServiceRoutes:
    """Who is somebody here meets 1.1.0 (nobody is in the last bucket); a guest does only at 10 000."""
    return canary_routes("payments", "1.0.0", "1.1.0", weight, salt=SALT, segment=segment)


def player_in(low: int, high: int, name: str = "player") -> str:
    """Somebody whose bucket is in this range."""
    return next(f"{name}-{n}" for n in range(100_000) if low <= bucket(SALT, f"{name}-{n}") < high)


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    return write_jwks(tmp_path / "jwks.json", ACCOUNTS.jwk)


@pytest.fixture
def players(jwks: Path) -> Players:
    return Players(
        jwks_file=jwks,
        issuer=ISSUER,
        audiences=("other", AUDIENCE),
        cookie="session",
        claims=(("market", "x-market"), ("staff.employee", "X-Employee")),
        visitors=Visitors(write_jwks(jwks.with_name("visitors.key"), VISITORS.private_jwk)),
    )


@pytest.fixture
async def edge(settings: EnvoySettings, players: Players) -> AsyncIterator[EnvoyRouter]:
    router = EnvoyRouter(replace(settings, players=players))
    await router.start()
    yield router
    await router.stop(keep_serving=False)


@pytest.fixture
async def serve(edge: EnvoyRouter, upstream: Start, table_of: TableOf) -> Callable[[ServiceRoutes], Awaitable[None]]:
    instances = [await upstream("1.0.0"), await upstream("1.1.0")]

    async def apply(routes: ServiceRoutes) -> None:
        await edge.apply(table_of(routes, *instances, service=SERVICE))

    return apply


Serve = Callable[[ServiceRoutes], Awaitable[None]]


async def ask(client: httpx.AsyncClient, headers: Any) -> dict[str, Any]:
    answer = await client.get("/payments", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def version(client: httpx.AsyncClient, headers: Any) -> str:
    return str((await ask(client, headers))["version"])


async def test_a_verified_token_says_who_it_is(client: httpx.AsyncClient, serve: Serve) -> None:
    await serve(everybody())
    token = ACCOUNTS.token("p1", market="DE", staff={"employee": True})
    for headers in (bearer(token), cookies(session=token), cookies(other="x", session=token)):
        found = await ask(client, headers)
        assert found["version"] == "1.1.0"
        seen = found["headers"]
        assert (seen["x-player-id"], seen["x-market"], seen["x-employee"]) == ("p1", "de", "true")
        assert not [name for name in seen if name.startswith("x-croupier")], "what is for the edge ends there"
        assert token.lower() in str(seen), "services verify it themselves"


SPOOFED = [
    [("x-player-id", "p1")],
    [("X-PLAYER-ID", "p1"), ("x-Player-Id", "p2")],
    [("x-player-id", "p1"), ("x-market", "DE"), ("x-employee", "true")],
    [("x-croupier-player", "p1"), ("X-Croupier-Player", "p1"), ("x-croupier-verified-market", "DE")],
]


@pytest.mark.parametrize("spoofed", SPOOFED)
async def test_what_clients_say_of_themselves_is_not_heard(
    client: httpx.AsyncClient, serve: Serve, spoofed: list[tuple[str, str]]
) -> None:
    await serve(everybody())
    found = await ask(client, spoofed)
    assert found["version"] == "1.0.0"
    assert not {"x-player-id", "x-market", "x-employee", "x-croupier-player"} & set(found["headers"])
    found = await ask(client, [*spoofed, *bearer(ACCOUNTS.token("me")).items()])
    assert (found["version"], found["headers"]["x-player-id"]) == ("1.1.0", "me")
    assert not {"x-market", "x-employee"} & set(found["headers"]), "a claim that the token lacks is not filled in"


@pytest.mark.parametrize("segment, claims", [(GERMANY, {"market": "DE"}), (STAFF, {"staff": {"employee": True}})])
async def test_a_segment_is_those_whose_token_says_so(
    client: httpx.AsyncClient, serve: Serve, segment: Segment, claims: dict[str, Any]
) -> None:
    await serve(everybody(segment=segment))
    lies = {"x-market": "DE", "x-employee": "true", "x-croupier-verified-x-market": "DE"}
    assert await version(client, bearer(ACCOUNTS.token("p", **claims))) == "1.1.0"
    assert await version(client, {**bearer(ACCOUNTS.token("p")), **lies}) == "1.0.0"
    assert await version(client, lies) == "1.0.0"


async def test_a_header_is_refused_by_its_underscore(client: httpx.AsyncClient, serve: Serve) -> None:
    await serve(everybody())
    assert (await client.get("/payments", headers={"x_player_id": "p1"})).status_code == 400


def unsigned(**claims: Any) -> str:
    return jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "p", "exp": 2**40, **claims}, "", "none")


def signed_with_the_public_key() -> str:
    """HS256 with what everybody can read as its secret: the classic confusion of algorithms."""
    raw = ACCOUNTS.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "p", "exp": 2**40},
        base64.urlsafe_b64encode(raw),
        "HS256",
        headers={"kid": ACCOUNTS.kid},
    )


def tampered() -> str:
    head, content, signature = ACCOUNTS.token("p").split(".")
    other = json.loads(base64.urlsafe_b64decode(content + "=="))
    other["sub"] = "q"
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip('=')}.{signature}"


BAD: dict[str, Callable[[], str]] = {
    "expired": lambda: ACCOUNTS.token("p", lasts_s=-3_600),
    "not valid yet": lambda: ACCOUNTS.token("p", nbf=2**40),
    "valid for ever": lambda: ACCOUNTS.token("p", lasts_s=None),
    "of another key": lambda: Issuer().token("p"),
    "of another issuer": lambda: ACCOUNTS.token("p", iss="https://elsewhere.example"),
    "for another audience": lambda: ACCOUNTS.token("p", aud="backoffice"),
    "for no audience": lambda: ACCOUNTS.token("p", aud=None),
    "not signed": unsigned,
    "signed with the public key": signed_with_the_public_key,
    "changed": tampered,
    "a visitor's": lambda: visitor("p"),
    "of nobody": lambda: ACCOUNTS.token(None),
    "rubbish": lambda: "not.a.token",
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_makes_a_guest(client: httpx.AsyncClient, serve: Serve, kind: str) -> None:
    """No 401 of ours: a browser sends an expired cookie with the login page, too."""
    await serve(everybody())
    for headers in (bearer(BAD[kind]()), cookies(session=BAD[kind]())):
        found = await ask(client, {**headers, "x-player-id": "p"})
        assert (found["version"], "x-player-id" in found["headers"]) == ("1.0.0", False)


async def test_the_bearer_token_outranks_the_cookie_and_that_the_visitor(
    client: httpx.AsyncClient, serve: Serve
) -> None:
    await serve(everybody())
    old, mine, other = ACCOUNTS.token("old", lasts_s=-3_600), ACCOUNTS.token("mine"), ACCOUNTS.token("other")

    async def who(**headers: str) -> str:
        return str((await ask(client, headers))["headers"].get("x-player-id", "nobody"))

    every = cookies(session=other, croupier_visitor=visitor("v"))
    assert await who(**bearer(mine), **every) == "mine"
    assert await who(**bearer(old), **every) == "other"
    assert await who(**bearer("rubbish"), **every) == "other"
    assert await who(**cookies(session=old, croupier_visitor=visitor("v"))) == "nobody", "a visitor is no login"


async def test_players_are_where_python_predicts_and_never_come_back(client: httpx.AsyncClient, serve: Serve) -> None:
    tokens = {f"player-{n}": ACCOUNTS.token(f"player-{n}", market="DE" if n % 2 else "SE") for n in range(2_000)}
    canary: set[str] = set()
    for weight in (0, 1, 500, 2_500, 10_000):
        await serve(everybody(weight, GERMANY))
        served = {player: await version(client, bearer(token)) for player, token in tokens.items()}
        germans = {player for number, player in enumerate(tokens) if number % 2}
        predicted = {player for player in germans if bucket(SALT, player) < weight}
        assert {player for player, found in served.items() if found == "1.1.0"} == predicted
        assert canary <= (canary := predicted)


async def upgrade(settings: EnvoySettings, headers: dict[str, str]) -> str:
    """The version that a WebSocket is on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(
        f"GET /payments HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n{lines}\r\n".encode()
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    writer.write(b"x")
    found = (await reader.readuntil(b":"))[:-1].decode()
    writer.close()
    await writer.wait_closed()
    return found


async def test_page_api_and_websocket_of_a_player_are_on_one_version(
    settings: EnvoySettings, client: httpx.AsyncClient, serve: Serve
) -> None:
    await serve(everybody(3_000))
    for number in range(40):
        player = f"player-{number}"
        expected = "1.1.0" if bucket(SALT, player) < 3_000 else "1.0.0"
        token = ACCOUNTS.token(player)
        page = cookies(session=token)
        assert await version(client, bearer(token)) == expected
        assert await version(client, page) == expected
        assert await upgrade(settings, page) == expected
        # Where the session lives in the page's memory, pages and sockets bring only the linked visitor's cookie.
        linked = cookies(croupier_visitor=visitor(player))
        assert await version(client, {**bearer(token), **linked}) == expected
        assert await version(client, linked) == expected
        assert await upgrade(settings, linked) == expected


async def test_a_visitor_has_a_version_and_no_account(client: httpx.AsyncClient, serve: Serve) -> None:
    await serve(everybody(5_000))
    for number in range(60):
        name = f"visitor-{number}"
        found = await ask(client, {**cookies(croupier_visitor=visitor(name)), "x-player-id": "spoofed"})
        assert found["version"] == ("1.1.0" if bucket(SALT, name) < 5_000 else "1.0.0")
        assert "x-player-id" not in found["headers"]


async def test_from_visit_to_login_to_logout(client: httpx.AsyncClient, serve: Serve) -> None:
    await serve(everybody(5_000))
    canary, stable = player_in(0, 5_000), player_in(5_000, 10_000)
    guest, account = player_in(5_000, 10_000, "guest"), canary
    before, linked = visitor(guest), visitor(account)
    assert await version(client, cookies(croupier_visitor=before)) == "1.0.0"
    # The login may move a visitor once: an account has one version on all its devices.
    session = ACCOUNTS.token(account)
    assert await version(client, cookies(session=session, croupier_visitor=before)) == "1.1.0"
    assert await version(client, cookies(session=session, croupier_visitor=linked)) == "1.1.0"
    # Neither a logout nor an expired session moves anybody.
    assert await version(client, cookies(croupier_visitor=linked)) == "1.1.0"
    expired = ACCOUNTS.token(account, lasts_s=-3_600)
    assert await version(client, cookies(session=expired, croupier_visitor=linked)) == "1.1.0"
    # Another account on the same device has its own version.
    assert await version(client, cookies(session=ACCOUNTS.token(stable), croupier_visitor=linked)) == "1.0.0"


async def test_cookies_of_the_sdk_decide_the_version(client: httpx.AsyncClient, serve: Serve, jwks: Path) -> None:
    await serve(everybody(5_000, GERMANY))
    front = sdk.Visitors(jwks.with_name("visitors.key"))
    for number in range(30):
        token = front.linked(f"account-{number}", {"market": "DE"})
        expected = "1.1.0" if bucket(SALT, f"account-{number}") < 5_000 else "1.0.0"
        assert await version(client, cookies(croupier_visitor=token)) == expected
    await serve(everybody())
    assert await version(client, cookies(croupier_visitor=front.new())) == "1.1.0"


async def test_a_linked_visitor_stays_in_the_segment(client: httpx.AsyncClient, serve: Serve) -> None:
    await serve(everybody(segment=GERMANY))
    assert await version(client, cookies(croupier_visitor=visitor("p", market="DE"))) == "1.1.0"
    assert await version(client, cookies(croupier_visitor=visitor("p"))) == "1.0.0"


@pytest.mark.parametrize("forged", ["expired", "of another key", "an account's", "not signed"])
async def test_a_bad_visitor_is_a_guest(client: httpx.AsyncClient, serve: Serve, forged: str) -> None:
    await serve(everybody())
    value = {
        "expired": lambda: visitor("v", lasts_s=-3_600),
        "of another key": lambda: Issuer("v1").token("v", iss=VISITOR_ISSUER, aud=None),
        "an account's": lambda: ACCOUNTS.token("v"),
        "not signed": lambda: unsigned(iss=VISITOR_ISSUER),
    }[forged]()
    assert await version(client, cookies(croupier_visitor=value)) == "1.0.0"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_other_algorithms(
    client: httpx.AsyncClient, serve: Serve, jwks: Path, eventually: Eventually, algorithm: str
) -> None:
    await serve(everybody())
    other = Issuer("other", algorithm)
    write_jwks(jwks, other.jwk)

    async def taken() -> bool:
        return await version(client, bearer(other.token("p"))) == "1.1.0"

    await eventually(taken)
    assert await version(client, bearer(ACCOUNTS.token("q"))) == "1.0.0"


async def test_keys_are_rotated_without_closing_a_connection(
    settings: EnvoySettings, client: httpx.AsyncClient, serve: Serve, jwks: Path, eventually: Eventually
) -> None:
    await serve(everybody())
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(b"GET /payments HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    new = Issuer("k2")
    assert await version(client, bearer(new.token("p"))) == "1.0.0"
    write_jwks(jwks, ACCOUNTS.jwk, new.jwk)

    async def taken() -> bool:
        return await version(client, bearer(new.token("p"))) == "1.1.0"

    await eventually(taken)
    assert await version(client, bearer(ACCOUNTS.token("q"))) == "1.1.0", "tokens of the old key live on"
    write_jwks(jwks, new.jwk)

    async def forgotten() -> bool:
        return await version(client, bearer(ACCOUNTS.token("q"))) == "1.0.0"

    await eventually(forgotten)
    with capture_logs() as logs:
        spoil(jwks)

        async def told() -> bool:
            return any("the old ones stay" in line["event"] for line in logs)

        await eventually(told)
    assert await version(client, bearer(new.token("p"))) == "1.1.0", "a spoilt file changes nothing"
    writer.write(b"x")
    assert await reader.readexactly(7) == b"1.0.0:x"
    writer.close()
    await writer.wait_closed()


def spoil(path: Path) -> None:
    path.write_text("{")


async def test_what_is_served_is_read_back(edge: EnvoyRouter, serve: Serve) -> None:
    for routes in (everybody(500, GERMANY), everybody(500)):
        await serve(routes)
        assert await edge.served() == {"payments": routes}


async def test_a_header_that_no_token_fills_is_told_once(serve: Serve) -> None:
    with capture_logs() as logs:
        await serve(everybody(1))
        await serve(everybody(2))
    assert [line["header"] for line in logs if "no token fills" in line["event"]] == ["x-brand"]


async def test_a_control_plane_after_us_takes_the_edge_over(
    settings: EnvoySettings, players: Players, edge: EnvoyRouter, client: httpx.AsyncClient, serve: Serve
) -> None:
    await serve(everybody())
    pid = edge.pid
    await edge.stop(keep_serving=True)
    assert await version(client, bearer(ACCOUNTS.token("p"))) == "1.1.0"
    again = EnvoyRouter(replace(settings, players=players))
    await again.start()
    assert again.pid == pid
    await again.stop(keep_serving=False)
