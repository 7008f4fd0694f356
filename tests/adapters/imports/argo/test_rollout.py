"""Argo's Rollout as ours: what each part becomes, and what is refused as there."""

from typing import Any

import pytest
from tests.adapters.imports.manifests import documents, problems, read, refused, said, sample, steps

from croupier.adapters.imports.argo import import_argo
from croupier.adapters.imports.made import Extent, Made

TOP = """apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r, labels: {team: money}}
spec:
  selector: {matchLabels: {app: r}}
  template: {metadata: {labels: {app: r}}, spec: {containers: [{name: main, image: "shop:1"}]}}
"""
CANARY = TOP + "  strategy:\n    canary:\n"
ROUTED = (
    CANARY
    + "      stableService: s\n      canaryService: c\n      trafficRouting: {istio: {virtualService: {name: v}}}\n"
)
EXPERIMENT = """apiVersion: argoproj.io/v1alpha1
kind: Experiment
metadata: {name: e}
spec:
  templates: [{name: a, selector: {matchLabels: {x: y}}, template: {spec: {containers: [{name: m, image: i}]}}}]
  analyses: [{name: t, templateName: t, args: [{name: a, value: b}]}]
"""
TEMPLATE = """---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: t}
spec:
  args: [{name: a}]
  metrics: [{name: m, successCondition: "result[0] > 0", provider: {prometheus: {query: "up{a='{{args.a}}'}"}}}]
"""


def made(text: str, **args: str) -> list[Made]:
    return import_argo(read(text), args, argo=False)


def canary(*lines: str, top: str = CANARY) -> str:
    return top + "      steps:\n" + "".join(f"        - {line}\n" for line in lines)


def test_steps_go_on_as_they_are() -> None:
    mades = made(canary("setWeight: 5", "pause: {}", "setWeight: 25", "pause: {duration: 1h}", "pause: {duration: 90}"))
    assert steps(mades, "r") == [5, "person", 25, "1h", "90s"]
    assert mades[0].extent is Extent.WHOLE
    assert said(mades, "spec.strategy.canary.steps[0].setWeight") == ["carried over: setWeight: 5"]


@pytest.mark.parametrize(
    "step", ["plugin: {name: a/b}", "experiment: {templates: []}", "analysis: {templates: [{templateName: gone}]}"]
)
def test_what_decides_there_and_cannot_here_is_decided_by_a_person(step: str) -> None:
    mades = made(canary("setWeight: 5", step, "setWeight: 50") + TEMPLATE, a="b")
    assert steps(mades, "r") == [5, "person", 50]
    assert mades[0].extent is Extent.PARTLY


def test_a_lost_guard_puts_a_person_at_the_end() -> None:
    text = canary("setWeight: 5", "pause: {duration: 1m}") + "      analysis: {templates: [{templateName: gone}]}\n"
    assert steps(made(text + TEMPLATE, a="b"), "r") == [5, "1m", "person"]
    without = made(text)  # no template is among the files: they are elsewhere
    assert steps(without, "r") == [5, "1m"]
    assert documents(without)["Rollout", "r"]["strategy"]["canary"]["analysis"] == {
        "templates": [{"templateName": "gone"}]
    }


@pytest.mark.parametrize("lines, expected", [((), ["person"]), (("pause: {duration: 1m}",), ["1m", "person"])])
def test_a_guard_that_never_sees_a_player_is_none(lines: tuple[str, ...], expected: list[Any]) -> None:
    guard = "      analysis: {templates: [{templateName: t}], args: [{name: a, value: b}]}\n"
    mades = made((canary(*lines) if lines else CANARY) + guard + TEMPLATE)
    assert steps(mades, "r") == expected
    assert "analysis" not in documents(mades)["Rollout", "r"]["strategy"]["canary"]
    assert refused(mades) == []


