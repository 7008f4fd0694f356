"""Settings: read once, safe by default, and no secret in what is printed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from croupier.server.settings import LogFormat, OnExit, Settings, unknown_variables


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
