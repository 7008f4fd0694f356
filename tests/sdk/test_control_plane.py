"""The client and the real control plane, in processes of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.plane import until
from tests.sdk.test_processes import BIN, WEB, every_worker_follows, running, written

from casino.ports import free_port
from croupier.cli.client import Client
from croupier.cli.demo.stage import ControlPlane, choose_place
from croupier.sdk import FlagClient

pytestmark = pytest.mark.e2e

LOBBY = {"feature": "new_lobby", "type": "ops", "owner": "games", "default": "on"}


class House:
    def __init__(self) -> None:
        self.place = choose_place(free_port(), free_port())
        self.plane = ControlPlane(self.place)

    @property
    def url(self) -> str:
        return self.place.page.rstrip("/")


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.plane.stop()
    shutil.rmtree(house.place.folder, ignore_errors=True)


@pytest.fixture
def admin(house: House) -> Iterator[Client]:
    with house.plane.connection().open() as client:
        client.post("flags/apply", {"flags": [LOBBY]})
        yield client


@pytest.fixture
def token(admin: Client) -> str:
    return str(admin.post("tokens", {"name": "sdk", "role": "client"})["token"])


def test_follows_is_known_and_survives(house: House, admin: Client, token: str, tmp_path: Path) -> None:
    with FlagClient(house.url, token, cache=tmp_path / "cache", name="lobby-1") as flags:
        assert flags.wait_ready(60), flags.status()
        assert flags.is_enabled("new_lobby", user="p1")
        admin.post("flags/new_lobby/kill", {"reason": "it burns"})
        until(lambda: not flags.is_enabled("new_lobby", user="p1"), "the kill")
        assert flags.details("new_lobby").detail == "killed: it burns"
        kept = tmp_path / "cache"
        until(lambda: kept.exists() and b"it burns" in kept.read_bytes(), "the kept kill")
        house.plane.stop()
        until(lambda: not flags.status().connected, "the loss")
        assert not flags.is_enabled("new_lobby", user="p1")
        with FlagClient(house.url, token, cache=tmp_path / "cache") as late:
            assert late.source == "cache"
            assert late.details("new_lobby").detail == "killed: it burns"
        house.plane = ControlPlane(house.place)
        with house.plane.connection().open() as again:
            until(lambda: flags.status().connected, "the connection")
            again.post("flags/new_lobby/restore", {"reason": "it is out"})
            until(lambda: flags.is_enabled("new_lobby", user="p1"), "the restored flag")


class Real:
    """The real one as the matrix of processes knows control planes."""

    def __init__(self, house: House, admin: Client, token: str) -> None:
        self.url, self.token, self._admin = house.url, token, admin

    def change(self, rules: Any) -> None:
        assert rules == {"new_lobby": False}
        self._admin.post("flags/new_lobby/kill", {"reason": "it burns"})


@pytest.mark.parametrize("worker", ["sync", "gevent"])
def test_workers_of_a_preloading_server_follow(
    house: House, admin: Client, token: str, tmp_path: Path, free_port: int, worker: str
) -> None:
    written(tmp_path, "web.py", WEB)
    command = [str(BIN / "gunicorn"), "-b", f"127.0.0.1:{free_port}", "-w", "3", "--no-control-socket", "-k", worker]
    real = Real(house, admin, token)
    with running(real, tmp_path, *command, "--preload", "web:application"):
        every_worker_follows(real, f"http://127.0.0.1:{free_port}/", 3)


def test_a_token_that_is_none_is_said(house: House, admin: Client) -> None:
    with FlagClient(house.url, "wrong", cache=None) as flags:
        until(lambda: any("401" in trouble for trouble in flags.status().troubles), "the refusal")
        assert flags.value("new_lobby", "default") == "default"