def test_an_analysis_before_any_weight_is_none() -> None:
    mades = made(
        canary("analysis: {templates: [{templateName: t}], args: [{name: a, value: b}]}", "setWeight: 5") + TEMPLATE
    )
    assert steps(mades, "r") == ["person", 5]
    assert "no gate sees a canary without players" in said(mades, "spec.strategy.canary.steps[0].analysis")[0]


def test_what_does_nothing_is_left_out() -> None:
    mades = made(canary("setWeight: 5", "setWeight: 5", "pause: {}", "pause: {}", "setWeight: 0"))
    assert steps(mades, "r") == [5, "person", 0]
    assert said(mades, "spec.strategy.canary.steps[1].setWeight")[0].startswith("changed: the step before sets 5")
    assert said(mades, "spec.strategy.canary.steps[3].pause")[0].startswith("changed: the step before waits")


def test_values_of_arguments_are_written_into_gates() -> None:
    mades = import_argo(sample("argo", "background_analysis"), {}, argo=False)
    gate = documents(mades)["Gate", "bonus-errors"]["analysis"]
    assert gate["args"] == [
        {"name": "service", "value": "bonus"},
        {"name": "canary-hash", "value": "{{version}}"},
        {"name": "team", "value": "promo"},
    ]
    assert said(mades, "spec.strategy.canary.analysis.args[3]")[0].startswith("not needed: no template here")


def test_other_values_make_another_gate() -> None:
    mades = import_argo(sample("argo", "analysis_steps"), {}, argo=False)
    assert steps(mades, "slots") == [0.5, ["smoke", "rounds"], 50.0, ["rounds-2"], 100.0]
    values = [documents(mades)["Gate", name]["analysis"]["args"][0]["value"] for name in ("rounds", "rounds-2")]
    assert values == ["https://slots.casino.example", "https://slots-eu.casino.example"]


def test_values_given_to_the_import_win() -> None:
    text = canary("setWeight: 5", "analysis: {templates: [{templateName: t}], args: [{name: a, value: b}]}") + TEMPLATE
    assert documents(made(text, a="mine"))["Gate", "t"]["analysis"]["args"] == [{"name": "a", "value": "mine"}]


@pytest.mark.parametrize(
    "path, value",
    [
        ("metadata.name", "r"),
        ("metadata.labels['team']", "money"),
        ("metadata.namespace", None),
        ("spec.strategy.canary.steps[0].setWeight", "5"),
        ("status.phase", None),
        ("spec.strategy.canary.steps[9]", None),
    ],
)
def test_fields_of_the_rollout_are_looked_up(path: str, value: str | None) -> None:
    source = f"valueFrom: {{fieldRef: {{fieldPath: '{path.replace(chr(39), chr(39) * 2)}'}}}}"
    analysis = f"analysis: {{templates: [{{templateName: t}}], args: [{{name: a, {source}}}]}}"
    mades = made(canary("setWeight: 5", analysis) + TEMPLATE)
    assert problems(mades) == []
    if value is None:
        assert steps(mades, "r") == [5, "person"]
        assert said(mades, "spec.args[0]")[0].startswith("not possible: nothing here says its value")
    else:
        assert documents(mades)["Gate", "t"]["analysis"]["args"] == [{"name": "a", "value": value}]


def test_a_template_whose_arguments_nobody_gives_a_value_is_no_mistake() -> None:
    for mades in (made(canary("setWeight: 5") + TEMPLATE), made(TEMPLATE.removeprefix("---\n"))):
        assert problems(mades) == []
        assert said(mades, "spec.args[0]")[0].startswith("not possible: nothing here says its value")
        assert said(mades, "spec.metrics") == ["not possible: there is no Gate without values for all arguments"]
        assert ("Gate", "t") not in documents(mades)


