"""Visitors' cookies: made, read, renewed, linked; and none of anybody else's."""

import json
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import jwt
import pytest

from croupier.core.segments.visitors import VISITOR_ISSUER
from croupier.errors import Rejected
from croupier.sdk.visitors import Visitors
from croupier.server.visitors import ensure_key

DAY = 86_400.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    ensure_key(tmp_path / "visitors.key")
    return tmp_path / "visitors.key"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(key_file: Path, clock: Clock) -> Visitors:
    return Visitors(key_file, clock=clock)


def test_every_visitor_is_somebody_else(visitors: Visitors) -> None:
    found = [visitors.read(visitors.new()) for _ in range(50)]
    assert len({one.id for one in found if one}) == 50
    assert all(one and one.id.startswith("visitor-") and not one.linked and not one.attributes for one in found)


def test_a_linked_one_is_the_account(visitors: Visitors) -> None:
    found = visitors.read(visitors.linked("p1", {"market": "DE"}))
    assert found is not None
    assert (found.id, found.linked, found.attributes) == ("p1", True, {"market": "DE"})


@pytest.mark.parametrize("player, attributes", [("", {}), ("p", {"sub": "q"}), ("p", {"exp": 1}), ("p", {"linked": 0})])
def test_what_cannot_be_linked(visitors: Visitors, player: str, attributes: dict[str, object]) -> None:
    with pytest.raises(Rejected, match="No visitor's token"):
        visitors.linked(player, attributes)


@pytest.mark.parametrize("linked", [False, True])
def test_it_is_renewed_in_the_second_half_of_its_life(visitors: Visitors, clock: Clock, linked: bool) -> None:
    first = visitors.linked("p", {"market": "DE"}) if linked else visitors.new()
    clock.now += 89 * DAY
    assert visitors.welcome(first) is None
    clock.now += 2 * DAY
    second = visitors.welcome(first)
    assert second is not None
    before, after = visitors.read(first), visitors.read(second)
    assert before is not None
    assert after is not None
    assert (after.id, after.linked, after.attributes) == (before.id, linked, before.attributes)
    assert after.expires_at == before.expires_at + 91 * DAY


def test_one_that_expired_is_a_new_visitor(visitors: Visitors, clock: Clock) -> None:
    token = visitors.new()
    before = visitors.read(token)
    clock.now += 180 * DAY
    assert before is not None
    assert visitors.read(token) is None
    assert (renewed := visitors.read(visitors.welcome(token))) is not None
    assert renewed.id != before.id


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "ä.ö.ü"])
def test_rubbish_is_a_new_visitor(visitors: Visitors, token: str | None) -> None:
    assert visitors.read(token) is None
    assert visitors.read(visitors.welcome(token)) is not None


def test_what_others_signed_is_not_ours(visitors: Visitors, key_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    ensure_key(other)
    assert visitors.read(Visitors(other, clock=Clock()).new()) is None
    claims = {"iss": VISITOR_ISSUER, "sub": "p", "exp": 2**40}
    assert visitors.read(jwt.encode(claims, "", "none")) is None
    public = json.loads(key_file.read_text())["keys"][0]["x"]
    assert visitors.read(jwt.encode(claims, public, "HS256")) is None
    key = jwt.PyJWK(json.loads(key_file.read_text())["keys"][0])
    assert visitors.read(jwt.encode({**claims, "iss": "bank"}, key, "EdDSA")) is None
    assert visitors.read(jwt.encode({"iss": VISITOR_ISSUER, "sub": "p"}, key, "EdDSA")) is None
    assert visitors.read(jwt.encode(claims, key, "EdDSA")) is not None


def test_the_first_key_signs_and_all_count(visitors: Visitors, key_file: Path, tmp_path: Path, clock: Clock) -> None:
    token = visitors.new()
    ensure_key(tmp_path / "next.key")
    keys = [json.loads(path.read_text())["keys"][0] for path in (tmp_path / "next.key", key_file)]
    key_file.write_text(json.dumps({"keys": keys}))
    after = Visitors(key_file, clock=clock)
    assert after.read(token) is not None
    assert jwt.get_unverified_header(after.new())["kid"] == keys[0]["kid"]


def test_the_cookie_is_for_the_edge_alone(visitors: Visitors, key_file: Path) -> None:
    token = visitors.new()
    cookie = SimpleCookie(visitors.set_cookie(token))["croupier_visitor"]
    assert cookie.value == token
    assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == ("/", "Lax", str(180 * 86_400))
    assert cookie["httponly"]
    assert cookie["secure"]
    plain = SimpleCookie(Visitors(key_file, cookie="guest", secure=False).set_cookie(token))["guest"]
    assert not plain["secure"]


@pytest.mark.parametrize("content", [None, "", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "eA"}]}', "[]"])
def test_files_that_hold_no_key(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "visitors.key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Rejected, match=r"cannot be used as the key.*state directory"):
        Visitors(path)


def test_a_public_key_does_not_sign(key_file: Path) -> None:
    (key,) = json.loads(key_file.read_text())["keys"]
    key_file.write_text(json.dumps({"keys": [{name: value for name, value in key.items() if name != "d"}]}))
    with pytest.raises(Rejected, match="only public keys"):
        Visitors(key_file)


@pytest.mark.parametrize("wrong", [{"cookie": "a b"}, {"lifetime": timedelta(0)}])
def test_settings_that_cannot_be(key_file: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(Rejected):
        Visitors(key_file, **wrong)  # type: ignore[arg-type]
