"""Headers: what is taken, and that nobody is told apart by an address."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from tests.adapters.manifests.anything import VALUES, taken_or_refused

from croupier.adapters.manifests import headers
from croupier.adapters.manifests.misread import Misread

READERS = (headers.header, headers.identity_header)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "written", ["X-Player-Id", "account", "x-vip", "x-zip", "x-market", "x-device-id", "x-shipping"]
)
def test_headers_are_lower_case(reader: Callable[[object], str], written: str) -> None:
    assert reader(written) == written.lower()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "written",
    [
        "X-Forwarded-For",
        "x-original-forwarded-for",
        "x-vercel-forwarded-for",
        "Forwarded",
        "forwarded-for",
        "x-forwarded",
        "via",
        "x-real-ip",
        "True-Client-IP",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "fastly-client-ip",
        "x-client-ip",
        "client-ip",
        "remote-addr",
        "x-remote-addr",
        "remote-host",
        "cloudfront-viewer-address",
        "x-azure-clientip",
        "x-azure-socketip",
        "x-appengine-user-ip",
        "ip",
        "x-ip",
        "x-cluster-client-ip",
        "client-address",
        "remote-address",
    ],
)
def test_nobody_is_told_apart_by_an_address(reader: Callable[[object], str], written: str) -> None:
    with pytest.raises(Misread, match="is an address") as refused:
        reader(written)
    assert "x-" in refused.value.hint


@pytest.mark.parametrize("written", ["Authorization", "cookie", "x-request-id", "user-agent", "Host", "traceparent"])
def test_what_changes_or_is_shared_is_no_player(written: str) -> None:
    with pytest.raises(Misread, match="cannot tell players apart"):
        headers.identity_header(written)
    assert headers.header(written) == written.lower()


def test_cookies_keep_their_case() -> None:
    assert headers.cookie("Player_ID.1") == "Player_ID.1"
    for written in ("a b", "a=b", "a;b", "ä", "x" * 101):
        with pytest.raises(Misread, match="cannot be the name of a cookie"):
            headers.cookie(written)


@pytest.mark.parametrize("reader", [*READERS, headers.header_value, headers.cookie])
@given(value=VALUES)
def test_anything_is_taken_or_refused_in_words(reader: Callable[[object], Any], value: object) -> None:
    taken_or_refused(reader, value)