def test_nothing_is_checked_of_what_a_value_is_lacking_for() -> None:
    text = TEMPLATE.removeprefix("---\n").replace("name: m,", "name: m, interval: '{{args.a}}', count: '{{args.a}}',")
    assert "{{args.a}}" in text
    assert problems(made(text)) == []
    (one,) = import_argo([read(text)[0]], {"a": "30s"}, argo=False)
    assert [problem.path[-1] for problem in one.problems] == ["count"]


@pytest.mark.parametrize(
    "metrics, words",
    [
        ("[{name: m, provider: {prometheus: {query: up}}}]", "without a condition every measurement succeeds"),
        ("[{name: m, provider: {job: {spec: {}}}}]", "let the job's result be asked for over HTTP"),
    ],
)
def test_a_metric_that_is_not_in_the_gate_has_one_line(metrics: str, words: str) -> None:
    top = "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: t}\n"
    mades = made(f"{top}spec: {{metrics: {metrics}}}\n")
    assert problems(mades) == []
    (line,) = said(mades, "spec.metrics[0]")
    assert line.startswith("not possible: the metric is not in the Gate: ")
    assert words in line
    assert not said(mades, "spec.metrics[0].name")


def test_a_template_of_dry_runs_alone_makes_no_gate() -> None:
    metric = "{name: m, successCondition: result > 1, provider: {prometheus: {query: up}}}"
    top = "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: t}\n"
    mades = made(f"{top}spec: {{dryRun: [{{metricName: m}}], metrics: [{metric}]}}\n")
    assert (problems(mades), documents(mades)) == ([], {})
    assert "all of its metrics are a dry run" in said(mades, "spec.metrics")[0]


def test_templates_of_templates_are_gone_through_once() -> None:
    """However often they name each other: ways through forty levels of two each are too many to go."""
    levels = [
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisTemplate",
            "metadata": {"name": f"t{level}-{side}"},
            "spec": {"templates": [{"templateName": f"t{level + 1}-{other}"} for other in "ab"]},
        }
        for level in range(40)
        for side in "ab"
    ]
    rollout = read(canary("setWeight: 5", "analysis: {templates: [{templateName: t0-a}]}"))
    mades = import_argo([*rollout, *levels], {}, argo=False)
    assert problems(mades) == []
    assert steps(mades, "r") == [5, "person"]


def test_a_rule_that_would_never_end_ends() -> None:
    name = "a" * 40
    metric = {"name": f"{name}!", "failureCondition": "result > 1", "provider": {"prometheus": {"query": "up"}}}
    spec = {"dryRun": [{"metricName": "(a+)+$"}], "metrics": [metric]}
    data = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "t"}, "spec": spec}
    (one,) = import_argo([data], {}, argo=False)
    assert "is the name of no metric" in problems([one])[0]


def test_a_gate_for_other_values_takes_nobodys_name() -> None:
    given = "analysis: {templates: [{templateName: t}], args: [{name: a, value: '%s'}]}"
    other = TEMPLATE.replace("name: t}", "name: t-2}").replace("args: [{name: a}]", "args: [{name: a, value: z}]")
    mades = made(canary("setWeight: 5", given % "x", "setWeight: 9", given % "y") + TEMPLATE + other)
    assert problems(mades) == []
    assert {name for kind, name in documents(mades) if kind == "Gate"} == {"t", "t-2", "t-2-values"}


def test_a_generated_name_is_called_without_its_letters() -> None:
    mades = made(canary("setWeight: 5").replace("name: r,", "generateName: r-,"))
    assert problems(mades) == []
    assert list(documents(mades)) == [("Rollout", "r")]
    assert said(mades, "metadata.generateName")[0].startswith("changed: 'r', since no letters are added")


def test_a_run_is_checked_and_passed_over() -> None:
    text = TEMPLATE.removeprefix("---\n").replace("AnalysisTemplate", "AnalysisRun")
    (run,) = made(text)
    assert (run.problems, [line.text for line in run.lines]) == (
        [],
        ["AnalysisRun 't' is passed over: import the AnalysisTemplate that it was made of"],
    )
    assert "no field 'interwal'" in problems(made(text.replace("name: m,", "name: m, interwal: 5s,")))[0]


