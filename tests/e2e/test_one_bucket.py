"""Who computes which bucketing: the same salt and key are the same players in every evaluator that carries it.

Envoy hashes with xxh64 and flagd's evaluators with murmur3, so no algorithm is in both (docs/decisions/0014). What
flagd cannot deal alike is left out of its definition, and said.
"""

import asyncio
from functools import partial
from typing import Any, Final

import httpx
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.contrib.tools.flagd.core.targeting.targeting import OPERATORS
from openfeature.evaluation_context import EvaluationContext
from tests.e2e.conftest import House, until

from croupier.adapters.imports import Fate, export_flagd
from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import declare
from croupier.core.flags.write import write_flag
from croupier.sdk import FlagClient

PLAYERS: Final = [*(f"player-{number}" for number in range(300)), "müller", "日本", "7", "a:b"]
SHARES: Final = (10, 35, 80)
OURS: Final = {"sdk", "ofrep"}
CARRIED: Final = {
    "croupier.1": OURS | {"envoy"},
    "flagd.1": OURS,  # flagd's definition is asked for version 3 here
    "flagd.2": OURS,
    "flagd.3": OURS | {"flagd"},
    "flagd.3.value": OURS | {"flagd"},
    "growthbook.1": OURS,
    "growthbook.2": OURS,
    "launchdarkly.1": OURS,
    "unleash.1": OURS,
}
"""For every algorithm there is: who deals its players."""


def test_flagd_has_no_operator_that_could_compute_another_hash() -> None:
    """No other hash, no bit operation, no character's number: nothing to build one of."""
    assert set(OPERATORS) == {
        *("fractional", "starts_with", "ends_with", "sem_ver"),  # flagd's own
        *("var", "missing", "missing_some", "==", "===", "!=", "!==", "!", "!!", "<", "<=", ">", ">="),
        *("+", "-", "*", "/", "%", "min", "max", "in", "cat", "substr", "merge", "log"),
    }


async def test_the_same_players_for_the_same_salt_and_key(house: House) -> None:
    assert set(CARRIED) == set(ALGORITHMS), "a new algorithm says here who carries it"
    plan = {"service": "payments", "strategy": {"canary": {"steps": _steps()}}}
    document = {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": plan}
    await asyncio.to_thread(house.client.post, "apply", {"documents": [document]})
    rollout = await asyncio.to_thread(house.start, "1.1.0")
    salt = f"{rollout}.1"
    flags = [_flag(algorithm, share, salt) for algorithm in CARRIED for share in SHARES]
    await asyncio.to_thread(house.client.post, "flags/apply", {"flags": flags, "reason": "one bucket"})
    token = house.place.flags_token.read_text()
    bearer = {"Authorization": f"Bearer {token}"}

    async with httpx.AsyncClient(base_url=house.place.page, headers=bearer, trust_env=False, timeout=120) as plane:
        definition = (await plane.get("api/v1/environments/production/flagd.json")).json()
        answers = {
            "sdk": await asyncio.to_thread(_by_sdk, house.place.page, token, flags),
            "flagd": _by_flagd(definition),
            "ofrep": await _by_ofrep(plane),
            "envoy": await _by_envoy(house, rollout),
        }
    for flag in flags:
        key, algorithm = flag["feature"], flag["bucketing"]["algorithm"]
        told = {who: players[key] for who, players in answers.items() if key in players}
        assert set(told) == CARRIED[algorithm], key
        chosen = told["sdk"]
        assert all(players == chosen for players in told.values()), key
        assert abs(len(chosen) / len(PLAYERS) - flag["rules"][0]["rollout"]) < 0.1, key


def test_what_flagd_cannot_carry_is_left_out_with_the_way_out() -> None:
    states = [
        declare(
            FlagDeclared(write_flag(read_flag(_flag(algorithm, 35, "shop-1.1"))), ""), version=1, actor="test", at=0
        )
        for algorithm in CARRIED
    ]
    _, notes = export_flagd(states, "production", {}, fractional=3)
    for note, (algorithm, carried) in zip(notes, CARRIED.items(), strict=True):
        assert note.flag == f"{algorithm}-35"
        if "flagd" in carried:
            assert note.fate is Fate.KEPT
        else:
            assert note.fate is Fate.LEFT_OUT
            assert f"dealt by {algorithm}, which flagd's fractional 3 does not compute" in note.text
            assert "pin 'bucketing: {algorithm: flagd.3}'" in note.text
            assert note.text.endswith("or ask by OFREP.")


def _steps() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for share in SHARES:
        steps += [{"setWeight": share}, {"pause": {}}]
    return steps


def _flag(algorithm: str, share: int, salt: str) -> dict[str, Any]:
    """flagd salts ``fractional``'s short form with the flag's key, and nothing else."""
    key = f"{algorithm}-{share}"
    salted = {} if algorithm == "flagd.3" else {"salt": salt}
    rules = [{"rollout": share / 100}]
    return {"feature": key, "owner": "test", "rules": rules, "bucketing": {"algorithm": algorithm, **salted}}


Chosen = dict[str, set[str]]


def _by_sdk(url: str, token: str, flags: list[dict[str, Any]]) -> Chosen:
    with FlagClient(url, token, cache=None) as client:
        until(lambda: client.details(flags[-1]["feature"]).variant or None, "the flags")
        return {
            flag["feature"]: {player for player in PLAYERS if client.is_enabled(flag["feature"], user=player)}
            for flag in flags
        }


def _by_flagd(definition: dict[str, Any]) -> Chosen:
    core = FlagdCore()
    core.set_flags(definition)
    return {
        key: {who for who in PLAYERS if core.resolve_boolean_value(key, False, EvaluationContext(who)).value}
        for key in definition["flags"]
        if key.partition("-")[0] in CARRIED
    }


async def _by_ofrep(plane: httpx.AsyncClient) -> Chosen:
    found: Chosen = {}
    for player in PLAYERS:
        answer = await plane.post("ofrep/v1/evaluate/flags", json={"context": {"targetingKey": player}})
        for flag in answer.json()["flags"]:
            players = found.setdefault(flag["key"], set())
            if flag["value"]:
                players.add(player)
    return found


def _stands_at(share: int, rollout: dict[str, Any]) -> bool:
    return bool(rollout["confirmedWeight"] == share and rollout["hold"] == "step")


async def _by_envoy(house: House, rollout: str) -> Chosen:
    """The canary's players at each step of the rollout, as the header of its answers says."""
    found: Chosen = {}
    async with httpx.AsyncClient(base_url=house.place.edge, trust_env=False, timeout=120) as edge:
        for share in SHARES:
            await house.wait_async(rollout, partial(_stands_at, share))
            served = {}
            for player in PLAYERS:
                answer = await edge.get("/payments", headers=[(b"x-player-id", player.encode())])
                served[player] = answer.headers["x-casino-version"]
            found[f"croupier.1-{share}"] = {player for player, version in served.items() if version == "1.1.0"}
            await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/promote", {})
    return found
