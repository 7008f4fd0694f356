"""The casino behind an edge that verifies players: from visit to logout, on the version that Python predicts."""

import shutil
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.e2e.conftest import until

from casino import sessions
from casino.players.population import Person
from casino.ports import free_port
from croupier.cli.client import Client
from croupier.cli.demo.stage import ControlPlane, Place, choose_place, documents
from croupier.core.segments import bucket
from croupier.sdk.visitors import Visitors

V1: Final = "croupier/v1"
WEIGHT: Final = 4_000
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def place() -> Iterator[Place]:
    chosen = choose_place(free_port(), free_port())
    yield chosen
    shutil.rmtree(chosen.folder, ignore_errors=True)


@pytest.fixture
def keys(place: Place) -> tuple[Path, Path]:
    """The casino's session key and its public half."""
    private, public = place.folder / "session.key", place.folder / "session.jwks"
    sessions.make_key(private)
    public.write_text(sessions.public_half(private))
    return private, public


@pytest.fixture
def client(place: Place, keys: tuple[Path, Path]) -> Iterator[Client]:
    """A casino that signs its sessions, behind an edge that verifies them."""
    plane = ControlPlane(
        place,
        CROUPIER_EDGE_JWKS_FILE=str(keys[1]),
        CROUPIER_EDGE_ISSUER=sessions.ISSUER,
        CROUPIER_EDGE_AUDIENCES=sessions.AUDIENCE,
        CROUPIER_EDGE_TOKEN_COOKIE="casino_session",
        CROUPIER_EDGE_CLAIMS=",".join(f"{claim}={header}" for claim, header in sessions.CLAIMS.items()),
        CROUPIER_EDGE_VISITORS="true",
    )
    try:
        with plane.connection().open() as opened:
            opened.post("apply", {"documents": _documents(place, keys)})
            for service in ("auth", "payments"):
                opened.post("rollouts", {"service": service, "version": "1.0.0"})
            until(lambda: all(item["stable"] for item in opened.pages("services", 100)) or None, "the casino to open")
            yield opened
    finally:
        plane.stop()


def _documents(place: Place, keys: tuple[Path, Path]) -> list[dict[str, Any]]:
    """Auth and payments of the demo, told of the keys: auth alone has those that sign."""
    private, public = keys
    told = {
        "auth": {
            "CASINO_SESSION_KEY_FILE": str(private),
            "CASINO_VISITOR_KEY_FILE": str(place.folder / "state" / "visitors.key"),
        },
        "payments": {"CASINO_SESSION_KEY_FILE": str(public)},
    }
    found = [item for item in documents(place) if item["kind"] == "Service" and item["metadata"]["name"] in told]
    for service in found:
        name = service["metadata"]["name"]
        service["spec"]["process"]["env"] = told[name]
        service["spec"]["process"]["command"] += ["--plain-cookies"] if name == "auth" else []
    for name, version in (("auth", "1.0.0"), ("payments", "1.0.0"), ("payments", "1.1.0")):
        found.append({"apiVersion": V1, "kind": "Release", "spec": {"service": name, "version": version}})
    steps = [{"setWeight": WEIGHT // 100}, {"pause": {}}]
    for name in told:
        spec = {"service": name, "strategy": {"canary": {"steps": steps}}}
        found.append({"apiVersion": V1, "kind": "Rollout", "metadata": {"name": name}, "spec": spec})
    return found


def test_a_player_stays_from_visit_to_logout(place: Place, client: Client) -> None:
    rollout = str(client.post("rollouts", {"service": "payments", "version": "1.1.0"})["id"])
    until(lambda: client.get(f"rollouts/{rollout}")["confirmedWeight"] == WEIGHT / 100 or None, "the canary's share")
    salt = f"{rollout}.1"
    visitors = Visitors(place.folder / "state" / "visitors.key")

    def expected(player: str) -> str:
        return "1.1.0" if bucket(salt, player) < WEIGHT else "1.0.0"

    seen = set()
    for number in range(12):
        with httpx.Client(base_url=place.edge, trust_env=False, timeout=120) as browser:
            assert _version(browser) == "1.0.0", "a guest without a cookie is on the stable version"
            browser.get("/auth/visit")
            guest = visitors.read(browser.cookies["croupier_visitor"])
            assert guest is not None
            assert _version(browser) == expected(guest.id)

            person = Person(f"at-the-edge-{number}", "a-good-password", SECRET, "DE", "aurora", excluded=False)
            player, bearer = _log_in(browser, person)
            assert _version(browser) == expected(player), "by cookie, as pages and sockets ask"
            with httpx.Client(base_url=place.edge, trust_env=False, timeout=120, headers=bearer) as app:
                assert _version(app) == expected(player), "by bearer, as an app asks"
                assert app.get("/payments/balance").status_code == 200
                assert app.get("/payments/balance", headers={"x-player-id": "somebody"}).status_code == 200
            browser.post("/auth/logout")
            assert "casino_session" not in browser.cookies
            assert browser.get("/payments/balance").status_code == 401, "the visitor's cookie is no login"
            assert _version(browser) == expected(player), "and yet the player stays"
            seen.add(expected(player))
    assert seen == {"1.0.0", "1.1.0"}


def _version(browser: httpx.Client) -> str:
    return browser.get("/payments/ping").headers["x-casino-version"]


def _log_in(browser: httpx.Client, person: Person) -> tuple[str, dict[str, str]]:
    browser.post("/auth/import", json={"players": [person.form()]}).raise_for_status()
    form = {"login": person.login, "password": person.password}
    challenge = browser.post("/auth/login", json=form).json()["challenge"]
    answer = browser.post("/auth/verify", json={"challenge": challenge, "code": person.code()})
    assert SimpleCookie(answer.headers["set-cookie"])
    body = answer.json()
    return body["player_id"], {"authorization": f"Bearer {body['token']}"}