def test_templates_of_templates_are_named_instead() -> None:
    mades = import_argo(sample("argo", "nested_templates"), {}, argo=False)
    assert steps(mades, "payouts") == [10, ["errors"], "person"]


def test_blue_green_is_a_switch_at_once() -> None:
    mades = import_argo(sample("argo", "blue_green"), {}, argo=False)
    wallet = documents(mades)["Rollout", "wallet"]
    assert (wallet["keepStable"], wallet["keepCanary"]) == ("600s", "60s")
    assert wallet["strategy"] == {
        "blueGreen": {
            "autoPromotionEnabled": False,
            "prePromotionAnalysis": {"templates": [{"templateName": "ledger"}]},
            "postPromotionAnalysis": {"templates": [{"templateName": "ledger-2"}]},
            "watch": "0s",
        }
    }
    assert said(mades, "spec.strategy.blueGreen.previewReplicaCount")[0].startswith("changed: both stacks run all")
    by_clock = import_argo(sample("argo", "blue_green_by_clock"), {}, argo=False)
    found = {one.name: documents(by_clock)["Rollout", one.name]["strategy"]["blueGreen"] for one in by_clock}
    assert found == {
        "kyc": {"autoPromotionSeconds": 120, "keep": "30s", "watch": "0s"},
        "limits": {"autoPromotionEnabled": True, "keep": "30s", "watch": "0s"},
    }
    assert {one.extent for one in by_clock} == {Extent.WHOLE}


def test_blue_green_whose_checks_are_not_all_known_waits_for_a_person() -> None:
    asked = "prePromotionAnalysis: {templates: [{templateName: nowhere}]}, autoPromotionSeconds: 9"
    mades = made(TOP + f"  strategy: {{blueGreen: {{activeService: a, {asked}}}}}\n" + TEMPLATE)
    assert said(mades, "spec.strategy.blueGreen.prePromotionAnalysis")[0].startswith("changed: not all of it is asked")
    (rollout,) = [spec for (kind, _), spec in documents(mades).items() if kind == "Rollout"]
    assert rollout["strategy"]["blueGreen"] == {"autoPromotionEnabled": False, "keep": "30s", "watch": "0s"}
    late = "autoPromotionEnabled: false, autoPromotionSeconds: 9"
    mades = made(TOP + f"  strategy: {{blueGreen: {{activeService: a, {late}}}}}\n")
    assert said(mades, "spec.strategy.blueGreen.autoPromotionSeconds")[0].startswith("not needed: of no effect")
    mades = made(TOP + "  strategy: {blueGreen: {activeService: a, autoPromotionSeconds: 99999999}}\n")
    assert said(mades, "spec.strategy.blueGreen.autoPromotionSeconds")[0].startswith("changed: 31622400")


def test_an_experiment_is_a_report() -> None:
    mades = made(EXPERIMENT + TEMPLATE)
    assert [one.extent for one in mades] == [Extent.REFUSED, Extent.WHOLE]
    assert said(mades, "spec.templates")[0].startswith("not possible: no pods run beside a rollout")


def test_timing_has_other_names() -> None:
    spec = documents(import_argo(sample("argo", "istio_many"), {}, argo=False))["Rollout", "tables"]
    assert (spec["progressDeadline"], spec["keepStable"]) == ("300s", "45s")
    live = documents(import_argo(sample("argo", "header_and_mirror"), {}, argo=False))["Rollout", "live"]
    assert live["keepCanary"] == "8784h"


