"""One word for what a flag does somewhere."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, Kill, declare
from croupier.core.flags.write import digest_of, write_flag
from croupier.server.web.flags.standing import standing


def state(**declared: Any) -> FlagState:
    source = write_flag(read_flag({"feature": "f", **declared}))
    return declare(FlagDeclared(source, digest_of(source)), version=1, actor="anna", at=0.0)


@pytest.mark.parametrize(
    "declared,word",
    [
        ({}, "off"),
        ({"enabled": False, "default": "on"}, "off"),
        ({"default": "on"}, "on"),
        ({"rules": [{}]}, "on"),
        ({"rules": [{"rollout": 0.5}]}, "partly"),
        ({"rules": [{"rollout": 0}]}, "off"),
        ({"rules": [{"rollout": 0}], "default": "on"}, "on"),
        ({"rules": [{"if": "a", "variant": "off"}], "default": "on"}, "partly"),
        ({"rules": [{"if": "a", "variant": "off"}]}, "off"),
        ({"rules": [{"variants": {"on": 1, "off": 1}}]}, "partly"),
        ({"rules": [{"variants": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 0}]}]}, "on"),
        ({"rules": [{}], "prerequisites": [{"flag": "other"}]}, "partly"),
        ({"environments": {"production": {"rules": [{}]}}}, "on"),
        ({"environments": {"staging": {"rules": [{}]}}}, "off"),
    ],
)
def test_words(declared: dict[str, Any], word: str) -> None:
    assert standing(state(**declared), "production") == word


def test_what_happened_to_it_counts_more() -> None:
    on = state(rules=[{}])
    assert standing(replace(on, reverted_at=1.0), "production") == "reverted"
    assert standing(replace(on, reverted_at=1.0, kills=(Kill("anna", 1.0, "why"),)), "production") == "killed"
