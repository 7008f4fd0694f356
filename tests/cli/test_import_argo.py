"""``croupier import argo``: a report for every field, and what is not valid refused with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from croupier.cli.app import app

TOP = """apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: success-rate}
spec:
"""
METRIC = """  metrics:
    - name: success-rate
      interval: 5m
      successCondition: result[0] >= 0.95
      provider:
        prometheus: {query: up}
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    def run(text: str, *options: str) -> Any:
        file = tmp_path / "template.yaml"
        file.write_text(text)
        return CliRunner().invoke(app, ["import", "argo", str(file), *options])

    return run


def report(run: Callable[..., Any], text: str, *options: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What --json says, and the fate of each field."""
    done = run(text, "--json", *options)
    said = json.loads(done.stdout)
    return said, {line["field"]: line["fate"] for line in said["report"]}


def problems(run: Callable[..., Any], text: str, *options: str) -> list[str]:
    done = run(text, "--json", *options)
    said = json.loads(done.stdout)
    assert done.exit_code == (5 if said["problems"] else 0)
    assert bool(said["documents"]) != bool(said["problems"])
    return [f"{each['line']} {each['field']}: {each['message']} {each['hint']}" for each in said["problems"]]


def test_a_template_becomes_a_gate(run: Callable[..., Any]) -> None:
    said, fates = report(run, TOP + METRIC)
    assert said["ok"]
    [gate] = said["documents"]
    assert gate["metadata"] == {"name": "success-rate"}
    assert gate["spec"] == {
        "analysis": {
            "metrics": [
                {
                    "name": "success-rate",
                    "interval": "5m",
                    "successCondition": "result[0] >= 0.95",
                    "provider": {"prometheus": {"query": "up"}},
                }
            ]
        }
    }
    assert fates["spec.metrics[0].interval"] == "carried over"
    assert fates["spec.metrics[0].consecutiveErrorLimit"] == "changed"


def test_what_differs_is_said_and_can_be_kept(run: Callable[..., Any]) -> None:
    done = run(TOP + METRIC)
    assert "an outage of the metrics rolls back a healthy release" in " ".join(done.stderr.split())
    said, fates = report(run, TOP + METRIC, "--compat", "argo")
    assert said["documents"][0]["spec"]["analysis"]["compat"] == "argo"
    assert fates["spec.metrics[0].consecutiveErrorLimit"] == "carried over"


EVERYTHING = """apiVersion: argoproj.io/v1alpha1
kind: ClusterAnalysisTemplate
metadata:
  name: everything
  labels: {team: shop}
status: {}
spec:
  args:
    - {name: service}
    - {name: limit, value: "5"}
    - name: token
      valueFrom: {secretKeyRef: {name: shop, key: token}}
  dryRun: [{metricName: "^quiet"}]
  measurementRetention: [{metricName: .*, limit: 300}, {metricName: web, limit: 7}]
  templates: [{templateName: other, clusterScope: true}]
  metrics:
    - name: web
      initialDelay: 30s
      interval: 60s
      count: "{{args.limit}}"
      failureLimit: "1"
      inconclusiveLimit: 2
      consecutiveErrorLimit: 3
      consecutiveSuccessLimit: 2
      successCondition: result.a < {{ args.limit }}
      failureCondition: result.a > 100
      provider:
        web:
          url: https://shop.example/{{args.service}}
          method: POST
          timeoutSeconds: 20
          insecure: true
          headers: [{key: X-Token, value: "{{args.token}}"}]
          jsonBody: {service: "{{args.service}}"}
          jsonPath: "{$.data}"
    - name: quiet
      failureCondition: result > 1
      provider:
        prometheus: {query: up, address: "http://prom:9090", timeout: 5, headers: [{key: A, value: b}]}
    - {name: slow, failureCondition: result > 1, provider: {web: {url: "https://x", timeoutSeconds: 600}}}
    - {name: dog, provider: {datadog: {query: x}}}
    - {name: ranged, provider: {prometheus: {query: x, rangeQuery: {start: now}}}}
    - {name: signed, provider: {web: {url: "https://x", authentication: {oauth2: {}}}}}
"""


def test_every_field_has_a_line(run: Callable[..., Any]) -> None:
    said, fates = report(run, EVERYTHING, "--arg", "service={{service}}", "--arg", "typo=1")
    assert said["ok"], said["problems"]
    analysis = said["documents"][0]["spec"]["analysis"]
    assert [each["name"] for each in analysis["metrics"]] == ["web", "quiet", "slow"]
    web, quiet, slow = analysis["metrics"]
    assert analysis["args"] == [
        {"name": "service", "value": "{{service}}"},
        {"name": "limit", "value": "5"},
        {"name": "token", "valueFrom": {"file": "shop/token"}},
    ]
    assert (web["count"], web["successCondition"], web["measurementRetention"]) == (5, "result.a < 5", 100)
    assert web["provider"]["web"]["headers"] == {"x-token": "{{args.token}}", "content-type": "application/json"}
    assert web["provider"]["web"]["body"] == '{"service": "{{args.service}}"}'
    assert web["provider"]["web"]["timeout"] == "20s"
    assert slow["provider"]["web"]["timeout"] == "120s"
    assert fates["spec.metrics[2].provider.web.timeoutSeconds"] == "changed"
    assert (quiet["dryRun"], quiet["provider"]["prometheus"]["timeout"]) == (True, "5s")
    assert {field for field, fate in fates.items() if fate == "not possible"} == {
        "spec.templates[0]",
        "spec.metrics[3]",
        "spec.metrics[4]",
        "spec.metrics[5]",
    }
    assert {field for field, fate in fates.items() if fate == "not needed"} == {"metadata.labels", "status"}
    assert any("--arg typo: the template has no such argument" in line["text"] for line in said["report"])
    written = {"spec.metrics[0]." + name for name in web if name not in {"provider", "measurementRetention"}}
    assert written <= set(fates)


def metric(
    more: str, provider: str = "prometheus: {query: up}", condition: str = "successCondition: result > 1"
) -> str:
    lines = "".join(f"      {line}\n" for line in [condition, *more.splitlines()] if line)
    return f"{TOP}  metrics:\n    - name: rate\n{lines}      provider: {{{provider}}}\n"


WRONG: list[tuple[str, str, str]] = [
    ("no metrics", TOP + "  metrics: []\n", "4 spec: there are no metrics"),
    (
        "the same name twice",
        TOP + METRIC + METRIC.removeprefix("  metrics:\n"),
        "11 spec.metrics[1].name: two metrics are called 'success-rate'",
    ),
    ("no provider", metric("", provider=""), "8 spec.metrics[0].provider: there is no provider"),
    (
        "two providers",
        metric("", provider="prometheus: {query: a}, web: {url: 'https://x'}"),
        "8 spec.metrics[0].provider: prometheus and web stand together",
    ),
    ("an unknown field", metric("limit: 3"), "8 spec.metrics[0].limit: Argo Rollouts has no field 'limit'"),
    ("both limits off", metric("interval: 1m\nfailureLimit: -1"), "9 spec.metrics[0].failureLimit: both limits"),
    (
        "too few for the limits",
        metric("interval: 1m\ncount: 3\nfailureLimit: 2\nconsecutiveSuccessLimit: 2"),
        "9 spec.metrics[0].count: 3 measurements are too few for failureLimit 2 and consecutiveSuccessLimit 2",
    ),
    (
        "too few for the inconclusive",
        metric("interval: 1m\ncount: 3\ninconclusiveLimit: 4"),
        "10 spec.metrics[0].inconclusiveLimit: 3 measurements are fewer",
    ),
    ("a count without an interval", metric("count: 3"), "8 spec.metrics[0].count: 3 measurements need an interval"),
    ("no duration", metric("interval: 5 minutes"), "8 spec.metrics[0].interval: '5 minutes' is no duration"),
    ("no number", metric("count: many"), "8 spec.metrics[0].count: expected a whole number"),
    (
        "no expression",
        metric("", condition="successCondition: result[0] >> 1"),
        "7 spec.metrics[0].successCondition: column 12: > is not expected here",
    ),
    (
        "an argument of nowhere",
        TOP + "  args: [{name: who, valueFrom: {}}]\n" + METRIC,
        "5 spec.args[0].valueFrom: it names no source. Argo Rollouts refuses it, too",
    ),
    (
        "an argument with both",
        TOP + "  args: [{name: a, value: b, valueFrom: {secretKeyRef: {name: x, key: y}}}]\n" + METRIC,
        "5 spec.args[0]: 'value' and 'valueFrom' cannot stand together",
    ),
    (
        "an argument twice",
        TOP + "  args: [{name: a, value: b}, {name: a, value: c}]\n" + METRIC,
        "5 spec.args[1].name: the argument 'a' is there twice",
    ),
    (
        "an argument that is not declared",
        metric("", provider="prometheus: {query: 'up{a=\"{{args.a}}\"}'}"),
        "8 spec.metrics[0].provider.prometheus.query: nothing stands for {{args.a}}",
    ),
    (
        "a condition with one",
        metric("", condition="successCondition: result > {{args.a}}"),
        "7 spec.metrics[0].successCondition: nothing is known of {{args.a}}",
    ),
    (
        "an argument of arguments",
        TOP + "  args: [{name: a, value: '{{ args.b }}'}]\n" + METRIC,
        "5 spec.args[0].value: nothing stands for {{args.b}}",
    ),
    (
        "a dry run of nothing",
        TOP + "  dryRun: [{metricName: other}]\n" + METRIC,
        "5 spec.dryRun[0].metricName: 'other' is the name of no metric",
    ),
    (
        "a bare star",
        TOP + "  dryRun: [{metricName: '*'}]\n" + METRIC,
        "5 spec.dryRun[0].metricName: '*' is no regular expression",
    ),
    (
        "a GET with a body",
        metric("", provider="web: {url: 'https://x', body: a}"),
        "8 spec.metrics[0].provider.web: a GET has no body",
    ),
    (
        "two bodies",
        metric("", provider="web: {url: 'https://x', method: POST, body: a, jsonBody: {}}"),
        "8 spec.metrics[0].provider.web: 'body' and 'jsonBody' cannot stand together",
    ),
    (
        "a header twice",
        metric("", provider="web: {url: 'https://x', headers: [{key: A, value: b}, {key: a, value: c}]}"),
        "8 spec.metrics[0].provider.web.headers[1]: the header 'a' is there twice",
    ),
    (
        "a method that nobody knows",
        metric("", provider="web: {url: 'https://x', method: PATCH}"),
        "8 spec.metrics[0].provider.web.method: 'PATCH' is no method",
    ),
    (
        "a method that is no text",
        metric("", provider="web: {url: 'https://x', method: {a: b}}"),
        "8 spec.metrics[0].provider.web.method:",
    ),
    (
        "a negative time-out",
        metric("", provider="web: {url: 'https://x', timeoutSeconds: -1}"),
        "8 spec.metrics[0].provider.web.timeoutSeconds: a time-out cannot be negative",
    ),
    (
        "no JSONPath",
        metric("", provider="web: {url: 'https://x', jsonPath: '{range .a}'}"),
        "8 spec.metrics[0].provider.web.jsonPath: this JSONPath cannot be read",
    ),
    ("no list", TOP + "  metrics: {}\n", "5 spec.metrics: expected a list"),
    ("no mapping", TOP + "  metrics: [a]\n", "5 spec.metrics[0]: expected a mapping"),
    ("no text", metric("", condition="successCondition: 1"), "7 spec.metrics[0].successCondition: expected text"),
    ("no document", "- 1\n", "1 : expected a document of Argo Rollouts"),
    ("a bad name", TOP.replace("success-rate", "Success") + METRIC, "3 metadata.name:"),
    ("no YAML", TOP + "  metrics: [\n", "expected"),
]


@pytest.mark.parametrize("text, expected", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_not_valid_is_refused_with_its_place(run: Callable[..., Any], text: str, expected: str) -> None:
    found = problems(run, text)
    assert any(expected in each for each in found), found


def test_two_of_the_same_name_are_refused(run: Callable[..., Any]) -> None:
    found = problems(run, f"{TOP}{METRIC}---\n{TOP}{METRIC}")
    assert "'success-rate' is in" in found[0]


def test_files_are_written_once(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run(TOP + METRIC, "--out", str(tmp_path / "gates"))
    assert done.exit_code == 0
    file = tmp_path / "gates" / "success-rate.yaml"
    assert done.stdout.strip() == str(file)
    checked = CliRunner().invoke(app, ["validate", str(file)])
    assert checked.exit_code == 0, checked.output
    again = CliRunner().invoke(
        app, ["import", "argo", str(tmp_path / "template.yaml"), "--out", str(tmp_path / "gates")]
    )
    assert "exists already" in str(again.exception)


def test_nothing_is_written_where_something_is_wrong(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run(metric("count: 3"), "--out", str(tmp_path / "gates"))
    assert done.exit_code == 5
    assert not (tmp_path / "gates").exists()
    assert "template.yaml:8:7" in done.stderr
    assert "nothing was written" in done.stderr


def test_what_argo_reads_otherwise_than_it_looks(run: Callable[..., Any]) -> None:
    retention = "  measurementRetention: [{metricName: rate, limit: 0}]\n"
    provider = "prometheus: {query: up, caCert: pem}"
    said, fates = report(run, metric("interval: 1m", provider=provider).replace("spec:\n", f"spec:\n{retention}"))
    assert "measurementRetention" not in said["documents"][0]["spec"]["analysis"]["metrics"][0]
    assert fates["spec.measurementRetention[0].limit"] == "carried over"
    assert fates["spec.metrics[0].provider.prometheus.caCert"] == "not possible"


DOG = "    - {name: dog, successCondition: result > 1, provider: {datadog: {query: x}}}\n"
LACKING = [
    ("a metric", METRIC + DOG),
    ("another's metrics", METRIC + "  templates: [{templateName: other}]\n"),
]


@pytest.mark.parametrize("spec", [row[1] for row in LACKING], ids=[row[0] for row in LACKING])
def test_what_is_lacking_fails_where_that_is_asked(run: Callable[..., Any], tmp_path: Path, spec: str) -> None:
    counts = {"carriedOver": 0, "partly": 1, "refused": 0}
    done = run(TOP + spec)
    assert (done.exit_code, bool(done.stdout)) == (0, True)
    assert done.stderr.splitlines()[-1] == "1 template: 0 carried over, 1 partly, 0 refused"
    folder = tmp_path / "gates"
    done = run(TOP + spec, "--strict", "--out", str(folder))
    assert (done.exit_code, done.stdout, folder.exists()) == (1, "", False)
    assert "--strict: not all of it can be carried over; nothing was written" in done.stderr
    assert done.stderr.splitlines()[-1] == "1 template: 0 carried over, 1 partly, 0 refused"
    done = run(TOP + spec, "--strict", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["ok"], said["documents"], said["templates"]) == (1, False, [], counts)
    said, _ = report(run, TOP + spec)
    assert (said["ok"], len(said["documents"]), said["templates"]) == (True, 1, counts)


def test_templates_are_counted_one_by_one(run: Callable[..., Any]) -> None:
    named = [TOP.replace("success-rate", name) for name in "abc"]
    whole = f"{named[0]}{METRIC}"
    assert run(whole, "--strict").exit_code == 0
    assert run(f"{whole}---\napiVersion: v1\nkind: Secret\n", "--strict").exit_code == 0  # nothing of it was measured
    three = f"{whole}---\n{named[1]}{METRIC}{DOG}---\n{named[2]}  metrics:\n{DOG}"
    done = run(three)
    assert (done.exit_code, done.stdout.count("kind: Gate")) == (0, 2)
    assert done.stderr.splitlines()[-1] == "3 templates: 1 carried over, 1 partly, 1 refused"
    assert run(three, "--strict").exit_code == 1
    wrong = f"{whole}---\n{named[1]}  metrics: []\n"
    said, _ = report(run, wrong)
    assert said["templates"] == {"carriedOver": 1, "partly": 0, "refused": 1}
    assert run(wrong, "--strict").exit_code == 5
    nothing = run(f"{named[2]}  metrics:\n{DOG}", "--strict")
    assert "None of these documents" in str(nothing.exception)  # which is 5, strict or not


def test_what_stands_beside_a_template_is_left_out(run: Callable[..., Any]) -> None:
    beside = TOP.replace("AnalysisTemplate", "AnalysisRun") + METRIC + "---\napiVersion: v1\nkind: Secret\n"
    said, fates = report(run, f"{TOP}{METRIC}---\n{beside}")
    assert len(said["documents"]) == 1
    assert fates[""] == "not needed"
    assert [line["text"] for line in said["report"] if not line["field"]] == [
        "AnalysisRun 'success-rate' is passed over: import the AnalysisTemplate that it was made of",
        "Secret is passed over ('v1' is not of Argo Rollouts): put what gates need below CROUPIER_SECRETS_DIR",
    ]
    assert "None of these documents" in str(run(beside).exception)


def test_where_nothing_can_be_carried_over_that_is_said(run: Callable[..., Any]) -> None:
    done = run(metric("", provider="datadog: {query: x}"))
    assert "None of these documents could be carried over" in str(done.exception)
    done = run(TOP + METRIC, "--arg", "novalue")
    assert "gives no argument a value" in str(done.exception)


def test_validate_points_here(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(TOP + METRIC)
    done = CliRunner().invoke(app, ["validate", str(tmp_path)])
    assert "croupier import argo FILE" in " ".join(done.stderr.split())


ASKING = """  args: [{name: who}]
  metrics:
    - name: success-rate
      successCondition: result[0] >= 0.95
      provider:
        prometheus: {query: 'ok{app="{{args.who}}"}'}
"""


@pytest.mark.parametrize(
    "spec, told",
    [
        (ASKING, True),
        (ASKING.replace("{{args.who}}", "{{ version }}"), False),
        (ASKING.replace("args.who", "version"), False),
        (
            f"  dryRun: [{{metricName: .*}}]\n{METRIC}    - name: other\n      provider: {{job: {{spec: {{}}}}}}\n",
            False,
        ),
        (METRIC.replace("query: up", "query: '{{args.none}}'"), True),
    ],
)
def test_a_query_that_asks_about_no_version_is_told(run: Callable[..., Any], spec: str, told: bool) -> None:
    about = "asks about no version"
    assert (about in " ".join(run(TOP + spec, "--arg", "who={{service}}").stderr.split())) == told
    assert about not in " ".join(run(TOP + ASKING, "--arg", "who={{service}}-{{version}}").stderr.split())
