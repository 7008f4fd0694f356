"""Settings: read once, safe by default, and no secret in what is printed."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from croupier.server.settings import LogFormat, OnExit, Settings, read_header, unknown_variables

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the test is about


def test_defaults_are_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.on_exit is OnExit.KEEP
    assert settings.log_format is LogFormat.AUTO
    assert settings.state_dir == tmp_path / "croupier"
    assert settings.store_url == f"sqlite:///{tmp_path}/croupier/croupier.db?timeout=0.5"
    assert settings.url == "http://127.0.0.1:8700"
    assert settings.edge_url == "http://127.0.0.1:8080"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROUPIER_PORT", "9000")
    monkeypatch.setenv("CROUPIER_ON_EXIT", "stop")
    monkeypatch.setenv("CROUPIER_ALLOWED_HOSTS", "Croupier.example, b.example,")
    settings = Settings()
    assert settings.port == 9000
    assert settings.on_exit is OnExit.STOP
    assert settings.allowed_hosts == ("croupier.example", "b.example")
    assert Settings(allowed_hosts=("a.example",)).allowed_hosts == ("a.example",)


def test_other_machines_only_when_meant() -> None:
    for host in (EVERYWHERE, "::", "10.0.0.1", "croupier.example"):
        with pytest.raises(ValidationError, match="allow_remote"):
            Settings(host=host)
    assert Settings(host="::1").url == "http://[::1]:8700"
    assert Settings(host="localhost").host == "localhost"
    assert Settings(host=EVERYWHERE, allow_remote=True).host == EVERYWHERE


def test_what_cannot_be() -> None:
    with pytest.raises(ValidationError, match="both 8700"):
        Settings(edge_port=8700)
    with pytest.raises(ValidationError):
        Settings(port=0)
    with pytest.raises(ValidationError):
        Settings(tick_s=-1)
    with pytest.raises(ValidationError):
        Settings(prot=8700)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_a_password_is_not_printed() -> None:
    settings = Settings.model_validate({"database_url": "postgresql://ann:sesame@db/croupier"})
    assert "sesame" not in repr(settings)
    assert "sesame" not in settings.model_dump_json()
    assert settings.store_url == "postgresql://ann:sesame@db/croupier"


def test_variables_that_are_no_settings() -> None:
    good = ("CROUPIER_PORT", "croupier_tick_s", "CROUPIER_URL", "CROUPIER_TOKEN", "_CROUPIER_COMPLETE", "PATH")
    assert unknown_variables(good) == {}
    assert unknown_variables(
        (*good, "CROUPIER_TICK", "CROUPIER_PROT", "CROUPIER_DATABASE", "CROUPIER_STATE", "CROUPIER_SERVICE_HOST")
    ) == {
        "CROUPIER_DATABASE": "CROUPIER_DATABASE_URL",
        "CROUPIER_PROT": "CROUPIER_PORT",
        "CROUPIER_SERVICE_HOST": None,
        "CROUPIER_STATE": "CROUPIER_STATE_DIR",
        "CROUPIER_TICK": "CROUPIER_TICK_S",
    }


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


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
