"""``croupier import argo|flagger`` with whole manifests: what is written, what it leaves with, and the documentation's
samples.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.imports.manifests import CANARY
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
  template: {metadata: {labels: {app: wallet}}, spec: {containers: [{name: main, image: "shop:1"}]}}
  strategy:
    canary:
      steps:
        - setWeight: 5
        - analysis: {templates: [{templateName: rounds}]}
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


def test_a_list_is_imported_item_by_item(run: Callable[..., Any]) -> None:
    item = ROLLOUT.replace("\n", "\n    ").rstrip()
    listed = f"apiVersion: v1\nkind: List\nitems:\n  - {item}\n  - {{apiVersion: v1, kind: Service}}\n"
    said = json.loads(run("argo", listed, "--json").stdout)
    assert [document["metadata"]["name"] for document in said["documents"]] == ["wallet"]
    fields = {line["field"]: line for line in said["report"]}
    assert fields[""]["text"] == "List: its 2 items are imported one by one"
    assert (fields["items[0].metadata.name"]["line"], fields["items[0].metadata.name"]["document"]) == (6, "wallet")
    assert fields["items[1]"]["text"].startswith("Service is passed over")
    wrong = json.loads(run("argo", listed.replace("setWeight: 5", "setWeight: 120"), "--json").stdout)["problems"]
    assert [(each["line"], each["field"]) for each in wrong] == [
        (13, "items[0].spec.strategy.canary.steps[0].setWeight"),
    ]
    kinds = '{"apiVersion": "flagger.app/v1beta1", "kind": "CanaryList", "items": [%s]}'
    kinds = kinds % '{"metadata": {"name": "c"}, "spec": %s}'
    spec = '{"targetRef": {"apiVersion": "a", "kind": "Deployment", "name": "n"}, "analysis": %s}'
    listed = kinds % spec % '{"interval": "1m", "threshold": 1, "stepWeight": 10}'
    assert json.loads(run("flagger", listed, "--json").stdout)["canaries"]["carriedOver"] == 1


@pytest.mark.parametrize("word, switched", [("no", False), ("Off", False), ("on", True), ("YES", True)])
def test_switches_are_read_as_kubernetes_reads_them(run: Callable[..., Any], word: str, switched: bool) -> None:
    strategy = f"  strategy: {{blueGreen: {{activeService: a, autoPromotionEnabled: {word}}}}}\n"
    text = ROLLOUT[: ROLLOUT.index("  strategy:")] + strategy
    (made,) = json.loads(run("argo", text, "--json").stdout)["documents"]
    assert made["spec"]["strategy"]["blueGreen"]["autoPromotionEnabled"] is switched
    quoted = run("argo", text.replace(f": {word}}}", f": '{word}'}}"), "--json")
    assert "expected true or false" in json.loads(quoted.stdout)["problems"][0]["message"]


def test_json_below_a_directory_is_read_where_it_is_kubernetes(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('["no document"]')
    data = json.dumps(parse_trees(ROLLOUT, "f")[0][0].data)
    (tmp_path / "wallet.json").write_text(data)
    said = json.loads(CliRunner().invoke(app, ["import", "argo", str(tmp_path), "--json"]).stdout)
    assert (len(said["documents"]), said["problems"]) == (1, [])


def test_each_field_has_one_of_four_words(run: Callable[..., Any]) -> None:
    text = ROLLOUT.replace("spec:\n", "  labels: {a: b}\nspec:\n").replace("{name: wallet}", "\n  name: wallet", 1)
    done = run("argo", text + "        - setCanaryScale: {weight: 5}\n      trafficRouting: {plugins: {a: {}}}\n")
    said = " ".join(done.stderr.split())
    assert "setWeight carried over: setWeight: 5" in said
    assert "apiVersion changed: croupier/v1" in said
    assert "metadata.labels not needed: it belongs to Kubernetes" in said
    assert "setCanaryScale not possible: a canary runs all instances" in said
    assert "fields: 4 carried over, 2 changed, 1 not possible, 4 not needed" in said


def test_nothing_is_written_over_nor_through_a_link(run: Callable[..., Any], tmp_path: Path) -> None:
    folder, away = tmp_path / "out", tmp_path / "away"
    folder.mkdir()
    (folder / "wallet.rollout.yaml").symlink_to(away)
    assert "exists already" in str(run("argo", ROLLOUT, "--out", str(folder)).exception)
    assert not away.exists()
    assert "cannot be written" in str(run("argo", ROLLOUT, "--out", str(tmp_path / "manifest.yaml" / "in")).exception)


def test_no_document_takes_anothers_file(run: Callable[..., Any], tmp_path: Path) -> None:
    gate = """---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: %s}
