"""A preset as people write it."""

from typing import Any

import pytest

from croupier.core.flags.preset import (
    MOST_CHANGES,
    Approval,
    Change,
    Preset,
    PresetState,
    changed_source,
    read_preset,
    write_preset,
)
from croupier.errors import Rejected

OLD_BUTTON = {
    "name": "old-payment-button",
    "description": "Brings the old payment button back.",
    "changes": [
        {"flag": "payments_v2", "kill": True},
        {"flag": "button", "default": "old"},
        {"flag": "button", "environment": "test", "enabled": False, "rules": []},
    ],
}


def test_what_is_written_is_read() -> None:
    preset = read_preset(OLD_BUTTON)
    assert preset == Preset(
        "old-payment-button",
        (
            Change("payments_v2", kill=True),
            Change("button", settings={"default": "old"}),
            Change("button", environment="test", settings={"enabled": False, "rules": []}),
        ),
        "Brings the old payment button back.",
    )
    assert preset.flags == ("payments_v2", "button")
    assert write_preset(preset) == OLD_BUTTON
    assert read_preset(write_preset(preset)) == preset


def test_a_description_may_be_left_out() -> None:
    bare = {"name": "x", "changes": [{"flag": "f", "kill": True}]}
    assert write_preset(read_preset(bare)) == bare


@pytest.mark.parametrize(
    "changes, field, words",
    [
        ({"name": ""}, "name", "cannot be a preset's name"),
        ({"changes": []}, "changes", "a preset has 1 to 1000 changes, not 0"),
        ({"changes": [{"flag": "f", "kill": True}] * (MOST_CHANGES + 1)}, "changes", "not 1001"),
        ({"changes": [{"kill": True}]}, "changes[0].flag", "which flag is to change?"),
        ({"changes": [{"flag": "f"}]}, "changes[0]", "write either kill: true, or what to set"),
        ({"changes": [{"flag": "f", "kill": True, "enabled": True}]}, "changes[0]", "write either"),
        ({"changes": [{"flag": "f", "kill": True, "environment": "x"}]}, "changes[0].environment", "a kill is"),
        ({"changes": [{"flag": "f", "owner": "x"}]}, "changes[0].owner", "unknown field"),
        ({"changes": 3}, "changes", "expected a list"),
    ],
)  # fmt: skip
def test_refused(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Rejected, match="The preset is wrong") as caught:
        read_preset(OLD_BUTTON | changes)
    assert any(words in str(problem) for problem in caught.value.problems if problem.field == field)


def test_settings_go_into_the_declaration_or_into_an_environment_s_part_of_it() -> None:
    source = {"feature": "f", "environments": {"test": {"enabled": True, "default": "on"}}}
    assert changed_source(source, Change("f", settings={"enabled": False})) == {**source, "enabled": False}
    assert changed_source(source, Change("f", environment="test", settings={"enabled": False})) == {
        "feature": "f",
        "environments": {"test": {"enabled": False, "default": "on"}},
    }
    assert changed_source({"feature": "f"}, Change("f", environment="x", settings={"rules": []})) == {
        "feature": "f",
        "environments": {"x": {"rules": []}},
    }


def test_an_approval_is_for_one_digest() -> None:
    state = PresetState(read_preset(OLD_BUTTON), OLD_BUTTON, "sha256:a", "ann", 0)
    assert not state.approved
    for digest, approved in (("sha256:a", True), ("sha256:b", False)):
        approval = Approval("bob", 1, digest)
        assert PresetState(state.preset, OLD_BUTTON, "sha256:a", "ann", 0, approval).approved is approved
