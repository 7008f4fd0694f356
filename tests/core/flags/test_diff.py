"""A history that a person can read."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from tests.core.flags.strategies import flags

from croupier.core.flags.diff import diff
from croupier.core.flags.model import (
    Bucketing,
    Flag,
    FlagType,
    OnExpiry,
    Override,
    Prerequisite,
    Rule,
    Share,
    ValueType,
)

DE, VIP = Rule("market == 'DE'", 2500), Rule("vip", name="vips")
FLAG = Flag("f", owner="ann", rules=(DE, VIP), environments={"test": Override(enabled=True)})


@pytest.mark.parametrize(
    "changes, told",
    [
        ({}, []),
        ({"kill_switch": True}, ["killed by its declaration"]),
        ({"enabled": False}, ["disabled"]),
        ({"owner": "bob", "description": "x"}, ["description: nothing -> x", "owner: ann -> bob"]),
        ({"type": FlagType.OPS, "on_expiry": OnExpiry.REVERT}, ["type: release -> ops", "on expiry: warn -> revert"]),
        ({"default": "on", "safe": "on"}, ["default: off -> on", "safe: off -> on"]),
        ({"expires_at": 1_800_000_000.0}, ["expires: never -> 2027-01-15 08:00 UTC"]),
        ({"tags": ("a", "b")}, ["tags: nothing -> a, b"]),
        ({"prerequisites": (Prerequisite("g", ("on", "x")),)}, ["requires: nothing -> g = on or x"]),
        ({"bucketing": Bucketing(salt="s")}, ["bucketing changed: players are dealt anew"]),
        (
            {"variants": {"on": True, "x": "y" * 99}, "value_type": ValueType.STRING},
            [
                "variant off removed",
                f"variant x added: {'y' * 59}…",
                "value type: boolean -> string",
            ],
        ),
        ({"variants": {"on": 1, "off": False}}, ["variant on: true -> 1"]),
        ({"rules": (replace(DE, rollout=5000), VIP)}, ["rule 1 (market == 'DE'): rollout 25 % -> 50 %"]),
        ({"rules": (DE, replace(VIP, condition="vip || staff"))}, ["rule 2 (vips): if vip -> vip || staff"]),
        ({"rules": (DE, replace(VIP, condition=""))}, ["rule 2 (vips): if vip -> everybody"]),
        ({"rules": (replace(DE, name="de"), VIP)}, ["rule 1 (de): name none -> de"]),
        ({"rules": (DE, replace(VIP, name=""))}, ["rule 2 (vip): name vips -> none"]),
        (
            {"rules": (replace(DE, condition="market == 'SE'"), VIP)},
            ["rule 1 (market == 'SE'): if market == 'DE' -> market == 'SE'"],
        ),
        ({"rules": (VIP,)}, ["rule 1 (market == 'DE') removed"]),
        ({"rules": (DE, Rule(rollout=1), VIP)}, ["rule 2 (everybody) added: on for 0.01 %"]),
        (
            {"rules": (DE, replace(VIP, serve=(Share("on", 1), Share("off", 3)), bucketing=Bucketing()))},
            ["rule 2 (vips): serves on -> on 1 / off 3", "rule 2 (vips): bucketing changed: players are dealt anew"],
        ),
        ({"environments": {}}, ["test: enabled"]),
        ({"environments": {"test": Override(enabled=False)}}, ["test: disabled"]),
        (
            {"environments": {"test": Override(True, (VIP,), "on")}},
            ["test: rule 1 (market == 'DE') removed", "test: default: off -> on"],
        ),
    ],
)
def test_what_changed(changes: dict[str, Any], told: list[str]) -> None:
    assert list(diff(FLAG, replace(FLAG, **changes))) == told


def test_an_environment_that_stops_to_be_different() -> None:
    own = replace(FLAG, environments={"test": Override(rules=())})
    assert list(diff(own, replace(FLAG, environments={}))) == [
        "test: the same rules as everywhere",
        "test: rule 1 (market == 'DE') added: on for 25 %",
        "test: rule 2 (vips) added: on for 100 %",
    ]
    assert diff(own, replace(own, environments={"test": Override()}))[0] == "test: the same rules as everywhere"


def test_a_long_value_is_shown_from_where_it_changed() -> None:
    """Far behind what is shown of it otherwise."""
    menu = {"games": [f"slot-{index}" for index in range(30)], "jackpot": 1}
    before = replace(FLAG, variants={"on": menu, "off": "x" * 80})
    after = replace(FLAG, variants={"on": {**menu, "jackpot": True}, "off": "x" * 70})
    assert diff(before, after) == (
        'variant on: …ot-29"], "jackpot": 1} -> …ot-29"], "jackpot": true}',
        f"variant off: …{'x' * 30} -> …{'x' * 20}",
    )


def test_no_longer_killed() -> None:
    assert diff(replace(FLAG, kill_switch=True), FLAG) == ("no longer killed by its declaration",)


@pytest.mark.parametrize(
    "rules, told",
    [
        ((), "declared: a release flag with no rules"),
        ((DE,), "declared: a release flag with 1 rule"),
        ((DE, VIP), "declared: a release flag with 2 rules"),
    ],
)
def test_the_first_declaration(rules: tuple[Rule, ...], told: str) -> None:
    assert diff(None, replace(FLAG, rules=rules)) == (told,)


def test_each_type_has_its_article() -> None:
    told = [diff(None, replace(FLAG, type=each, rules=()))[0] for each in (FlagType.OPS, FlagType.EXPERIMENT)]
    assert told == ["declared: an ops flag with no rules", "declared: an experiment with no rules"]


@given(flags(), flags())
def test_it_says_something_exactly_where_something_changed(before: Flag, after: Flag) -> None:
    after = replace(after, key=before.key)
    assert diff(before, before) == ()
    told = diff(before, after)
    assert bool(told) or before == after
    assert all(line and "\n" not in line[:1] for line in told)
