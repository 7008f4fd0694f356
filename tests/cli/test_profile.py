"""Profiles, approvals and hotfixes from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from croupier.adapters.manifests.words import PROFILES

ROLLOUT = """
apiVersion: croupier/v1
kind: Rollout
metadata: {{name: shop}}
spec:
  service: shop
  profile: {{name: generic, gates: {{edge-5xx: ok}}, without: [api-p95]}}
  {more}
"""


def test_the_profiles_are_listed(cli: Any) -> None:
    listed = cli("profile", "list")
    assert (listed.code, [row[0] for row in listed.rows]) == (0, list(PROFILES))
    found = json.loads(cli("profile", "list", "--json").out)
    assert [each["name"] for each in found] == list(PROFILES)
    assert all(each["digest"].startswith("sha256:") for each in found)


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_shown_with_its_reasons(cli: Any, name: str) -> None:
    shown = cli("profile", "show", name)
    assert (shown.code, f"profile: {name}" in shown.out, "why:" in shown.out) == (0, True, True)
    found = json.loads(cli("profile", "show", name, "--json").out)
    assert found["profile"] == name
    assert {"steps", "gates", "hotfix"} <= found["why"].keys()


def test_a_profile_that_there_is_not(cli: Any) -> None:
    refused = cli("profile", "show", "payment")
    assert refused.code == 3
    assert "There is no profile 'payment'" in refused.err
    assert "There are: auth, payments" in refused.err


def written(folder: Path, more: str = "keepStable: 1m") -> Path:
    path = folder / "rollout.yaml"
    path.write_text(ROLLOUT.format(more=more))
    return path


def test_what_is_less_careful_is_said_by_validate_and_plan(cli: Any, tmp_path: Path) -> None:
    path = written(
        tmp_path, "keepStable: 1m\n  strategy: {canary: {analysis: {templates: [{templateName: edge-5xx}]}}}"
    )
    path.write_text(path.read_text().replace("gates: {edge-5xx: ok}, ", ""))
    checked = cli("validate", str(path))
    assert checked.code == 0
    (told,) = (
        line for line in checked.err.splitlines() if "less careful than the profile generic: gate api-p95" in line
    )
    assert "; keepStable 1 min, of the profile 10 min. Write what the profile says" in told
    planned = cli("rollout", "plan", str(path), "--rate", "20/s")
    assert "Less careful than its profile: gate api-p95 none, of the profile a guard." in planned.out
    assert "It waits for an approval by one operator or admin other than who starts it." in planned.out
    assert "Players are moved at most every 2 min, at most 50 % of them at once" in planned.out
    (found,) = json.loads(cli("rollout", "plan", str(path), "--rate", "20/s", "--json").out)
    assert found["profile"]["name"] == "generic"
    assert found["approval"] == {"people": 1, "of": ["operator"]}
    assert found["disruption"] == {"betweenS": 120.0, "jump": 50.0}
    assert len(found["loosened"]) == 2


def test_the_lane_of_a_hotfix_is_shown(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "rollout.yaml"
    path.write_text(
        "apiVersion: croupier/v1\nkind: Rollout\nmetadata: {name: shop}\nspec: {service: shop, profile: auth}\n"
    )
    planned = cli("rollout", "plan", str(path), "--rate", "20/s", "--hotfix")
    assert planned.out.startswith("shop: 6 steps, 8 min or more.")
    assert "Hotfix: the lane for hotfixes" in planned.out
    assert "approval" not in planned.out


def test_somebody_else_lets_it_go_on(shop: Any, cli: Any, tmp_path: Path) -> None:
    assert cli("apply", str(written(tmp_path))).code == 0
    started = cli("rollout", "start", "shop", "1.1.0")
    assert started.code == 0
    assert "shop-2 is paused at 0 %: waiting for an approval by one operator or admin other than admin" in started.out
    assert "less careful than its profile: gate api-p95 none" in started.out
    assert "to approve of it: croupier rollout approve shop-2 --reason TEXT" in started.out
    own = cli("rollout", "approve", "shop-2", "--reason", "me")
    assert own.code == 5
    assert "admin started shop-2: somebody else must approve it" in own.err
    token = json.loads(cli("token", "create", "boris", "--role", "operator", "--json").out)["token"]
    stale = cli("--token", token, "rollout", "approve", "shop-2", "--digest", "sha256:0", "--reason", "seen")
    assert "is not what you looked at" in stale.err
    approved = cli("--token", token, "rollout", "approve", "shop-2", "--reason", "looked")
    assert approved.code == 0
    assert "approval\tboris\t" in cli("rollout", "show", "shop-2").out
    assert "boris (operator) approved of the rollout" in cli("rollout", "history", "shop-2").out
    none = cli("--token", token, "rollout", "approve", "shop-2", "--reason", "again")
    assert "waits for no approval" in none.err


def test_a_hotfix_from_the_command_line(canary: Any, cli: Any, tmp_path: Path) -> None:
    release = tmp_path / "release.yaml"
    release.write_text("apiVersion: croupier/v1\nkind: Release\nspec: {service: shop, version: 1.2.0}\n")
    assert cli("release", "add", str(release)).code == 0
    unsaid = cli("rollout", "start", "shop", "1.2.0", "--hotfix")
    assert "A hotfix needs a reason" in unsaid.err
    started = cli("rollout", "start", "shop", "1.2.0", "--hotfix", "--reason", "deposits fail")
    assert "shop-3 (hotfix) is pending at 0 %" in started.out
    assert "It supersedes shop-2 (1.1.0)" in started.out
    assert "lane\thotfix" in cli("rollout", "show", "shop-3").out
    kept = cli("rollout", "start", "shop", "1.1.0")
    assert "shop-3 is a hotfix in progress" in kept.err
    assert "--supersede" in kept.err
    assert cli("rollout", "start", "shop", "1.1.0", "--supersede").code == 0
