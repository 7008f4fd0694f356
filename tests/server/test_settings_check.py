"""Settings that are refused, alone or together, with what to write instead."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from croupier.server.settings import Settings
from croupier.server.settings_check import read_header

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the test is about


def test_other_machines_only_when_meant() -> None:
    for host in (EVERYWHERE, "::", "10.0.0.1", "croupier.example"):
        with pytest.raises(ValidationError, match="allow_remote"):
            Settings(host=host)
    assert Settings(host="::1").url == "http://[::1]:8700"
    assert Settings(host="localhost").host == "localhost"
    assert Settings(host=EVERYWHERE, allow_remote=True).host == EVERYWHERE


def test_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().environments == ("production",)
    monkeypatch.setenv("CROUPIER_ENVIRONMENTS", "production, staging,")
    assert Settings().environments == ("production", "staging")
    for wrong in ("", "a b", "production,production", "x" * 61, "a/b"):
        with pytest.raises(ValidationError):
            Settings(environments=wrong)


def test_flagds_port_needs_tls_where_others_reach_it(tmp_path: Path) -> None:
    remote: dict[str, Any] = {"host": "192.0.2.1", "allow_remote": True, "flagd_port": 8015}
    with pytest.raises(ValidationError, match="speaks no TLS"):
        Settings(**remote)
    assert Settings(**remote, flagd_plaintext=True).flagd_port == 8015
    files: dict[str, Any] = {"flagd_certificate": tmp_path / "chain.pem", "flagd_key": tmp_path / "key.pem"}
    assert Settings(**remote, **files).flagd_key == tmp_path / "key.pem"
    with pytest.raises(ValidationError, match="belong together"):
        Settings(flagd_certificate=tmp_path / "chain.pem")


def test_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().ofrep_origins == ()
    monkeypatch.setenv("CROUPIER_OFREP_ORIGINS", "https://Shop.example, http://127.0.0.1:3000,*")
    assert Settings().ofrep_origins == ("https://shop.example", "http://127.0.0.1:3000", "*")
    for wrong in ("shop.example", "https://shop.example/", "https://*.example", "null"):
        with pytest.raises(ValidationError, match="is no origin"):
            Settings(ofrep_origins=(wrong,))


def test_headers_for_prometheus() -> None:
    found = Settings(prometheus_url="https://prom", prometheus_headers="X-Scope-OrgID: Casino, X-Region: eu")
    sent = [read_header(text) for text in found.prometheus_headers]
    assert sent == [("X-Scope-OrgID", "Casino"), ("X-Region", "eu")]


def test_prometheus_is_asked_over_tls_where_there_is_a_secret(tmp_path: Path) -> None:
    token, url = tmp_path / "token", "https://prom.example:9090/tenant"
    assert Settings(prometheus_url=url, prometheus_token_file=token).prometheus_token_file == token
    assert Settings(prometheus_url="http://prom:9090").prometheus_url == "http://prom:9090"
    assert Settings(prometheus_url="http://127.0.0.1:9090", prometheus_token_file=token).prometheus_url
    with pytest.raises(ValidationError, match="would travel in the clear"):
        Settings(prometheus_url="http://prom:9090", prometheus_token_file=token)


@pytest.mark.parametrize(
    "given,why",
    [
        ({"prometheus_url": "prom:9090"}, "no address"),
        ({"prometheus_url": "https://"}, "no address"),
        ({"prometheus_url": "https://prom/?x=1"}, "no address"),
        ({"prometheus_url": "https://me:secret@prom"}, "Set prometheus_user"),
        ({"prometheus_user": "me"}, "prometheus_url is not"),
        ({"prometheus_url": "https://prom", "prometheus_user": "me"}, "belong together"),
        ({"prometheus_url": "https://prom", "prometheus_certificate_file": "c"}, "belong together"),
        ({"prometheus_url": "https://prom", "prometheus_headers": "Authorization: Bearer s3cret"}, "cannot be sent"),
        ({"prometheus_url": "https://prom", "prometheus_headers": "X-Scope-OrgID"}, "cannot be sent"),
        ({"prometheus_url": "https://prom", "prometheus_headers": "X: a\r\nY: b"}, "cannot be sent"),
        ({"prometheus_url": "https://prom", "prometheus_version_label": "a-b"}, "pattern"),
        (
            {
                "prometheus_url": "https://prom",
                "prometheus_user": "me",
                "prometheus_password_file": "p",
                "prometheus_token_file": "t",
            },
            "exclude each other",
        ),
    ],
)
def test_settings_of_prometheus_that_cannot_be_meant(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Settings(**given)
