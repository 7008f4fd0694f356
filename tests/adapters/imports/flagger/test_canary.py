"""Flagger's Canary as a Rollout and gates: what each part becomes, and what is refused as there."""

from typing import Any

import pytest
from tests.adapters.imports.manifests import documents, problems, read, refused, said, sample, steps

from croupier.adapters.imports.flagger import import_flagger
from croupier.adapters.imports.flagger.builtin import EDGE_BUCKETS_MS
from croupier.adapters.imports.flagger.match import segment_of
from croupier.adapters.imports.flagger.weights import weights_of
from croupier.adapters.imports.made import Extent, Made
from croupier.adapters.routing.envoy.bootstrap import DURATION_BUCKETS_MS

TOP = """apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: c, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: c}
"""
RATE = "{name: request-success-rate, thresholdRange: {min: 99}}"
G = "c-request-success-rate"


def made(analysis: str, spec: str = "", more: str = "") -> list[Made]:
    return import_flagger(read(f"{TOP}{spec}  analysis: {{{analysis}}}\n{more}"))


def canary(analysis: str, metrics: str = "", hooks: str = "") -> list[Made]:
    webhooks = ", ".join(f"{{name: {kind}, type: {kind}, url: 'http://x'}}" for kind in hooks.split())
    return made(f"interval: 1m, threshold: 3, {analysis}, metrics: [{metrics}], webhooks: [{webhooks}]")


def gate(mades: list[Made], name: str) -> Any:
    return documents(mades)["Gate", name]


@pytest.mark.parametrize(
    "given, weights",
    [
        ({"stepWeight": 20, "maxWeight": 50}, [20, 40, 60]),
        ({"stepWeight": 25}, [25, 50, 75, 100]),
        ({"stepWeight": 30}, [30, 60, 90, 100]),
        ({"stepWeight": 60, "maxWeight": 50}, [60]),
        ({"stepWeights": [1, 2, 10, 80], "maxWeight": 5}, [1, 2, 10, 80]),
    ],
)
def test_weights_are_as_flagger_reckons_them(given: dict[str, Any], weights: list[int]) -> None:
    assert weights_of(given) == weights


def test_each_weight_is_followed_by_its_gates_or_lasts_an_interval() -> None:
    assert steps(canary("stepWeight: 50", RATE), "c") == [50, [G], 100, [G]]
    assert steps(canary("stepWeight: 50"), "c") == [50, "60s", 100, "60s"]
    spec = documents(canary("stepWeight: 50", RATE))["Rollout", "c"]
    assert spec["strategy"]["canary"]["analysis"] == {"templates": [{"templateName": G}]}
    assert canary("stepWeight: 50", RATE)[0].extent is Extent.WHOLE


def test_hooks_that_decide_become_persons() -> None:
    every = "confirm-rollout confirm-traffic-increase confirm-promotion"
    assert steps(canary("stepWeight: 50", RATE, every), "c") == ["person", 50, [G], "person", 100, [G], "person"]
    assert steps(canary("stepWeight: 100", RATE, "pre-rollout"), "c") == ["person", 100, [G]]
    assert steps(canary("stepWeight: 100", RATE, "rollout"), "c") == [100, [G], "person"]
    assert steps(canary("stepWeight: 100", RATE, "event rollback post-rollout"), "c") == [100, [G]]
    lost = canary("stepWeight: 100", RATE, "event")
    assert lost[0].extent is Extent.PARTLY
    assert canary("stepWeight: 100", RATE, "rollback")[0].extent is Extent.WHOLE


def test_the_threshold_says_how_it_differs() -> None:
    mades = canary("stepWeight: 100", RATE)
    (words,) = said(mades, "spec.analysis.threshold")
    assert words.startswith("changed: there 3 failed checks in all")
    assert "in a row" in words
    assert "without data" in said(mades, "spec.analysis.metrics")[0]
    assert gate(mades, G)["rule"] == {"interval": "60s", "window": "60s", "consecutive": 3}


def test_the_edge_counts_what_flagger_asks_meshes_for() -> None:
    metrics = f"{RATE}, {{name: request-duration, interval: 30s, thresholdRange: {{max: 620}}}}"
    mades = canary("stepWeight: 100", metrics)
    assert gate(mades, G)["objective"] == {"atLeast": "99%"}
    latency = gate(mades, "c-request-duration")
    assert latency["sli"]["latency"]["threshold"] == "500ms"  # the next bound below, so that nothing slower passes
    assert latency["rule"]["window"] == "60s"  # a window is as long as the interval at the least
    assert refused(mades) == []


def test_the_bounds_are_those_that_the_edge_counts() -> None:
    assert EDGE_BUCKETS_MS == DURATION_BUCKETS_MS


