"""What the casino asks of flags: safe answers whatever is missing, the edge's identity, decisions that are logged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xxhash
from ruamel.yaml import YAML

from casino.errors import Misconfigured
from casino.flags import Flags, FlagSource, open_flags, running_first
from casino.identity import Player
from casino.world import PROVIDERS, STUDIOS
from croupier.sdk import FlagClient

ANN = Player("p1", "DE", "aurora")
WORKER = Player("p2", "DE", "aurora", employee=True)
HIGH_ROLLER = Player("p3", "MT", "bluefin")
DECLARED = Path(__file__).parent.parent / "croupier/flags.yaml"


def require_safe(flags: Flags) -> None:
    assert not flags.new_deposits(ANN)
    assert flags.lobby(ANN) == "classic"
    assert not flags.high_limits(HIGH_ROLLER)
    assert all(flags.provider_runs(psp, ANN) and flags.provider_runs(psp, None) for psp in PROVIDERS)
    assert all(flags.studio_runs(studio, ANN) for studio in STUDIOS)


def test_without_a_control_plane_the_bootstrap_answers_and_is_safe(tmp_path: Path) -> None:
    flags = open_flags(FlagSource(tmp_path), "payments", "1", "salt")
    assert flags.status() == {"source": "bootstrap", "version": 1, "connected": False}
    require_safe(flags)
    flags.client.close()


def test_a_control_plane_that_does_not_answer_holds_nothing_up(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("crp_x_y\n")
    flags = open_flags(FlagSource(tmp_path, "http://127.0.0.1:1", token), "payments", "1", "salt")
    require_safe(flags)
    assert not flags.status()["connected"]
    flags.client.close()


def test_a_client_that_knows_no_flag_at_all_is_safe() -> None:
    require_safe(Flags(FlagClient.from_rules({})))


def test_a_layout_that_this_version_does_not_know_is_the_usual_one() -> None:
    assert Flags(FlagClient.from_rules({"new_lobby": "carousel"})).lobby(ANN) == "classic"


def test_a_token_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Misconfigured, match="CASINO_FLAGS_TOKEN_FILE /nowhere/token: No such file"):
        open_flags(FlagSource(Path(), "http://127.0.0.1:1", Path("/nowhere/token")), "payments", "1", "salt")


def test_every_declared_flag_is_in_the_bootstrap_and_has_an_owner() -> None:
    declared = {item["metadata"]["name"]: item["spec"] for item in YAML(typ="safe").load_all(DECLARED)}
    known = json.loads((DECLARED.parent.parent / "src/casino/bootstrap.json").read_text())
    assert declared.keys() == {item["feature"] for item in known}
    assert all(spec["owner"] for spec in declared.values())
    assert {name for name, spec in declared.items() if "expires" in spec} == {"payments_v2", "new_lobby"}


def test_the_declared_rules_take_whom_they_say() -> None:
    declared = {item["metadata"]["name"]: item["spec"] for item in YAML(typ="safe").load_all(DECLARED)}
    rules = [{"feature": "payments_v2", "rules": declared["payments_v2"]["rules"]}]
    flags = Flags(FlagClient.from_rules(rules))
    taken = [flags.new_deposits(Player(f"p{n}", "SE", "aurora")) for n in range(2_000)]
    assert 400 < sum(taken) < 600
    assert not any(flags.new_deposits(Player(f"p{n}", "MT", "aurora")) for n in range(200))
    assert flags.new_deposits(WORKER)


def test_a_player_has_the_same_bucket_as_at_the_edge() -> None:
    client = FlagClient.from_rules([{"feature": "payments_v2", "rules": [{"rollout": 0.5}]}])
    flags = Flags(client)
    for number in range(50):
        player = Player(f"p{number:016x}", "DE", "aurora")
        bucket = xxhash.xxh64_intdigest(f"payments_v2:{player.id}".encode()) % 10_000
        assert flags.new_deposits(player) == (bucket < 5_000)


def test_the_next_provider_is_the_largest_that_runs() -> None:
    off = dict.fromkeys(("psp_kestrel", "psp_velora", "psp_tarn"), False)
    for switched, chosen in (
        ((), "velora"), (("psp_velora",), "kestrel"), (("psp_velora", "psp_kestrel"), "tarn"), (tuple(off), None),
    ):  # fmt: skip
        flags = Flags(FlagClient.from_rules({name: name not in switched for name in off}))
        assert running_first(flags, "velora", ANN) == chosen


def test_labels_name_the_flag_and_its_variant() -> None:
    rules = [{"feature": "new_lobby", "variants": {"classic": "classic", "recent": "recent"}, "off": "classic"}]
    assert Flags(FlagClient.from_rules(rules)).lobby_labels(ANN) == ("new_lobby", "classic")
    assert Flags(FlagClient.from_rules({})).lobby_labels(ANN) == ("new_lobby", "default")


def test_decisions_are_logged_a_few_a_second_and_the_rest_is_counted(tmp_path: Path) -> None:
    flags = open_flags(FlagSource(tmp_path), "payments", "1", "salt")
    for _ in range(100):
        flags.new_deposits(ANN)
    flags.client.close()
    lines = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "left_out" not in line]
    assert {line["flag"] for line in lines} == {"payments_v2"}
    assert all(line["key"] and line["key"] != "p1" for line in logged), "keys are hashed"
    assert len(logged) < 100
    assert len(logged) + sum(line.get("left_out", 0) for line in lines) == 100
