"""Files of keys: which are handed to Envoy, and what is said of the others."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.adapters.routing.tokens import Issuer, write_jwks

from croupier.adapters.routing.envoy.files import read_resources
from croupier.adapters.routing.envoy.keys import TokenKeys, read_jwks
from croupier.adapters.routing.envoy.players import Players, Visitors
from croupier.errors import Rejected


def encoded(size: int) -> str:
    return base64.urlsafe_b64encode(b"\1" * size).decode().rstrip("=")


SECRET = {"kty": "oct", "kid": "s", "k": encoded(32)}


@pytest.mark.parametrize("key", [Issuer().jwk, Issuer(algorithm="ES256").jwk, Issuer(algorithm="RS256").jwk, SECRET])
def test_keys_that_can_be_used(tmp_path: Path, key: dict[str, Any]) -> None:
    path = write_jwks(tmp_path / "jwks.json", key)
    assert json.loads(read_jwks(path)) == {"keys": [key]}


REFUSED: dict[str, tuple[object, str]] = {
    "no json": (None, "it is no JSON"),
    "a list": ([], "is no set of keys"),
    "no keys": ({"keys": []}, "is no set of keys"),
    "texts": ({"keys": ["k"]}, "is no set of keys"),
    "a private key": ({"keys": [{**Issuer().jwk, "d": "x"}]}, "is private"),
    "for encryption": ({"keys": [{**Issuer().jwk, "use": "enc"}]}, "not for signatures"),
    "a weak RSA key": ({"keys": [{"kty": "RSA", "kid": "r", "e": "AQAB", "n": encoded(128)}]}, "key 'r' has less than"),
    "a short secret": ({"keys": [{"kty": "oct", "k": encoded(31)}]}, "key 0 has less than 32 bytes"),
    "a secret beside public keys": ({"keys": [SECRET, Issuer().jwk]}, "mixes"),
    "half a point": ({"keys": [{"kty": "EC", "crv": "P-256", "x": encoded(32)}]}, "no coordinates of 32 bytes"),
    "rubbish for a point": ({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "ä"}]}, "no coordinates"),
    "another curve": ({"keys": [{"kty": "EC", "crv": "secp256k1"}]}, "none of RSA"),
    "another kind": ({"keys": [{"kty": "X"}]}, "none of RSA"),
    "far too much": ({"keys": [{"kty": "oct", "k": encoded(100_000)}]}, "is no set of keys"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_keys_that_cannot(tmp_path: Path, kind: str) -> None:
    content, reason = REFUSED[kind]
    path = tmp_path / "jwks.json"
    path.write_text("{" if content is None else json.dumps(content))
    with pytest.raises(Rejected, match=reason) as refused:
        read_jwks(path)
    assert "CROUPIER_EDGE_JWKS_FILE" in refused.value.hint


def test_of_keys_of_ours_envoy_gets_the_public_half(tmp_path: Path) -> None:
    ours = Issuer()
    path = write_jwks(tmp_path / "visitors.key", ours.private_jwk)
    assert json.loads(read_jwks(path, ours=True)) == {"keys": [ours.jwk]}
    target = tmp_path / "ecds.json"
    accounts = write_jwks(tmp_path / "jwks.json", SECRET)
    TokenKeys(Players(accounts, issuer="i", visitors=Visitors(path)), target).read()
    assert ours.private_jwk["d"] not in target.read_text()
    assert ours.jwk["x"] in target.read_text()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be read: No such file"):
        read_jwks(tmp_path / "missing.json")


def test_only_a_change_is_handed_on(tmp_path: Path) -> None:
    path, target = write_jwks(tmp_path / "jwks.json", SECRET), tmp_path / "ecds.json"
    keys = TokenKeys(Players(path, issuer="i"), target)

    def version() -> str:
        content = read_resources(target)
        assert content is not None
        return content.version

    keys.read()
    keys.follow()
    write_jwks(path, SECRET)
    keys.follow()
    assert version() == "1"
    path.unlink()
    keys.follow()
    assert version() == "1"
    write_jwks(path, {**SECRET, "kid": "t"})
    keys.follow()
    assert version() == "2"


def test_the_key_of_visitors_is_followed_too(tmp_path: Path) -> None:
    old, new, target = Issuer("old"), Issuer("new"), tmp_path / "ecds.json"
    ours = write_jwks(tmp_path / "visitors.key", old.private_jwk)
    keys = TokenKeys(Players(write_jwks(tmp_path / "jwks.json", SECRET), "i", visitors=Visitors(ours)), target)
    keys.read()
    write_jwks(ours, new.private_jwk, old.private_jwk)
    keys.follow()
    assert all(issuer.jwk["x"] in target.read_text() for issuer in (old, new))


def test_what_could_not_be_written_is_tried_again_and_told_once(tmp_path: Path) -> None:
    path, target = write_jwks(tmp_path / "jwks.json", SECRET), tmp_path / "away" / "ecds.json"
    keys = TokenKeys(Players(path, issuer="i"), target)
    with capture_logs() as logs:
        keys.follow()
        keys.follow()
    assert [line["log_level"] for line in logs] == ["error"]
    target.parent.mkdir()
    keys.follow()
    assert read_resources(target) is not None
