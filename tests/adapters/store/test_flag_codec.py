"""States of flags as text; what they are read back as is held by ``test_flags`` on real databases."""

from dataclasses import fields

import pytest

from croupier.adapters.store import flag_codec
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.state import FlagState, declare
from croupier.errors import Corrupt


def test_everything_of_a_state_is_kept_but_the_flag_which_its_source_gives() -> None:
    kept = [item.name for item in fields(flag_codec._Kept)]
    assert kept == [item.name for item in fields(FlagState) if item.name != "flag"]


def test_a_state_comes_back() -> None:
    state = declare(FlagDeclared({"feature": "a", "kill_switch": True}, "sha256:1"), version=3, actor="anna", at=1.25)
    assert flag_codec.decode_flag(flag_codec.encode_flag(state), "flag a") == state


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"source": {}, "digest": 1}'])
def test_what_is_no_state_is_named(text: str) -> None:
    with pytest.raises(Corrupt, match="flag"):
        flag_codec.decode_flag(text, "flag a")
