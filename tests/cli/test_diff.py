"""``croupier diff`` against a running control plane: the same, different, and not to be said."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import SHOP


def test_the_same_leaves_with_0(shop: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    same = cli("diff", file)
    assert (same.code, same.out) == (0, "0 documents would change, 3 stay the same.\n")


def test_what_differs_is_said_field_by_field(canary: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    changed = SHOP.replace("setWeight: 50", "setWeight: 60").replace(
        '[shop, "{port}"]}', '[shop, "{port}"], env: {K: s3cret}}'
    )
    file.write_text(
        changed + "---\napiVersion: croupier/v1\nkind: Segment\nmetadata: {name: vip}\nspec: {match: {tier: vip}}\n"
    )
    found = cli("diff", file)
    assert found.code == 1
    assert found.out == (
        "~ Service shop updated\n"
        "    spec.process.env.K: (not shown) is new\n"
        "~ Rollout shop updated\n"
        "    spec.strategy.canary.steps[2].setWeight: 50 becomes 60\n"
        "+ Segment vip created\n"
        "3 documents would change, 1 stays the same.\n"
    )
    assert "In progress: shop-2. Plans are frozen at their start, so nothing of this changes them." in found.err
    assert "those that run keep what they began with" in found.err
    text = cli("diff", file, "--text")
    assert text.code == 1
    assert "-      - setWeight: 50\n+      - setWeight: 60\n" in text.out
    assert "--- /dev/null\n+++ files/Segment/vip\n" in text.out
    both = json.loads(cli("diff", file, "--json").out)
    assert [item["effect"] for item in both["documents"]] == ["updated", "unchanged", "updated", "created"]
    assert "s3cret" not in found.out + found.err + text.out + str(both)
    assert cli("rollout", "show", "shop-2").code == 0


def test_a_service_that_runs_otherwise_is_told_of_by_apply_too(shop: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP.replace("spec:\n", "spec:\n  attributes: {tier: x-tier}\n", 1))
    assert "those that run keep" not in cli("diff", file).err
    file.write_text(SHOP.replace('[shop, "{port}"]}', '[shop, "{port}"], env: {K: s3cret}}'))
    assert "those that run keep what they began with" in " ".join(cli("apply", file).err.split())
    assert "those that run keep" not in cli("apply", file).err


def test_flags_too(shop: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "flags.yaml"
    file.write_text("feature: new_lobby\nenabled: true\n")
    assert cli("diff", file).out.startswith("+ Flag new_lobby created\n")
    assert cli("apply", file).code == 0
    assert cli("diff", file).code == 0
    file.write_text("feature: new_lobby\nenabled: false\n")
    found = cli("diff", file)
    assert "enabled" in found.out
    assert "A Flag counts at once: clients get it at once." in found.err


def test_what_cannot_be_said_leaves_with_2(shop: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: vip}\n")
    wrong = cli("diff", file)
    assert (wrong.code, wrong.out) == (2, "")
    assert "error:" in wrong.err
    assert cli("diff", tmp_path / "absent.yaml").code == 2
    file.write_text(SHOP)
    assert cli("--url", "http://127.0.0.1:9", "diff", file).code == 2