def test_a_query_is_measured_with_its_values_and_a_person_at_the_end() -> None:
    mades = import_flagger(sample("flagger", "templates"))
    (metric,) = gate(mades, "deposits-404s-percentage")["analysis"]["metrics"]
    assert (metric["interval"], metric["initialDelay"], metric["failureLimit"]) == ("10s", "10s", 2)
    assert metric["successCondition"] == "result[0] <= 5"
    asked = metric["provider"]["prometheus"]
    assert '{namespace="casino",workload="deposits",psp="kestrel",status!="404"}[1m]' in asked["query"]
    assert "{{" not in asked["query"]
    assert (asked["address"], asked["insecure"]) == ("http://prometheus.istio-system:9090", True)
    conditions = {
        name: spec["analysis"]["metrics"][0]["successCondition"]
        for (kind, name), spec in documents(mades).items()
        if kind == "Gate" and "analysis" in spec
    }
    assert conditions == {
        "deposits-404s-percentage": "result[0] <= 5",
        "deposits-latency": "result[0] >= 0.0001 && result[0] <= 0.5",
        "deposits-inline": "result[0] <= 0.02",
        "deposits-ranged": "result[0] >= -1",
    }
    assert steps(mades, "deposits")[-1] == "person"
    by_name = {one.name: one.extent for one in mades if one.what == "template"}
    assert (by_name["not-found"], by_name["cloud"], by_name["unused"]) == (Extent.WHOLE, Extent.REFUSED, Extent.REFUSED)


def test_an_ab_test_is_a_segment() -> None:
    mades = import_flagger(sample("flagger", "ab_test"))
    assert documents(mades)["Segment", "lobby-match"] == {"match": {"player_group": ["insider", "staff"]}}
    spec = documents(mades)["Rollout", "lobby"]
    assert spec["segment"] == "lobby-match"
    assert steps(mades, "lobby") == [100, "300s", ["lobby-request-success-rate", "lobby-request-duration"]]
    assert "segment" not in documents(mades)["Rollout", "lobby-eu"]
    assert steps(mades, "lobby-eu") == ["person", 100, "15s"]


EXACT = {"exact": "1"}


@pytest.mark.parametrize(
    "matches, match",
    [
        ([{"headers": {"X-A": EXACT, "b": {"exact": "2"}}}], {"a": ["1"], "b": ["2"]}),
        ([{"headers": {"x-a": EXACT}}, {"headers": {"X-A": {"exact": "2"}}}], {"a": ["1", "2"]}),
        ([{"headers": {"x-a": EXACT}}, {"headers": {"x-b": EXACT}}], None),
        ([{"headers": {"x-a": EXACT, "x-b": EXACT}}, {"headers": {"x-a": EXACT, "x-b": EXACT}}], None),
        ([{"headers": {"x-a": {"regex": "1"}}}], None),
        ([{"headers": {"x-a": None}}], None),
        ([{"headers": {"x-a": EXACT}, "sourceLabels": {"app": "a"}}], None),
        ([{"headers": {"cookie": EXACT}}], None),
        ([{"headers": {"x-a": EXACT, "a": EXACT}}], None),
        ([{"headers": {"x-1": EXACT}}], {"header_1": ["1"]}),
        ([{}], None),
    ],
)
def test_a_segment_says_what_it_can(matches: list[dict[str, Any]], match: dict[str, list[str]] | None) -> None:
    found = segment_of(matches)
    assert (None if found is None else found[0]) == match


def test_blue_green_is_a_switch_by_a_person() -> None:
    gates = ["wallet-request-success-rate", "wallet-request-duration"]
    assert steps(import_flagger(sample("flagger", "blue_green")), "wallet") == ["person", 100, gates]


def test_a_skipped_analysis_is_skipped() -> None:
    mades = import_flagger(sample("flagger", "skipped"))
    assert (steps(mades, "odds"), list(documents(mades))) == ([100], [("Rollout", "odds")])


def test_many_weights_are_thinned_out_and_it_is_said() -> None:
    mades = import_flagger(sample("flagger", "many_steps"))
    found = [step for step in steps(mades, "chat") if isinstance(step, int)]
    assert (found[0], found[-1], len(found)) == (1, 100, 51)
    assert any("every second of its weights is left out" in words for words in said(mades, "spec.analysis.stepWeight"))
    assert refused(mades) == []