ANALYSED = "setWeight: 5", "analysis: {templates: [{templateName: t}], args: [%s]}"
PING_PONG = "      pingPong: {pingService: a, pongService: %s}\n"
ALB = ROUTED.replace("{istio: {virtualService: {name: v}}", "{managedRoutes: [{name: h}], alb: {servicePort: 80}")
HEADER = "      steps: [{setHeaderRoute: {name: h, match: [{headerName: a, headerValue: {prefix: b}}]}}]\n"
CONTAINER = '{name: main, image: "shop:1"}'
SIZED = CANARY.replace('"shop:1"', '"shop:1", resources: {requests: {memory: %s}}')
JOB = "  metrics: [{name: m, provider: {job: {spec: {template: {spec: {containers: %s}}}}}}]\n"
ENDLESS = TEMPLATE.replace("name: m,", "name: m, interval: 1m,")
WRONG: list[tuple[str, str, str]] = [
    (
        "a step that waits for ever",
        canary("analysis: {templates: [{templateName: t}], args: [{name: a, value: b}]}") + ENDLESS,
        "steps[0].analysis.templates[0].templateName: the metric 'm' of 't' is measured without an end",
    ),
    (
        "a switch that waits for ever",
        TOP
        + "  strategy: {blueGreen: {activeService: s, prePromotionAnalysis: {templates: [{templateName: t}]}}}\n"
        + ENDLESS.replace("interval: 1m,", "interval: 1m, count: 0,"),
        "blueGreen.prePromotionAnalysis.templates[0].templateName: the metric 'm' of 't' is measured without an end",
    ),
    (
        "a field that is not to be had",
        canary(ANALYSED[1] % "{name: a, valueFrom: {fieldRef: {fieldPath: metadata.generation}}}"),
        "args[0].valueFrom: 'metadata.generation' is not to be had. Argo Rollouts refuses it, too: write metadata.name",
    ),
    (
        "a field in other quotes",
        canary(
            "experiment: {templates: [{name: x, specRef: canary}], analyses: [{name: t, templateName: t, args: "
            """[{name: a, valueFrom: {fieldRef: {fieldPath: 'metadata.labels["team"]'}}}]}]}"""
        ),
        "experiment.analyses[0].args[0].valueFrom: 'metadata.labels[\"team\"]' is not to be had",
    ),
    (
        "both ways to name what Istio routes by",
        ROUTED.replace("{name: v}", "{name: v}, virtualServices: [{name: w}]"),
        "trafficRouting.istio: 'virtualService' and 'virtualServices' stand together. Argo Rollouts refuses it, too",
    ),
    (
        "neither way to name an Ingress",
        ROUTED.replace("istio: {virtualService: {name: v}}", "nginx: {}"),
        "trafficRouting.nginx: 'stableIngress' and 'stableIngresses' are both missing",
    ),
    (
        "no Ingress of a load balancer",
        ROUTED.replace("istio: {virtualService: {name: v}}", "alb: {servicePort: 80}"),
        "trafficRouting.alb: 'ingress' and 'ingresses' are both missing",
    ),
    ("pods of nothing", CANARY.replace(CONTAINER, ""), "spec.template: its pods have no containers"),
    ("no pods", CANARY.replace(f", spec: {{containers: [{CONTAINER}]}}", ""), "spec.template: its pods have no contai"),
    (
        "an experiment without pods",
        EXPERIMENT.replace("spec: {containers: [{name: m, image: i}]}", ""),
        "no containers",
    ),
    ("no image", CANARY.replace(', image: "shop:1"', ""), "spec.template.spec.containers[0]: 'image' is missing"),
    ("no name", CANARY.replace("name: main, ", ""), "spec.template.spec.containers[0]: 'name' is missing"),
    (
        "two of a name",
        CANARY.replace("containers:", "initContainers: [{name: main, image: i}], containers:"),
        "spec.template.spec.initContainers[0].name: two containers are called 'main'",
    ),
    (
        "pods that end",
        CANARY.replace("containers:", "restartPolicy: Never, containers:"),
        "spec.template.spec.restartPolicy: pods that stay are always restarted",
    ),
    (
        "more versions left behind than are kept",
        TOP + "  strategy: {blueGreen: {activeService: a, scaleDownDelayRevisionLimit: 11}}\n",
        "scaleDownDelayRevisionLimit: it is more than revisionHistoryLimit. Argo Rollouts refuses it, too: write 10",
    ),
    ("ping without pong", ROUTED + PING_PONG % "a", "pingPong.pongService: it is pingService, too"),
    (
        "ping-pong by another router",
        ROUTED.replace("istio: {virtualService: {name: v}}", "smi: {}") + PING_PONG % "b",
        "pingPong: it is for trafficRouting by alb and istio only",
    ),
    ("ping-pong without a root", ALB + PING_PONG % "b", "trafficRouting.alb: beside pingPong it needs 'rootService'"),
    ("a header's beginning by ALB", ALB + HEADER, "headerValue: ALB compares the whole value of a header only"),
    ("no strategy", TOP + "  strategy: {}\n", "spec.strategy: there is neither canary nor blueGreen"),
    (
        "two strategies",
        TOP + "  strategy: {canary: {steps: [{setWeight: 5}]}, blueGreen: {activeService: a}}\n",
        "spec.strategy: canary and blueGreen stand together",
    ),
    (
        "an unknown field",
        canary("setWeight: 5") + "      stepz: []\n",
        "spec.strategy.canary.stepz: Argo Rollouts has no",
    ),
    (
        "too large a weight",
        canary("setWeight: 120"),
        "steps[0].setWeight: a weight of 120 is not possible. Argo Rollouts",
    ),
    ("a weight that is text", canary('setWeight: "5"'), "steps[0].setWeight: expected a whole number, found '5'"),
    ("a negative weight", canary("setWeight: -5"), "steps[0].setWeight: -5 is not possible"),
    ("two in a step", canary("{setWeight: 5, pause: {}}"), "steps[0]: setWeight and pause stand together in one step"),
    (
        "an analysis and an experiment",
        canary("{analysis: {templates: [{templateName: t}]}, experiment: {templates: []}}"),
        "steps[0]: experiment and analysis stand together",
    ),
    ("an empty step", canary("{}"), "steps[0]: the step does nothing"),
    ("a negative pause", canary("pause: {duration: -5m}"), "steps[0].pause.duration: a pause cannot be negative"),
    ("no pause", canary("pause: {duration: soon}"), "'soon' is no duration of a pause"),
    (
        "an analysis of nothing",
        canary("setWeight: 5", "analysis: {}"),
        "steps[1].analysis: the analysis names no template",
    ),
    ("a scale without routing", canary("setCanaryScale: {weight: 5}"), "setCanaryScale: it needs trafficRouting"),
    (
        "a route that is not managed",
        canary("setHeaderRoute: {name: x}", top=ROUTED),
        "steps[0].setHeaderRoute.name: 'x' is no managed route",
    ),
    (
        "a mirror without routing",
        canary("setMirrorRoute: {name: x}"),
        "setMirrorRoute: it needs trafficRouting by istio",
    ),
    (
        "a match in two ways",
        canary(
            "setHeaderRoute: {name: x, match: [{headerName: a, headerValue: {exact: a, regex: b}}]}",
            top=ROUTED.replace("{istio:", "{managedRoutes: [{name: x}], istio:"),
        ),
        "setHeaderRoute.match[0]: a value is matched in not exactly one way",
    ),
    (
        "the weight of pods without a router",
        canary("experiment: {templates: [{name: a, specRef: canary, weight: 5}]}"),
        "experiment.templates[0].weight: nothing routes by this weight",
    ),
    (
        "pods of nothing",
        canary("experiment: {templates: [{name: a, specRef: other}]}"),
        "templates[0].specRef: 'other' is not possible. Write canary or stable",
    ),
    (
        "a delay without routing",
        CANARY + "      scaleDownDelaySeconds: 5\n",
        "'scaleDownDelaySeconds' needs trafficRouting",
    ),
    (
        "a dynamic scale with a delay",
        ROUTED + "      scaleDownDelaySeconds: 5\n      dynamicStableScale: true\n",
        "dynamicStableScale: it cannot stand beside scaleDownDelaySeconds",
    ),
    ("one service twice", ROUTED.replace("canaryService: c", "canaryService: s"), "stableService: it is the canary's"),
    (
        "routing without services",
        CANARY + "      trafficRouting: {smi: {}}\n",
        "stableService: trafficRouting by smi needs 'stableService'",
    ),
    (
        "another most weight",
        ROUTED.replace("{istio: {virtualService: {name: v}}", "{maxTrafficWeight: 1000, smi: {}"),
        "maxTrafficWeight: only nginx, istio, plugins know another",
    ),
    (
        "no surge at all",
        CANARY + "      maxSurge: 0\n      maxUnavailable: 0%\n",
        "'maxSurge' and 'maxUnavailable' are both 0",
    ),
    ("affinity of nothing", CANARY + "      antiAffinity: {}\n", "antiAffinity: it names not exactly one rule"),
    (
        "a late deadline",
        canary("setWeight: 5") + "  minReadySeconds: 600\n",
        "the deadline is not after minReadySeconds",
    ),
    (
        "blue and green are one",
        TOP + "  strategy: {blueGreen: {activeService: a, previewService: a}}\n",
        "previewService: it is the active service",
    ),
    (
        "an analysis of nothing before the switch",
        TOP + "  strategy: {blueGreen: {activeService: a, prePromotionAnalysis: {args: []}}}\n",
        "blueGreen.prePromotionAnalysis: the analysis names no template",
    ),
    ("no active service", TOP + "  strategy: {blueGreen: {}}\n", "blueGreen: 'activeService' is missing"),
    ("other pods", canary("setWeight: 5").replace("labels: {app: r}", "labels: {app: s}"), "have not this label"),
    ("no selector", canary("setWeight: 5").replace("{matchLabels: {app: r}}", "{}"), "the selector selects nothing"),
    (
        "a workload and a template",
        canary("setWeight: 5") + "  workloadRef: {name: d}\n",
        "spec.template: 'template' and 'workloadRef' stand together",
    ),
    ("no template", canary("setWeight: 5").replace("  template:", "  # "), "spec: 'template' is missing"),
    (
        "a value and a source",
        canary(*ANALYSED) % "{name: a, value: b, valueFrom: {podTemplateHashValue: Latest}}",
        "together",
    ),
    ("no source", canary(*ANALYSED) % "{name: a, valueFrom: {}}", "it names not exactly one source"),
    (
        "a hash of nothing",
        canary(*ANALYSED) % "{name: a, valueFrom: {podTemplateHashValue: Newest}}",
        "'Newest' is not possible. Write Stable or Latest",
    ),
    (
        "a count without an interval",
        canary(*ANALYSED) % "{name: a, value: b}" + TEMPLATE.replace("name: m,", "name: m, count: 3,"),
        "metrics[0].count: 3 measurements need an interval",
    ),
    ("an experiment of nothing", EXPERIMENT.replace("  templates: [", "  other: ["), "'templates' is missing"),
]


