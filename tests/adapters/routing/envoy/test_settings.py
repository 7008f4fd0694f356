from pathlib import Path

import pytest

from croupier.adapters.routing.envoy import EnvoySettings
from croupier.errors import Rejected


def test_the_packaged_envoy_is_found() -> None:
    assert EnvoySettings(run_dir=Path("/run/edge"), port=8080).find_binary().name == "envoy"


def test_a_run_directory_too_long_for_a_socket_is_told_before_anything_starts() -> None:
    with pytest.raises(Rejected, match="too long for a unix socket"):
        EnvoySettings(run_dir=Path("/" + "x" * 100), port=8080)


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_ports_are_ports(port: int) -> None:
    with pytest.raises(Rejected, match="no TCP port"):
        EnvoySettings(run_dir=Path("/run/edge"), port=port)


def test_a_directory_has_one_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "l").symlink_to(tmp_path / "e")
    monkeypatch.chdir(tmp_path)
    spellings = [EnvoySettings(run_dir=path, port=1).run_dir for path in (Path("l"), Path("e"), tmp_path / "l")]
    assert set(spellings) == {(tmp_path / "e").resolve()}
