"""Session tokens that the edge can verify, and visitors' cookies: from real processes, without an edge."""

from __future__ import annotations

import json
import subprocess
import sys
from http.cookies import SimpleCookie
from pathlib import Path

import aiohttp
import jwt
import pytest

from casino import sessions
from casino.errors import Misconfigured, Refusal
from casino.identity import Player, player_id
from casino.players.population import Person
from casino.players.wire import Wire
from casino.sessions import Sessions
from casino.testing import LocalCasino, sign_in, wait_ready
from croupier.sdk.visitors import Visitors

ANN = Player("p1", "DE", "aurora", employee=True)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    sessions.make_key(tmp_path / "session.key")
    return tmp_path / "session.key"


def test_the_public_half_reads_and_does_not_sign(key_file: Path, tmp_path: Path) -> None:
    public = tmp_path / "session.jwks"
    command = [sys.executable, "-m", "casino.sessions", str(key_file)]
    public.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads(public.read_text())["keys"][0]
    token = Sessions(key_file).issue(ANN)
    assert Sessions(public).read(token) == ANN
    with pytest.raises(Misconfigured, match="public keys"):
        Sessions(public).issue(ANN)


def test_what_others_signed_is_refused(key_file: Path, tmp_path: Path) -> None:
    sessions.make_key(tmp_path / "other.key")
    ours = Sessions(key_file)
    signed = jwt.decode(ours.issue(ANN), options={"verify_signature": False})
    key = jwt.PyJWK(json.loads(key_file.read_text())["keys"][0])
    bad = {
        "another key": Sessions(tmp_path / "other.key").issue(ANN),
        "no signature": jwt.encode(signed, "", "none"),
        "another audience": jwt.encode({**signed, "aud": "backoffice"}, key, "EdDSA"),
        "no end": jwt.encode({name: value for name, value in signed.items() if name != "exp"}, key, "EdDSA"),
        "rubbish": "x.y.z",
    }
    for token in bad.values():
        with pytest.raises(Refusal, match="not valid"):
            ours.read(token)
    with pytest.raises(Refusal, match="expired"):
        ours.read(jwt.encode({**signed, "exp": 1}, key, "EdDSA"))


@pytest.mark.parametrize("content", [None, "", "{}", '{"keys": []}', '{"keys": [{}]}'])
def test_a_file_that_holds_no_key(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "session.key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Misconfigured, match=r"casino\.sessions FILE"):
        Sessions(path)


async def test_from_visit_to_login_to_logout(
    casino: LocalCasino, key_file: Path, tmp_path: Path, person: Person
) -> None:
    visitor_key = tmp_path / "visitors.key"
    sessions.make_key(visitor_key)  # the same kind of key as the control plane makes
    options = ("--session-key-file", str(key_file), "--visitor-key-file", str(visitor_key), "--plain-cookies")
    auth = casino.start("auth", options=options)
    wait_ready(auth)
    visitors = Visitors(visitor_key)
    async with Wire(auth.url, {}, timeout_s=60) as wire, aiohttp.ClientSession() as browser:
        async with browser.get(f"{auth.url}/auth/visit") as first:
            cookie = SimpleCookie(first.headers["set-cookie"])["croupier_visitor"]
        async with browser.get(
            f"{auth.url}/auth/visit", headers={"cookie": f"croupier_visitor={cookie.value}"}
        ) as again:
            assert "set-cookie" not in again.headers, "who is known stays who they are"
        guest = visitors.read(cookie.value)
        assert guest is not None
        assert not guest.linked
        headers = await sign_in(wire, person)
        assert Sessions(key_file).read(headers["authorization"].removeprefix("Bearer ")).id == player_id(person.login)

        form = {"login": person.login, "password": person.password}
        async with browser.post(f"{auth.url}/auth/login", json=form) as step:
            challenge = (await step.json())["challenge"]
        async with browser.post(
            f"{auth.url}/auth/verify", json={"challenge": challenge, "code": person.code()}
        ) as last:
            set_cookies = SimpleCookie()
            for text in last.headers.getall("set-cookie"):
                set_cookies.load(text)
        linked = visitors.read(set_cookies["croupier_visitor"].value)
        assert linked is not None
        assert (linked.id, linked.linked, linked.attributes["market"]) == (player_id(person.login), True, person.market)
        session = {"cookie": f"casino_session={set_cookies['casino_session'].value}"}
        async with browser.get(f"{auth.url}/auth/session", headers=session) as shown:
            assert (await shown.json())["player_id"] == player_id(person.login)
        async with browser.post(f"{auth.url}/auth/logout", headers=session) as out:
            forgotten = SimpleCookie(out.headers["set-cookie"])
        assert (forgotten["casino_session"].value, forgotten["casino_session"]["max-age"]) == ("", "0")
        assert "croupier_visitor" not in forgotten
