"""Who runs which version, as the services themselves say; and who confirmed a kill."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.conftest import wait

from croupier.sdk import FlagClient


@pytest.fixture
def service(flags: Any) -> Iterator[FlagClient]:
    """A service that follows production, and has said so."""
    token = flags.post("tokens", name="lobby", role="client")["token"]
    service = FlagClient(flags.url, token, cache=None, name="lobby-1")
    try:
        assert service.is_enabled("psp_x") in (True, False)  # from here on it follows
        wait(lambda: flags.get("environments/production/propagation")["current"] == 1)
        yield service
    finally:
        service.close()


def test_nobody_is_connected(flags: Any, cli: Any) -> None:
    found = cli("flag", "propagation")
    assert (found.code, found.out) == (0, "No client is connected; production is on version 3.\n")
    assert cli("flag", "propagation", "-e", "staging", "--json").json["clients"] == 0
    assert cli("flag", "propagation", "-e", "nowhere").code == 3


def test_who_runs_what(service: FlagClient, cli: Any) -> None:
    found = cli("flag", "propagation")
    assert found.out.splitlines() == ["1 of 1 client runs version 3", "", "VERSION\tCLIENTS", "3\t1"]


def test_a_kill_is_confirmed(flags: Any, service: FlagClient, cli: Any) -> None:
    assert service.is_enabled("psp_x")
    done = cli("flag", "kill", "psp_x", "-r", "X is down", "--wait", "20")
    assert done.out.splitlines()[1].startswith("1 of 1 client answers with the safe value; p99 ")
    assert not service.is_enabled("psp_x")
    assert "; p50 " in cli("flag", "propagation").out


def test_a_kill_that_not_all_confirm_is_said(flags: Any, service: FlagClient, cli: Any) -> None:
    service.close()  # it listens no longer, and the control plane remembers it
    flags.post("flags/psp_x/kill", reason="X is down")
    late = cli("flag", "kill", "psp_x", "-r", "X is down", "--wait", "0")
    known = flags.get("environments/production/propagation")["clients"]
    if known:
        assert late.out.splitlines()[1:] == [
            "0 of 1 client answer with the safe value",
            "1 client did not confirm within 0 s: croupier flag propagation",
        ]
        assert "lobby-1" in cli("flag", "propagation").out
