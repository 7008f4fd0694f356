"""States of flags as text; what they are read back as is held by ``test_flags`` on real databases."""

import json
from dataclasses import fields

import pytest

from croupier.adapters.store import flag_codec
from croupier.core.flags.events import FlagDeclared, FlagKilled
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.errors import Corrupt


def test_everything_of_a_state_is_kept_but_the_flag_which_its_source_gives() -> None:
    kept = [item.name for item in fields(flag_codec._Kept) if item.name != "killed"]
    assert kept == [item.name for item in fields(FlagState) if item.name != "flag"]


def test_a_state_comes_back() -> None:
    state = declare(FlagDeclared({"feature": "a", "kill_switch": True}, "sha256:1"), version=3, actor="anna", at=1.25)
    assert flag_codec.decode_flag(flag_codec.encode_flag(state), "flag a") == state


@pytest.mark.parametrize("written", ["before there were several kills", "now"])
def test_what_is_killed_is_killed_in_older_and_newer_versions(written: str) -> None:
    state = declare(FlagDeclared({"feature": "a", "kill_switch": True}, "sha256:1"), version=3, actor="anna", at=1.25)
    state = evolve(state, FlagKilled("fire"), version=4, actor="ben", at=2.5)
    row = json.loads(flag_codec.encode_flag(state))
    assert row["killed"]["reason"] == "fire"  # all that an older version looks at
    if written == "now":
        assert flag_codec.decode_flag(json.dumps(row), "flag a") == state
    else:
        del row["kills"]
        assert flag_codec.decode_flag(json.dumps(row), "flag a").kills == state.kills[:1]


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"source": {}, "digest": 1}'])
def test_what_is_no_state_is_named(text: str) -> None:
    with pytest.raises(Corrupt, match="flag"):
        flag_codec.decode_flag(text, "flag a")