spec: {metrics: [{name: m, successCondition: result > 1, provider: {prometheus: {query: up}}}]}
"""
    text = ROLLOUT.replace("rounds", "wallet.rollout") + gate % "wallet.rollout" + gate % "rollout-wallet.rollout"
    assert run("argo", text, "--out", str(tmp_path / "out")).exit_code == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    first = gate % "wallet.rollout" + gate % "rollout-wallet.rollout" + "---\n"
    assert run("argo", first + ROLLOUT.replace("rounds", "wallet.rollout"), "--out", str(tmp_path / "o")).exit_code == 0
    assert len(list((tmp_path / "o").iterdir())) == 3


@pytest.mark.parametrize("sign", ["\u202e", "\x1b[31m", "\x9b", "\x07"])
def test_nothing_that_a_terminal_acts_on_is_printed(run: Callable[..., Any], sign: str) -> None:
    written = json.dumps(f"up{sign}{{}}")
    text = CANARY.replace(
        "stepWeight: 10", f"stepWeight: 10, metrics: [{{name: m, query: {written}, thresholdRange: {{max: 1}}}}]"
    ).replace("metadata: {name: wallet}", f"metadata: {{name: wallet, annotations: {{{written}: a}}}}")
    done = run("flagger", text)
    assert (done.exit_code, sign in done.stdout, sign in done.stderr) == (0, False, False)
    made = [tree.data for tree in parse_trees(done.stdout, "f")[0]]
    assert made[0]["spec"]["analysis"]["metrics"][0]["provider"]["prometheus"]["query"] == f"up{sign}{{}}"
    refused = run("flagger", text.replace("threshold: 1,", f"threshold: 1, {written}: 1,"))
    assert (refused.exit_code, sign in refused.stderr) == (5, False)


TORN = [
    ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"{n}{n}: &x{n} [{', '.join(['*b'] * 400)}]\n" for n in "cdefghijkl")
     + "".join(f"{n}: [{', '.join(f'*x{m}' for m in 'cdefghijkl')}]\n" for n in "mnopqrst"), "more than 50000 values"),
    ("a: " + "[" * 2_000, "levels deep"),
    ("a: 1\na: 2\n", "is written twice"),
    ("a: \0\n", "the character NUL"),
    ("a: !!python/object:os.system x\n", "is not allowed"),
]  # fmt: skip


@pytest.mark.parametrize("text, expected", TORN)
@pytest.mark.parametrize("tool", ["argo", "flagger"])
def test_what_is_made_to_break_a_reader_is_refused_with_its_place(
    run: Callable[..., Any], tool: str, text: str, expected: str
) -> None:
    (problem,) = json.loads(run(tool, f"{CANARY}---\n{text}", "--json").stdout)["problems"]
    assert expected in problem["message"]
    assert problem["line"] > 6


def test_files_that_are_no_text_are_refused(run: Callable[..., Any], tmp_path: Path) -> None:
    for content, expected in ((b"a: \xff", "no UTF-8"), (b"#" * 10_000_000, "too large (9.5 MiB")):
        (tmp_path / "broken.yaml").write_bytes(content)
        done = CliRunner().invoke(app, ["import", "argo", str(tmp_path / "broken.yaml"), "--json"])
        assert (done.exit_code, expected in json.loads(done.stdout)["problems"][0]["message"]) == (5, True)


def blocks(page: str) -> list[Any]:
    text = (ROOT / "docs/how-to" / page).read_text()
    return [
        [tree.data for tree in parse_trees(block, page)[0]]
        for block in re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("tool, page", [("argo", "import-argo-rollouts.md"), ("flagger", "import-flagger.md")])
def test_the_how_to_shows_what_is_made(run: Callable[..., Any], tool: str, page: str) -> None:
    before, after, *_ = blocks(page)
    made = json.loads(run(tool, json.dumps(before[0]), "--json").stdout)["documents"]
    assert made == after


def test_validate_points_here(tmp_path: Path) -> None:
    for text, hint in ((ROLLOUT, "croupier import argo FILE"), (CANARY, "croupier import flagger FILE")):
        (tmp_path / "t.yaml").write_text(text)
        assert hint in " ".join(CliRunner().invoke(app, ["validate", str(tmp_path)]).stderr.split())
