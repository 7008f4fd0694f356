"""Settings by which the edge tells players apart."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from croupier.adapters.routing.envoy.players import Visitors
from croupier.server.app import _edge
from croupier.server.edge import read_claims
from croupier.server.settings import Settings

GOOD = {"edge_jwks_file": "keys.json", "edge_issuer": "https://login.example"}


def test_nothing_is_verified_by_default() -> None:
    assert _edge(Settings()).players is None


def test_everything_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "JWKS_FILE": "keys.json",
        "ISSUER": "https://login.example",
        "AUDIENCES": "Play, Web",
        "TOKEN_COOKIE": "session",
        "PLAYER_CLAIM": "account.id",
        "PLAYER_HEADER": "X-Account",
        "VISITORS": "true",
        "VISITOR_COOKIE": "guest",
        "CLAIMS": "market=x-market, staff.Employee=X-Employee",
    }.items():
        monkeypatch.setenv(f"CROUPIER_EDGE_{name}", value)
    players = _edge(Settings()).players
    assert players is not None
    assert players.jwks_file == Path("keys.json").absolute()
    assert players.visitors == Visitors(Settings().state_dir.absolute() / "visitors.key", "guest")
    assert (players.issuer, players.audiences, players.cookie) == ("https://login.example", ("Play", "Web"), "session")
    assert (players.player_claim, players.filled) == ("account.id", ("x-account", "x-market", "x-employee"))
    assert players.claims == (("market", "x-market"), ("staff.Employee", "x-employee"))


def test_pairs() -> None:
    assert read_claims(["a=b", " c.d = E "]) == (("a", "b"), ("c.d", "e"))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"edge_issuer": None}, "edge_issuer is missing"),
        ({"edge_jwks_file": None, "edge_claims": "market=x-market"}, "edge_jwks_file is not"),
        ({"edge_claims": "market"}, "Write market=x-market"),
        ({"edge_claims": "=x-market"}, "Write market=x-market"),
        ({"edge_claims": "ip=x-real-ip"}, "is an address"),
        ({"edge_claims": "a=x-croupier-a"}, "is internal"),
        ({"edge_claims": "a=x_a"}, "Write x-a"),
        ({"edge_claims": "a=x-player-id"}, "is filled by sub already"),
        ({"edge_claims": "a=Host"}, "cannot be filled"),
        ({"edge_player_header": "x-forwarded-for"}, "is an address"),
        ({"edge_player_header": "authorization"}, "cannot tell players apart"),
        ({"edge_token_cookie": "croupier_visitor"}, "are the same"),
        ({"edge_visitor_cookie": "a;b"}, "cannot be the name of a cookie"),
        ({"edge_jwks_file": None, "edge_issuer": None, "edge_visitors": "true"}, "edge_jwks_file is not"),
        ({"edge_token_cookie": "a b"}, "cannot be the name of a cookie"),
    ],
)
def test_mistakes(change: dict[str, str | None], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate({key: value for key, value in {**GOOD, **change}.items() if value is not None})
