"""``croupier import argo|flagger`` with whole manifests: what is written, what it leaves with, and the documentation's
samples.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from croupier.adapters.manifests.tree import parse_trees
from croupier.cli.app import app

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests/adapters/imports/samples"
ROLLOUT = """apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: wallet}
spec:
  selector: {matchLabels: {app: wallet}}
  template: {metadata: {labels: {app: wallet}}}
  strategy:
    canary:
      steps:
        - setWeight: 5
        - analysis: {templates: [{templateName: rounds}]}
"""
CANARY = """apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: wallet}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: wallet}
  analysis: {interval: 1m, threshold: 1, stepWeight: 10}
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    def run(tool: str, text: str, *options: str) -> Any:
        file = tmp_path / "manifest.yaml"
        file.write_text(text)
        return CliRunner().invoke(app, ["import", tool, str(file), *options])

    return run


@pytest.mark.parametrize("tool", ["argo", "flagger"])
def test_every_sample_is_written_and_valid(tmp_path: Path, tool: str) -> None:
    for file in sorted((SAMPLES / tool).glob("*.yaml")):
        folder = tmp_path / file.stem
        done = CliRunner().invoke(app, ["import", tool, str(file), "--out", str(folder)])
        assert done.exit_code == 0, done.output
        checked = CliRunner().invoke(app, ["validate", str(folder)])
        assert checked.exit_code == 0, (file.stem, checked.output)


def test_a_whole_rollout_is_strict_enough(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("argo", ROLLOUT, "--strict", "--out", str(tmp_path / "out"))
    assert (done.exit_code, done.stdout.strip()) == (0, str(tmp_path / "out" / "wallet.rollout.yaml"))
    assert done.stderr.splitlines()[-1] == "1 rollout: 1 carried over, 0 partly, 0 refused"
    assert run("flagger", CANARY, "--strict").exit_code == 0


LOSSES = [
    ("argo", ROLLOUT + "        - setCanaryScale: {weight: 5}\n      trafficRouting: {plugins: {a: {}}}\n", "rollouts"),
    ("argo", ROLLOUT + "        - experiment: {templates: []}\n", "rollouts"),
    ("flagger", CANARY.replace("stepWeight: 10", "stepWeight: 10, mirror: true"), "canaries"),
]


@pytest.mark.parametrize("tool, text, counted", LOSSES)
def test_strict_fails_where_something_is_not_possible(
    run: Callable[..., Any], tmp_path: Path, tool: str, text: str, counted: str
) -> None:
    assert run(tool, text).exit_code == 0
    done = run(tool, text, "--strict", "--out", str(tmp_path / "out"))
    assert (done.exit_code, done.stdout, (tmp_path / "out").exists()) == (1, "", False)
    assert "--strict: not all of it can be carried over; nothing was written" in done.stderr
    said = json.loads(run(tool, text, "--strict", "--json").stdout)
    assert (said["ok"], said["documents"], said[counted]) == (False, [], {"carriedOver": 0, "partly": 1, "refused": 0})
    assert any(line["fate"] == "not possible" for line in said["report"])


def test_a_mistake_has_file_line_and_field(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("argo", ROLLOUT.replace("setWeight: 5", "setWeight: 120"))
    assert done.exit_code == 5
    assert f"{tmp_path}/manifest.yaml:10:11 error spec.strategy.canary.steps[0].setWeight:" in " ".join(
        done.stderr.replace("\n", "").split()
    )
    assert "nothing was written" in done.stderr
    said = json.loads(run("flagger", CANARY.replace("stepWeight", "stepweight"), "--json").stdout)
    assert {(each["line"], each["field"]) for each in said["problems"]} == {
        (6, "spec.analysis.stepweight"),
    }


def test_what_croupier_refuses_leads_to_the_field_that_it_comes_from(run: Callable[..., Any]) -> None:
    said = json.loads(run("argo", ROLLOUT.replace("name: wallet}\nspec", f"name: {'x' * 64}}}\nspec"), "--json").stdout)
    assert [(each["line"], each["field"]) for each in said["problems"]][:1] == [(3, "metadata.name")]
    never = CANARY.replace(
        "stepWeight: 10", "stepWeight: 10, metrics: [{name: a, query: up, thresholdRange: {max: 1}}]"
    )
    said = json.loads(run("flagger", never.replace("query: up", "query: 'up{x=\"{{args.y}}\"}'"), "--json").stdout)
    assert [(each["line"], each["field"]) for each in said["problems"]] == [(6, "spec.analysis.metrics[0]")]


def test_names_are_told_apart_by_kind_and_taken_once(run: Callable[..., Any]) -> None:
    done = run("argo", f"{ROLLOUT}---\n{ROLLOUT}")
    assert done.exit_code == 5
    assert "'wallet' is in" in " ".join(done.stderr.split())
    assert run("argo", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n").exception is not None


def blocks(page: str) -> list[Any]:
    text = (ROOT / "docs/how-to" / page).read_text()
    return [
        [tree.data for tree in parse_trees(block, page)[0]]
        for block in re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("tool, page", [("argo", "import-argo-rollouts.md"), ("flagger", "import-flagger.md")])
def test_the_how_to_shows_what_is_made(run: Callable[..., Any], tool: str, page: str) -> None:
    before, after = blocks(page)
    made = json.loads(run(tool, json.dumps(before[0]), "--json").stdout)["documents"]
    assert made == after


def test_validate_points_here(tmp_path: Path) -> None:
    for text, hint in ((ROLLOUT, "croupier import argo FILE"), (CANARY, "croupier import flagger FILE")):
        (tmp_path / "t.yaml").write_text(text)
        assert hint in " ".join(CliRunner().invoke(app, ["validate", str(tmp_path)]).stderr.split())
