"""A flag as its clients get it: decided for their environment, short, and the same text everywhere."""

import json
from dataclasses import replace
from typing import Any

import pytest

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line, segment_line
from croupier.core.flags.model import Bucketing, Flag, Override, Prerequisite, Rule, Share, ValueType
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.core.flags.write import write_flag
from croupier.core.segments import AttributeMatch, Segment

FLAG = Flag("f", rules=(Rule("market == 'DE'", 2500),))
BOOLEAN = {"type": "boolean", "variants": {"on": True, "off": False}}
BY = ["croupier.1", "f", "f/variant", ""]


def state_of(flag: Flag) -> FlagState:
    return declare(e.FlagDeclared(write_flag(flag), ""), version=7, actor="a", at=0)


def body(state: FlagState, environment: str = "production") -> Any:
    key, version, text = flag_line(state, environment).split("\t")
    assert (key, version) == ("f", str(state.version))
    return json.loads(text) if text else None


def then(state: FlagState, event: e.FlagEvent) -> FlagState:
    return evolve(state, event, version=8, actor="a", at=1)


@pytest.mark.parametrize(
    "changes, line",
    [
        ({}, {"serve": "off", "by": BY, "rules": [{"if": "market == 'DE'", "rollout": 2500, "serve": "on"}]}),
        ({"rules": ()}, {"serve": "off"}),
        ({"rules": (Rule(name="all"),)}, {"serve": "off", "by": BY, "rules": [{"name": "all", "serve": "on"}]}),
        (
            {"rules": (Rule(serve=(Share("on", 1), Share("off", 2))),)},
            {"serve": "off", "by": BY, "rules": [{"serve": [["on", 1], ["off", 2]]}]},
        ),
        ({"default": "on", "rules": ()}, {"serve": "on"}),
        (
            {"rules": (), "prerequisites": (Prerequisite("g", ("on", "x")),)},
            {"serve": "off", "off": "off", "requires": [["g", ["on", "x"]]]},
        ),
        (
            {"rules": (Rule(),), "bucketing": Bucketing(salt="", by="id")},
            {"serve": "off", "by": ["croupier.1", "", "/variant", "id"], "rules": [{"serve": "on"}]},
        ),
        (
            {"rules": (Rule(bucketing=Bucketing("unleash.1", variant_salt="")),), "bucketing": Bucketing(salt="s")},
            {
                "serve": "off",
                "by": ["croupier.1", "s", "s/variant", ""],
                "rules": [{"serve": "on", "by": ["unleash.1", "s", "", ""]}],
            },
        ),
        ({"enabled": False}, {"fixed": "off", "why": "not enabled"}),
    ],
)
def test_what_it_says(changes: dict[str, Any], line: dict[str, Any]) -> None:
    assert body(state_of(replace(FLAG, **changes))) == BOOLEAN | line


def test_each_environment_has_its_own() -> None:
    state = state_of(replace(FLAG, environments={"test": Override(True, (), "on"), "stage": Override(enabled=False)}))
    assert body(state, "test") == BOOLEAN | {"serve": "on"}
    assert body(state, "stage") == BOOLEAN | {"fixed": "off", "why": "not enabled"}
    assert "rules" in body(state, "production")


def test_what_happened_to_it_is_decided_here() -> None:
    state = state_of(replace(FLAG, safe="on", enabled=False))
    reverted = then(state, e.FlagReverted())
    assert body(reverted) == BOOLEAN | {"fixed": "on", "why": "expired and not renewed"}
    killed = then(reverted, e.FlagKilled("it burns\n\ttwice"))
    assert body(killed) == BOOLEAN | {"fixed": "on", "why": "killed: it burns\n\ttwice"}
    assert body(then(killed, e.FlagArchived())) is None


def test_a_line_is_one_line_and_the_same_whatever_the_order_of_names() -> None:
    variants = {"b": {"y": 1, "x": "a\nb\u2028"}, "a": {}}
    flag = Flag("f", value_type=ValueType.OBJECT, variants=variants, off="a", default="b", safe="a")
    text = flag_line(state_of(flag), "production")
    assert "\n" not in text
    assert text == 'f\t7\t{"serve":"b","type":"object","variants":{"a":{},"b":{"x":"a\\nb\u2028","y":1}}}'


def test_a_segment_s_line() -> None:
    segment = Segment("vip", (AttributeMatch("tier", ("gold", "platinum")),))
    assert segment_line(segment, 3) == 'segment/vip\t3\t[["tier",["gold","platinum"]]]'
