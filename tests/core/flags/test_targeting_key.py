"""Who the player is."""

from types import SimpleNamespace
from typing import Any

import pytest

from croupier.core.flags.targeting_key import NoKey, key_of


@pytest.mark.parametrize(
    "by, context, key",
    [
        ("", {"targetingKey": "p1", "user": "p2"}, "p1"),
        ("", {"user": "p2"}, "p2"),
        ("", {"targetingKey": None, "user": "p2"}, "p2"),
        ("", {"user": 7}, "7"),
        ("", {"user": {"id": "p3", "key": "x"}}, "p3"),
        ("", {"user": {"key": "p4"}}, "p4"),
        ("", {"user": SimpleNamespace(id=5)}, "5"),
        ("session", {"session": "s"}, "s"),
        ("account.id", {"account": {"id": 9}}, "9"),
        ("account.id", {"account": SimpleNamespace(id="a")}, "a"),
        ("account", {"account": {"id": "a"}}, "a"),
    ],
)
def test_known_by(by: str, context: dict[str, Any], key: str) -> None:
    assert key_of(by)(context) == key


@pytest.mark.parametrize(
    "by, context, words",
    [
        ("", {}, "targetingKey or user is missing"),
        ("", {"targetingKey": ""}, "targetingKey or user is missing"),
        ("", {"user": True}, "targetingKey or user is no usable key"),
        ("", {"user": 1.5}, "targetingKey or user is no usable key"),
        ("", {"user": {}}, "targetingKey or user is missing"),
        ("", {"user": ["p1"]}, "targetingKey or user is missing"),
        ("", {"user": {"id": ["p1"]}}, "targetingKey or user is no usable key"),
        ("account.id", {}, "account.id is missing"),
        ("account.id", {"account": "a"}, "account.id is missing"),
        ("account.id", {"account": {"id": ""}}, "account.id is missing"),
    ],
)
def test_unknown(by: str, context: dict[str, Any], words: str) -> None:
    with pytest.raises(NoKey, match=words):
        key_of(by)(context)
