"""Flags in words: usual conditions read as people say them, all others as they are written."""

from typing import Any

import pytest

from croupier.core.flags.read import read_flag
from croupier.server.web.flags import words


@pytest.mark.parametrize(
    "condition,said",
    [
        ("", "everybody"),
        ("true", "everybody"),
        ("market in ['DE','SE']", "DE, SE"),
        ("market == 'DE'", "DE"),
        ("market != 'DE'", "not DE"),
        ("!(market in ['DE'])", "not DE"),
        ("brand == 'X' && user.isEmployee", "brand X and user.isEmployee"),
        ("market in ['DE','SE'] && !(brand in ['X','Y'])", "DE/SE and not brand X, Y"),
        ("user.isEmployee || !beta", "user.isEmployee or not beta"),
        ("segment('vip')", "segment vip"),
        ("market in ['A','B','C','D','E','F','G']", "A, B, C, D, E and 2 more"),
        ("user.country in ['DE']", "DE"),
        # What has no words stays CEL, all of it.
        ("market == 'DE' && user.deposits > 3", "market == 'DE' && user.deposits > 3"),
        ("market in ['DE', 1]", "market in ['DE', 1]"),
        ("market in []", "market in []"),
        ("[market][0] == 'DE'", "[market][0] == 'DE'"),
        ("market == ''", "market == ''"),
        ("!(user.age > 3)", "!(user.age > 3)"),
        ("this is ( no CEL", "this is ( no CEL"),
    ],
)
def test_conditions(condition: str, said: str) -> None:
    assert words.condition(condition) == said


@pytest.mark.parametrize(
    "declared,said",
    [
        ({}, "nobody"),
        ({"enabled": False, "rules": [{}]}, "nobody"),
        ({"default": "on"}, "everybody"),
        ({"rules": [{}]}, "everybody"),
        ({"rules": [{"rollout": 0.25}]}, "25\u202f% of the players"),
        ({"rules": [{"if": "market == 'DE'", "rollout": 0.0025}]}, "0.25\u202f% of DE"),
        ({"rules": [{"if": "market == 'DE'", "variant": "off"}], "default": "on"}, "everybody else"),
        ({"rules": [{"rollout": 0}, {"if": "market == 'DE'"}]}, "DE"),
        ({"rules": [{}, {"if": "market == 'DE'"}]}, "everybody"),
        ({"rules": [{"if": f"market == '{name}'"} for name in "ABCD"]}, "A; B; C; and 1 more rule"),
        ({"rules": [{"if": f"market == '{name}'"} for name in "ABCDE"]}, "A; B; C; and 2 more rules"),
    ],
)
def test_audiences(declared: dict[str, Any], said: str) -> None:
    flag = read_flag({"feature": "f", **declared})
    assert words.audience(flag, flag.in_environment(None)) == said


def test_variants_are_named() -> None:
    variants = {"off": "grey", "blue": "#00f", "green": "#0f0"}
    rules = [{"if": "market == 'SE'", "variants": {"blue": 2, "green": 1}}]
    flag = read_flag({"feature": "f", "variants": variants, "rules": rules, "default": "blue"})
    said = "blue 66.67\u202f%, green 33.33\u202f% for SE; blue for everybody else"
    assert words.audience(flag, flag.in_environment(None)) == said


def test_what_is_long_is_cut() -> None:
    condition = " && ".join(f"attribute{number} > {number}" for number in range(40))
    flag = read_flag({"feature": "f", "rules": [{"if": condition}]})
    assert len(words.audience(flag, flag.in_environment(None))) == 90