MINUTE = "interval: 1m, threshold: 1"
WRONG: list[tuple[str, str, str, str]] = [
    ("no strategy", MINUTE, "", "spec.analysis: there is no strategy; there is exactly one of"),
    ("two strategies", f"{MINUTE}, stepWeight: 5, iterations: 3", "", "iterations and stepWeight stand together"),
    ("no interval", "threshold: 1, stepWeight: 5", "", "spec.analysis: 'interval' is missing"),
    ("a bad interval", "interval: often, threshold: 1, stepWeight: 5", "", "interval: 'often' is no interval. Flagger"),
    (
        "a header that is matched in two ways",
        f"{MINUTE}, stepWeight: 5, match: [{{headers: {{x-a: {{exact: a, regex: b}}}}}}]",
        "",
        "match[0].headers.x-a: it is matched in not exactly one way",
    ),
    ("a step of nothing", f"{MINUTE}, stepWeight: 0", "", "with nothing of it the canary never gets on"),
    ("no steps", f"{MINUTE}, stepWeights: []", "", "stepWeights: with nothing of it"),
    (
        "falling steps",
        f"{MINUTE}, stepWeights: [5, 5]",
        "",
        "stepWeights[1]: 5 after 5 is not possible. Write more than 5",
    ),
    (
        "too large a weight",
        f"{MINUTE}, stepWeight: 5, maxWeight: 120",
        "",
        "maxWeight: a weight of 120 is not possible",
    ),
    ("a weight that is text", f"{MINUTE}, stepWeight: '5'", "", "expected a whole number, found '5'"),
    (
        "an unknown field",
        f"{MINUTE}, stepWeight: 5, step: 1",
        "",
        "spec.analysis.step: Flagger has no field 'step' here",
    ),
    (
        "an unknown hook",
        f"{MINUTE}, stepWeight: 5, webhooks: [{{name: a, url: b, type: c}}]",
        "",
        "'c' is not possible",
    ),
    ("a hook of nothing", f"{MINUTE}, stepWeight: 5, webhooks: [{{name: a}}]", "", "webhooks[0]: 'url' is missing"),
    ("no port", f"{MINUTE}, stepWeight: 5", "  service: {name: a}\n", "spec.service: 'port' is missing"),
    (
        "a metric without a name",
        f"{MINUTE}, stepWeight: 5, metrics: [{{query: a}}]",
        "",
        "metrics[0]: 'name' is missing",
    ),
    (
        "a provider that there is not",
        f"{MINUTE}, stepWeight: 5",
        "  provider: nonsense\n",
        "spec.provider: 'nonsense' is not possible. Write istio, linkerd, nginx, gatewayapi:v1,",
    ),
    (
        "another kind where there is one alone",
        f"{MINUTE}, stepWeight: 5",
        "  ingressRef: {apiVersion: v1, kind: Gateway, name: a}\n",
        "ingressRef.kind: 'Gateway' is not possible. Write Ingress.",
    ),
    (
        "another distribution",
        f"{MINUTE}, stepWeight: 5",
        "  service: {port: 80, trafficDistribution: PreferFar}\n",
        "trafficDistribution: 'PreferFar' is not possible. Write PreferClose",
    ),
    (
        "a parameter that is matched in two ways",
        f"{MINUTE}, stepWeight: 5, match: [{{queryParams: {{a: {{exact: a, prefix: b}}}}}}]",
        "",
        "match[0].queryParams.a: it is matched in several ways. Flagger refuses it, too: write one of exact, prefix",
    ),
    (
        "another target",
        f"{MINUTE}, stepWeight: 5",
        "  autoscalerRef: {apiVersion: v1, kind: Pod, name: a}\n",
        "autoscalerRef.kind: 'Pod' is not possible. Write HorizontalPodAutoscaler or ScaledObject",
    ),
]


@pytest.mark.parametrize("analysis, spec, expected", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_not_valid_there_is_refused_with_what_is_right(analysis: str, spec: str, expected: str) -> None:
    mades = made(analysis, spec)
    found = problems(mades)
    assert any(expected in each for each in found), found
    assert all(problem.hint for one in mades for problem in one.problems)


SLACK = {"type": "slack", "address": "https://hooks.casino/x"}


@pytest.mark.parametrize(
    "spec, expected",
    [
        ({**SLACK, "type": "pigeon"}, "spec.type: 'pigeon' is not possible"),
        ({**SLACK, "secretRef": {"name": "s"}}, "spec: there is not exactly one of address and secretRef"),
        ({"type": "slack"}, "spec: there is not exactly one of address and secretRef"),
        ([], "spec: expected a mapping"),
    ],
)
def test_a_receiver_of_alerts_is_checked(spec: Any, expected: str) -> None:
    data = {"apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider", "metadata": {"name": "x"}, "spec": spec}
    assert any(expected in each for each in problems(import_flagger([data])))


@pytest.mark.parametrize(
    "interval, fate, every",
    [
        ("30s", "carried over", "30s"),
        ("0s", "changed", "10s"),
        ("1min", "changed", "60s"),
        ("99999999999s", "changed", "60s"),
        ("20000m", "carried over", "1200000s"),
    ],
)
def test_an_interval_is_what_flagger_makes_of_it(interval: str, fate: str, every: str) -> None:
    mades = made(f"interval: {interval}, threshold: 1, stepWeight: 100")
    assert problems(mades) == []
    assert refused(mades) == []
    assert steps(mades, "c") == [100, every]
    assert said(mades, "spec.analysis.interval")[0].startswith(f"{fate}: each weight lasts {every}")


def test_an_old_version_and_other_kinds_are_told_apart() -> None:
    old = import_flagger([{"apiVersion": "flagger.app/v1alpha3", "kind": "Canary", "metadata": {"name": "x"}}])
    assert "is an old version of Flagger's documents" in problems(old)[0]
    (other,) = import_flagger(
        [{"apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider", "metadata": {"name": "x"}, "spec": SLACK}]
    )
    assert other.problems == []
    assert "AlertProvider 'x' is passed over: declare the receiver" in other.lines[0].text
    (theirs,) = import_flagger([{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "x"}}])
    assert theirs.lines[0].text.endswith("('argoproj.io/v1alpha1' is not of Flagger): croupier import argo")