@pytest.mark.parametrize("text, expected", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_not_valid_there_is_refused_with_what_is_right(text: str, expected: str) -> None:
    mades = made(text)
    found = problems(mades) or refused(mades)
    assert any(expected in each for each in found), found
    assert not problems(mades) or all(problem.hint for one in mades for problem in one.problems)


@pytest.mark.parametrize("amount", ["64Mi", "0.5", "1", "100m", "lots", "true"])
def test_quantities_are_kubernetes_own(amount: str) -> None:
    assert problems(made(SIZED % amount + "      steps: []\n")) == []


def test_what_newer_versions_of_argo_rollouts_take_is_taken() -> None:
    secret = "{name: b, valueFrom: {secretKeyRef: {name: s, key: k, sharedSecret: true}}}"
    for text in (
        TEMPLATE.replace("args: [{name: a}]", f"args: [{{name: a}}, {secret}]"),
        ROUTED.replace("{istio:", "{maxTrafficWeight: 1000, istio:") + "      steps: [{setWeight: 200}]\n",
        ROUTED.replace("      stableService: s\n      canaryService: c\n", "") + PING_PONG % "b",
        EXPERIMENT.replace("selector:", "service: {ports: [{port: 80}]}, selector:"),
    ):
        assert problems(made(text)) == []


@pytest.mark.parametrize("data", [None, [], "x", {"apiVersion": 1}, {"apiVersion": "argoproj.io/v1alpha1", "kind": {}}])
def test_what_is_no_document_is_said(data: Any) -> None:
    (one,) = import_argo([data], {}, argo=False)
    assert one.problems or one.lines


MIRRORS = ROUTED.replace("{istio:", "{managedRoutes: [{name: A.b}], istio:")


@pytest.mark.parametrize(
    "given, ours, line",
    [
        ("name: A.b", {"name": "a-b"}, "carried over: the copies of a-b end"),
        (
            "name: A.b, percentage: 5, match: [{method: {exact: GET}, path: {prefix: /a}}]",
            {"name": "a-b", "percentage": 5, "match": [{"method": {"exact": "GET"}, "path": {"prefix": "/a"}}]},
            "carried over: the same requests are copied",
        ),
        (
            "name: A.b, match: [{method: {exact: POST}, path: {exact: /a}}]",
            {"name": "a-b", "percentage": 100, "match": [{"method": {"exact": "POST"}, "path": {"exact": "/a"}}]},
            "carried over: the same requests are copied",
        ),
        (
            "name: A.b, match: [{method: {prefix: P}, path: {prefix: /a}}, {method: {exact: POST}}]",
            {"name": "a-b", "percentage": 100, "match": [{"path": {"prefix": "/a"}}]},
            "changed: only reads are copied",
        ),
        ("name: A.b, match: [{method: {exact: POST}}]", None, "not possible: it would copy all writes whose path"),
    ],
)
def test_mirrors_are_carried_over_without_unasked_writes(given: str, ours: Any, line: str) -> None:
    mades = made(canary(f"setMirrorRoute: {{{given}}}", "setWeight: 5", "pause: {}", top=MIRRORS))
    found = documents(mades)["Rollout", "r"]["strategy"]["canary"]["steps"]
    assert found[0] == ({"setMirrorRoute": ours} if ours else {"setWeight": 5})
    assert said(mades, "spec.strategy.canary.steps[0].setMirrorRoute")[0].startswith(line)


def test_in_the_background_a_metric_may_be_measured_without_an_end() -> None:
    guard = "      analysis: {templates: [{templateName: t}], args: [{name: a, value: b}]}\n"
    assert problems(made(canary("setWeight: 5") + guard + ENDLESS)) == []


def test_who_asks_for_messages_is_told_how_to_here() -> None:
    mades = import_argo(sample("argo", "notifications"), {}, argo=False)
    asked = "metadata.annotations.notifications.argoproj.io/subscribe.on-rollout-aborted.slack"
    assert said(mades, asked) == ["not possible: declare who is told of what happens (CROUPIER_NOTIFIERS_FILE)"]
    assert said(mades, "metadata.annotations.team") == ["not needed: it belongs to Kubernetes"]
    assert mades[0].extent == Extent.PARTLY


def test_a_mistake_is_said_once() -> None:
    """Also where two fields of ours come from the same one of theirs, as a Rollout's name and its service's do."""
    made = Made()
    for _ in range(2):
        made.wrong(("metadata", "name"), "no name.")
    assert len(made.problems) == 1
