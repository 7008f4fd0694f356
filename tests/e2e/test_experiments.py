"""Real experiments: a real control plane, real clients in this process and in another, the real casino.

One variant really converts better and is found; an experiment between equals is looked at again and again, and nobody
is blamed; the casino reports who saw which lobby and who bet.
"""

import asyncio
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import House, until

from casino.players.population import Person
from casino.players.wire import Wire
from casino.ports import free_port
from casino.testing import sign_in
from casino.testing import until as comes_true
from croupier.cli.client import Client
from croupier.cli.demo.stage import ControlPlane, choose_place
from croupier.sdk import FlagClient

EXPERIMENTS = Path(__file__).parents[2] / "examples/casino/croupier/experiments.yaml"
PLAYERS = 3_000
RATES = {"classic": 0.20, "recent": 0.30}
TRACKER = """
import sys
from croupier.sdk import FlagClient
with FlagClient(sys.argv[1], sys.argv[2], cache=None, name="bets") as flags:
    assert flags.wait_ready(60)
    for line in sys.stdin:
        flags.track("bet", user=line.strip())
"""


@pytest.fixture
def plane() -> Iterator[tuple[str, Client, str]]:
    place = choose_place(free_port(), free_port())
    started = ControlPlane(place)
    try:
        with started.connection().open() as client:
            token = str(client.post("tokens", {"name": "sdk", "role": "client"})["token"])
            yield place.page.rstrip("/"), client, token
    finally:
        started.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


def declare(client: Client, key: str) -> None:
    """A flag that deals half and half, and a running experiment on it."""
    spec = {
        "type": "ops",
        "variants": {"classic": 1, "recent": 2},
        "off": "classic",
        "default": "classic",
        "safe": "classic",
        "rules": [{"variants": {"classic": 50, "recent": 50}}],
    }
    asked = {"flag": key, "control": "classic", "goal": {"event": "bet"}, "minimumEffect": "20%"}
    documents = [
        {"apiVersion": "croupier/v1", "kind": kind, "metadata": {"name": key}, "spec": what}
        for kind, what in (("Flag", spec), ("Experiment", asked))
    ]
    client.post("apply", {"documents": documents})
    client.post(f"experiments/{key}/start", {"reason": "a test"})


def result(client: Client, key: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"experiments/{key}/result")
    return found


def all_counted(client: Client, key: str, players: int, bets: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = result(client, key)
        exposed = sum(item["exposed"] for item in found["variants"])
        converted = sum(item["converted"] for item in found["variants"])
        return found if (exposed, converted) == (players, bets) else None

    return until(look, "everybody to be counted")


def test_a_variant_that_is_better_is_found_though_another_process_tells_who_bet(
    plane: tuple[str, Client, str],
) -> None:
    url, client, token = plane
    declare(client, "lobby")
    dice, bettors = random.Random(1), []
    with FlagClient(url, token, cache=None, name="lobby") as flags:
        assert flags.wait_ready(60), flags.status()
        for number in range(PLAYERS):
            name = f"player-{number}"
            for _ in range(2):
                flags.value("lobby", 1, user=name)
            if dice.random() < RATES[flags.variant("lobby", user=name) or ""]:
                bettors.append(name)
        script = [sys.executable, "-c", TRACKER, url, token]
        subprocess.run(script, input="\n".join([*bettors, *bettors, "a-stranger"]), text=True, check=True, timeout=180)
        found = all_counted(client, "lobby", PLAYERS, len(bettors))
    assert found["comparisons"][0]["verdict"] == "better", found["said"]
    assert found["comparisons"][0]["ratioLow"] > 0 < found["comparisons"][0]["differenceLow"]
    assert (found["withheld"], found["crossed"], found["lost"]) == ("", 0, 0)
    client.post("experiments/lobby/stop", {"reason": "found"})
    assert client.get("journal/verify")["ok"]


def test_equals_are_looked_at_all_the_time_and_nobody_is_blamed(plane: tuple[str, Client, str]) -> None:
    url, client, token = plane
    declare(client, "equals")
    dice, bets = random.Random(2), 0
    verdicts: set[str] = set()
    with FlagClient(url, token, cache=None) as flags:
        assert flags.wait_ready(60), flags.status()
        for part in range(6):
            for number in range(500):
                flags.value("equals", 1, user=f"p{part}.{number}")
                if dice.random() < 0.4:
                    bets += 1
                    flags.track("bet", user=f"p{part}.{number}")
                if number % 100 == 0:
                    verdicts |= {item["verdict"] for item in result(client, "equals")["comparisons"]}
            all_counted(client, "equals", 500 * (part + 1), bets)
            verdicts |= {item["verdict"] for item in result(client, "equals")["comparisons"]}
    assert verdicts <= {"open", "same"}


def exposed(client: Client) -> int:
    return sum(item["exposed"] for item in result(client, "lobby-order")["variants"])


async def test_the_casino_reports_who_saw_which_lobby_and_who_bet(house: House) -> None:
    house.client.post("apply", {"documents": list(documents_of(EXPERIMENTS))})
    house.client.post("experiments/lobby-order/start", {"reason": "more bets?"})
    person = Person("guest", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "DE", "aurora", excluded=False)

    async with Wire(house.place.edge, {}, timeout_s=60) as wire:
        headers = await sign_in(wire, person)

        async def seen() -> bool:
            heard = await wire.ask("games", "GET", "/games/lobby", None, headers)
            assert heard.status == 200, heard
            return bool(await asyncio.to_thread(exposed, house.client))

        await comes_true(seen, within_s=180.0)
        assert exposed(house.client) == 1

        async def spun(number: int) -> bool:
            """Whether a spin is settled after a deposit, which a provider may decline."""
            body = {"amount_minor": 5_000, "psp": "kestrel"}
            await wire.ask("payments", "POST", "/payments/deposit", body, {**headers, "idempotency-key": f"d{number}"})
            spin = {"round_id": f"round-{number}", "game": "comet", "stake_minor": 100}
            return (await wire.ask("games", "POST", "/games/spin", spin, headers)).status == 200

        assert any([await spun(number) for number in range(10)])

    def bets() -> int | None:
        return sum(item["converted"] for item in result(house.client, "lobby-order")["variants"]) or None

    assert await asyncio.to_thread(until, bets, "the bet") == 1


def documents_of(path: Path) -> Iterator[dict[str, Any]]:
    from croupier.adapters.manifests import read_paths

    yield from (dict(document.source) for document in read_paths([path], known=None).documents)
