"""Where a control plane is: what is no address is refused before anything is asked."""

import os

import httpx
import pytest

from croupier.errors import Rejected
from croupier.sdk import FlagClient
from croupier.sdk.connection import Connection, Refused, _accept, base_of


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8700", "nonsense", "http://", "ftp://127.0.0.1", "http://a:b", "http://[::1"]
)
def test_what_is_no_address_is_told_at_once(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Rejected, match=r"is no address of a control plane.*Write it like http://127"):
        base_of(url, "production")
    with FlagClient(url, cache=None) as flags:  # it raises nothing: a service starts whatever its settings hold
        assert not flags.is_enabled("payments_v2")
        assert "is no address of a control plane" in flags.status().troubles[0]
    assert "Write it like http://127.0.0.1:8700. Look at" in caplog.text


def test_an_environment_is_one_segment_whatever_it_contains() -> None:
    base = base_of("http://127.0.0.1:8700/", "a/b")
    assert str(base) == "http://127.0.0.1:8700/api/v1/environments/a%2Fb/"
    assert base_of("https://flags.example/croupier", "x").path == "/croupier/api/v1/environments/x/"


def test_a_refusal_is_one_sentence_and_what_to_do() -> None:
    request = httpx.Request("GET", "http://127.0.0.1:8700/flags?client=x")
    said = httpx.ByteStream(b'{"detail": "The token is not known, or was revoked."}')
    answer = httpx.Response(401, stream=said, request=request)
    with pytest.raises(Refused) as refused:
        _accept(answer)
    assert str(refused.value) == (
        "http://127.0.0.1:8700/flags answered 401: The token is not known, or was revoked. "
        "Give FlagClient a token of the role client."
    )


def test_children_of_a_fork_are_clients_of_their_own() -> None:
    def name(given: str, forked: bool) -> str:
        return Connection("http://127.0.0.1:8700", "", "production", given, forked=forked).name

    assert name("web", False) == "web"
    assert name("web", True).startswith(f"web-{os.getpid()}-")
    assert len({name(given, forked) for given in ("", "web") for forked in (True, False) for _ in range(2)}) == 7
