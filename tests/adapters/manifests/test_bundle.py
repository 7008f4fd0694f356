"""The entry points: files, texts and API objects become the core's objects; nothing that is written can raise."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.manifests import (
    Severity,
    complete_release,
    parse_objects,
    parse_text,
    read_paths,
    to_objects,
)
from croupier.adapters.manifests.files import decoded
from croupier.core.gates import (
    PROMETHEUS,
    ClassicRule,
    Comparison,
    EventsSli,
    Gate,
    HardStop,
    LatencySli,
    Objective,
    PromqlSli,
    RatioSli,
    SequentialRule,
)
from croupier.core.releases import Affinity, IdKind, IdSource, Limits, ProcessTemplate, Service, Where
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, BlueGreen, Pause, RolloutSpec, SetSegment, SetWeight, Smoke, Timing
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

EXAMPLES = Path(__file__).parents[3] / "examples" / "casino" / "croupier"
V1 = "apiVersion: croupier/v1"

ARGO_STEPS = (
    "steps: [{setWeight: 5}, {pause: {duration: 5m}}, {analysis: {templates: [{templateName: deposit-slo}]}}, "
    "{setWeight: 25}, {pause: {duration: 10m}}, {analysis: {templates: [{templateName: auth-error-rate}]}}, "
    "{setWeight: 50}, {pause: {}}]"
)


def spec_of(text: str) -> Any:
    bundle = parse_text(text, known=None)
    assert [str(problem) for problem in bundle.errors] == []
    return bundle.documents[0].spec


def test_the_examples_have_no_mistake_and_could_start() -> None:
    bundle = read_paths([EXAMPLES])
    assert [str(problem) for problem in bundle.problems] == []
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for document in bundle.documents:
        by_kind[document.kind].append(document.spec)
    for rollout in by_kind["Rollout"]:
        resolve(rollout, by_kind["Gate"], by_kind["Segment"])
    services = {service.name: service for service in by_kind["Service"]}
    assert set(services) == {"auth", "games", "payments", "promo"}
    digests = {complete_release(draft, services[draft.service]).digest for draft in bundle.releases}
    assert len(digests) == len(bundle.releases) >= 5


def test_an_argo_strategy_pastes_in_unchanged() -> None:
    text = f"{V1}\nkind: Rollout\nmetadata: {{name: r}}\nspec: {{service: s, strategy: {{canary: {{{ARGO_STEPS}}}}}}}\n"
    assert spec_of(text) == RolloutSpec(
        name="r",
        service="s",
        steps=(
            SetWeight(500),
            Pause(300.0),
            Analysis(("deposit-slo",)),
            SetWeight(2500),
            Pause(600.0),
            Analysis(("auth-error-rate",)),
            SetWeight(5000),
            Pause(None),
        ),
    )


def switched(strategy: str, more: str = "") -> str:
    spec = f"{{service: s, strategy: {{blueGreen: {{{strategy}}}}}{more}}}"
    return f"{V1}\nkind: Rollout\nmetadata: {{name: r}}\nspec: {spec}\n"


def test_a_switch_at_once() -> None:
    found = spec_of(switched(""))
    assert found.blue_green == BlueGreen()
    assert found.steps == (SetWeight(10_000), Pause(600.0))
    assert (found.timing.keep_stable_s, found.timing.keep_canary_s) == (3600.0, 3600.0)
    everything = (
        "before: [deposit], prePromotionAnalysis: {templates: [{templateName: a}]}, autoPromotionSeconds: 30, "
        "postPromotionAnalysis: {templates: [{templateName: b}]}, watch: 1m, scaleDownDelaySeconds: 120"
    )
    found = spec_of(switched(everything, ", keepCanary: 5s"))
    assert found.steps == (Smoke(("deposit",)), Analysis(("a",)), Pause(30), SetWeight(10_000), Pause(60.0))
    assert found.guards == ("b",)
    assert (found.timing.keep_stable_s, found.timing.keep_canary_s) == (120, 5.0)
    by_hand = spec_of(switched("autoPromotionEnabled: false, watch: 0s"))
    assert by_hand.steps == (Pause(), SetWeight(10_000))


@pytest.mark.parametrize(
    "strategy, said",
    [
        ("keep: 1h, scaleDownDelaySeconds: 30", "'keep' and 'scaleDownDelaySeconds'"),
        ("activeService: a", "Croupier moves the traffic itself"),
        ("previewService: a", "has a preview address by itself"),
        ("previewReplicaCount: 1", "run all instances"),
        ("steps: []", "has no steps"),
        ("autoPromotionEnabled: perhaps", "autoPromotionEnabled"),
        ("autoPromotionSeconds: -1", "autoPromotionSeconds"),
    ],
)
def test_a_switch_that_cannot_be_meant(strategy: str, said: str) -> None:
    errors = parse_text(switched(strategy), known=None).errors
    assert any(said in str(problem) for problem in errors), errors


def test_shares_of_segments() -> None:
    steps = (
        "steps: [{setSegment: {segment: staff, weight: 100}}, {setSegment: {match: {market: [SE, NO]}, weight: 0.5}}]"
    )
    text = f"{V1}\nkind: Rollout\nmetadata: {{name: r}}\nspec: {{service: s, strategy: {{canary: {{{steps}}}}}}}\n"
    found = spec_of(text)
    assert isinstance(found, RolloutSpec)
    assert found.steps == (
        SetSegment(Segment("staff", ()), 10_000),
        SetSegment(Segment("market=SE,NO", (AttributeMatch("market", ("SE", "NO")),)), 50),
    )
    for wrong, said in (
        ("{weight: 5}", "exactly one of segment and match is needed"),
        ("{segment: a, match: {b: [c]}, weight: 5}", "'segment' and 'match' cannot stand together"),
        ("{segment: staff}", "weight"),
        ("{segment: staff, weight: 101}", "weight"),
    ):
        [problem] = parse_text(text.replace("{segment: staff, weight: 100}", wrong), known=None).errors
        assert said in str(problem), problem


def test_a_rollout_with_everything() -> None:
    text = f"""{V1}
kind: Rollout
metadata: {{name: payments-careful}}
spec:
  service: payments
  segment: germans
  progressDeadline: 2m
  keepStable: 0s
  keepCanary: 1h
  strategy:
    canary:
      analysis: {{templates: [{{templateName: a}}, {{templateName: b}}]}}
      steps:
        - setWeight: 0.25
        - pause: {{duration: "30"}}
"""
    assert spec_of(text) == RolloutSpec(
        "payments-careful", "payments", (SetWeight(25), Pause(30.0)), ("a", "b"), "germans", Timing(120.0, 0.0, 3600.0)
    )


def test_a_sequential_gate() -> None:
    def text(more: str) -> str:
        sli = "sli: {ratio: {metric: m, good: {code: 2xx}}}"
        return f"{V1}\nkind: Gate\nmetadata: {{name: g}}\nspec: {{{sli}, comparison: {{}}, {more}}}\n"

    assert spec_of(text("sequential: {}")).rule == SequentialRule()
    every = "interval: 5s, samples: 3, clumps: 1.5, dwell: 7, patience: 70, harm: 9"
    expected = SequentialRule(interval_s=5.0, samples=3, clumps=1.5, dwell=7, patience=70, harm=9)
    assert spec_of(text(f"sequential: {{{every}}}")).rule == expected
    assert spec_of(text("by: [psp], sequential: {}")).rule == SequentialRule(harm=40)
    assert spec_of(text("by: [psp], sequential: {harm: 5}")).rule == SequentialRule(harm=5)
    [both] = parse_text(text("sequential: {}, rule: {}"), known=None).errors
    assert "'rule' and 'sequential' cannot stand together" in str(both)


def test_a_latency_that_is_compared_at_two_thresholds() -> None:
    def comparison(more: str) -> Any:
        sli = "sli: {latency: {metric: m, threshold: 400ms}}"
        text = f"{V1}\nkind: Gate\nmetadata: {{name: g}}\nspec: {{{sli}, comparison: {{{more}}}}}\n"
        return spec_of(text).comparison

    assert comparison("canaryThreshold: 480ms") == Comparison(1.0, canary_threshold_s=0.48)
    assert comparison("canaryThreshold: 480ms, maxRatio: 1.1") == Comparison(1.1, canary_threshold_s=0.48)
    assert comparison("") == Comparison()


def test_a_service_with_everything_and_with_the_least() -> None:
    text = f"""{V1}
kind: Service
metadata: {{name: payments}}
spec:
  routes: [{{prefix: /payments}}, {{prefix: /psp}}]
  identity: {{header: X-Account}}
  attributes: {{market: x-market, brand: X-Brand}}
  process:
    command: [python, -m, casino.payments, --port, "{{port}}"]
    env: {{Z: "{{version}}", A: ""}}
    directory: run
    instances: 3
    health: {{path: /ready, startTimeout: 5s}}
    metrics: {{path: /m}}
    drain: 1m
    limits: {{memory: 512Mi, openFiles: 1024}}
"""
    assert spec_of(text) == Service(
        name="payments",
        prefixes=("/payments", "/psp"),
        process=ProcessTemplate(
            command=("python", "-m", "casino.payments", "--port", "{port}"),
            env=(("A", ""), ("Z", "{version}")),
            directory="run",
            instances=3,
            health_path="/ready",
            metrics_path="/m",
            start_timeout_s=5.0,
            drain_s=60.0,
            limits=Limits(512 << 20, 1024),
        ),
        identity_header="x-account",
        attribute_headers=(("brand", "x-brand"), ("market", "x-market")),
    )
    least = f"""{V1}
kind: Service
metadata: {{name: s}}
spec: {{routes: [{{prefix: /}}], process: {{command: ["{{port}}"]}}}}
"""
    assert spec_of(least) == Service("s", ("/",), ProcessTemplate(("{port}",)))
    by_cookie = least.replace("process:", "identity: {cookie: Player_ID}, process:")
    assert spec_of(by_cookie) == Service("s", ("/",), ProcessTemplate(("{port}",)), identity_cookie="Player_ID")
    by_round = least.replace("process:", "affinity: {header: x-round-id, ttl: 2m, drain: 90s}, process:")
    rounds = Affinity((by_header("round", "x-round-id"),), 120.0, 90.0)
    assert spec_of(by_round) == Service("s", ("/",), ProcessTemplate(("{port}",)), affinity=rounds)
    kinds = "affinity: {kinds: [{kind: round, header: x-round-id}, {kind: order, header: x-order-id}]}, process:"
    both = Affinity((by_header("round", "x-round-id"), by_header("order", "x-order-id")))
    assert spec_of(least.replace("process:", kinds)) == Service(
        "s", ("/",), ProcessTemplate(("{port}",)), affinity=both
    )
    called_back = (
        "affinity: {kinds: [{kind: round, query: Round}, {kind: order, sources: [{header: X-Order}, {query: order}, "
        '{path: "/psp/{id}/paid"}]}]}, process:'
    )
    found = spec_of(least.replace("process:", called_back))
    assert isinstance(found, Service)
    order = (
        IdSource(Where.HEADER, "x-order"),
        IdSource(Where.QUERY, "order"),
        IdSource(Where.PATH, "/psp/{id}/paid"),
    )
    round_ = IdKind("round", (IdSource(Where.QUERY, "Round"),))
    assert found.affinity == Affinity((round_, IdKind("order", order)))


@pytest.mark.parametrize(
    "spec, expected",
    [
        (
            (
                "{sli: {ratio: {metric: m, total: {o: [a, b], c: d}, good: {o: a}}}, "
                "by: [psp, market], description: x, objective: {atLeast: 99%}, comparison: {}, "
                "hardStop: {events: 2, failing: 0.5, samples: 10}, "
                "rule: {interval: 5s, window: 1m, consecutive: 2, minSamples: 7}}"
            ),
            Gate(
                "g",
                RatioSli("m", (("o", ("a",)),), (("c", ("d",)), ("o", ("a", "b")))),
                ("psp", "market"),
                Objective(0.99),
                Comparison(1.1, 0.001),
                HardStop(2, 0.5, 10),
                ClassicRule(5.0, 60.0, 2, 7),
                "x",
            ),
        ),
        (
            (
                "{sli: {latency: {metric: m, match: {route: /a}, threshold: 400ms}}, "
                "comparison: {maxRatio: 1.2, slack: 1%}}"
            ),
            Gate("g", LatencySli("m", 0.4, (("route", ("/a",)),)), comparison=Comparison(1.2, 0.01)),
        ),
        (
            (
                "{sli: {promql: {total: 'a{v=\"{{version}}\"}', bad: 'b{v=\"{{version}}\"}'}}, "
                "source: prometheus, objective: {atLeast: 99%}}"
            ),
            Gate(
                "g",
                PromqlSli('a{v="{{version}}"}', 'b{v="{{version}}"}'),
                objective=Objective(0.99),
                source=PROMETHEUS,
            ),
        ),
        ("{sli: {events: {metric: m}}, hardStop: {events: 1}}", Gate("g", EventsSli("m"), hard_stop=HardStop(1))),
    ],
)
def test_gates(spec: str, expected: Gate) -> None:
    assert spec_of(f"{V1}\nkind: Gate\nmetadata: {{name: g}}\nspec: {spec}\n") == expected


def test_a_class_of_http_codes_is_spelled_out() -> None:
    sli = "{ratio: {metric: m, good: {code: [2xx, '0', '204']}}}"
    gate = spec_of(f"{V1}\nkind: Gate\nmetadata: {{name: g}}\nspec: {{sli: {sli}, objective: {{atLeast: 99%}}}}\n")
    assert dict(gate.sli.good)["code"] == ("2xx", *map(str, range(200, 300)), "0")


def test_a_segment() -> None:
    text = f"{V1}\nkind: Segment\nmetadata: {{name: s}}\nspec: {{match: {{market: [NO, DE], brand: lucky}}}}\n"
    assert spec_of(text) == Segment("s", (AttributeMatch("brand", ("lucky",)), AttributeMatch("market", ("NO", "DE"))))


def test_what_is_exported_reads_as_the_same() -> None:
    bundle = read_paths([EXAMPLES])
    objects = json.loads(json.dumps([to_objects(item) for item in bundle.items]))
    again = parse_objects(objects)
    assert again.problems == ()
    assert again.documents == bundle.documents
    assert again.releases == bundle.releases


def test_the_digest_is_of_the_content_not_of_its_form() -> None:
    yaml = f"{V1}\nkind: Segment\nmetadata: {{name: s}}\nspec: {{match: {{market: [DE]}}}}\n"
    json_text = (
        '{"spec": {"match": {"market": ["DE"]}}, "metadata": {"name": "s"}, '
        '"kind": "Segment", "apiVersion": "croupier/v1"}'
    )
    other = yaml.replace("DE", "SE")
    digests = [parse_text(text).documents[0].digest for text in (yaml, "# note\n" + yaml, json_text, other)]
    assert digests[0] == digests[1] == digests[2] != digests[3]


def test_objects_are_told_by_their_place_in_the_request() -> None:
    segment = {"apiVersion": "croupier/v1", "kind": "Segment", "metadata": {"name": "s"}}
    bundle = parse_objects([segment, {**segment, "spec": {"match": {"market": 7}}}], at=("documents",))
    assert [str(problem) for problem in bundle.problems] == [
        "documents[0].spec: 'spec' is missing. Below it, write match.",
        'documents[1].spec.match.market: expected text, found the number 7. Put it in quotes: "7".',
    ]
    assert bundle.documents == ()
    with pytest.raises(Rejected, match="and 1 more") as caught:
        bundle.require_clean()
    assert len(caught.value.problems) == 2


def test_objects_of_one_name_are_told_by_their_places() -> None:
    segment = {"apiVersion": "croupier/v1", "kind": "Segment", "metadata": {"name": "s"}, "spec": {"match": {"m": "a"}}}
    assert [str(problem) for problem in parse_objects([segment, segment], at=("documents",)).problems] == [
        (
            "documents[1].metadata.name: there are two Segment documents named 's'. "
            "Rename or remove one. The first is documents[0].metadata.name."
        )
    ]
    parse_objects([segment]).require_clean()


def test_too_much_of_the_api_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    assert "nested more than 40 levels" in str(parse_objects([deep]).problems[0])
    assert "at most 1000 documents" in str(parse_objects([{}] * 1001).problems[0])
    assert "more than 50000 values" in str(parse_objects([list(range(60_000))]).problems[0])
    assert "too large" in str(parse_text("#" * 1_048_577).problems[0])


def test_problems_come_in_the_order_of_the_file_with_warnings_marked() -> None:
    spec = "{service: s, strategy: {canary: {steps: [{setWeight: 5}]}}}"
    text = f"{V1}\nkind: Rollout\nmetadata: {{name: r}}\nspec: {spec}\n"
    bundle = parse_text(text, "f")
    assert [(problem.severity, problem.line, problem.column) for problem in bundle.problems] == [
        (Severity.ERROR, 4, 17),
        (Severity.WARNING, 4, 39),
        (Severity.WARNING, 4, 60),
    ]
    assert len(bundle.errors) == 1
    assert len(bundle.warnings) == 2
    assert len(bundle.documents) == 1


# --- nothing that is written can raise --------------------------------------------------------------------------------

VOCABULARY = """
apiVersion croupier/v1 kind Service Rollout Gate Segment Release metadata name spec strategy canary steps setWeight
pause duration analysis templates templateName sli ratio metric good total objective atLeast 99% 5m match market
process command routes prefix /a {port} version 1.0.0 env hardStop rule by service segment
"""
WORDS = st.sampled_from(VOCABULARY.split())
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=4))
def test_any_objects_are_taken_or_refused(objects: list[Any]) -> None:
    bundle = parse_objects(objects)
    assert len(bundle.documents) + len(bundle.releases) + len(bundle.errors) >= len(objects)


EXAMPLE_DOCUMENTS = [to_objects(item) for item in read_paths([EXAMPLES]).items]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """An example with one value somewhere replaced by anything."""
    document = json.loads(json.dumps(draw(st.sampled_from(EXAMPLE_DOCUMENTS))))
    place = document
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
        else:
            place[key] = draw(VALUES)
            return dict(document)


@given(damaged())
def test_a_damaged_example_is_taken_or_refused_and_both_forms_agree(document: dict[str, Any]) -> None:
    by_object = parse_objects([document], known=None)
    assert by_object.items or by_object.errors
    if by_object.errors:
        return
    by_text = parse_text(json.dumps(document), known=None)
    assert by_text.documents == by_object.documents
    assert by_text.releases == by_object.releases
    assert [draft.flag for draft in by_text.flags] == [draft.flag for draft in by_object.flags]
    assert by_text.presets == by_object.presets


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    text, problem = decoded(content, "f")
    assert (text is None) != (problem is None)
    if text is not None:
        bundle = parse_text(text, "f")
        assert bundle.documents or bundle.errors


DOCS = Path(__file__).parents[3] / "docs"
SAMPLES = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted((DOCS / "how-to").glob("*.md"))
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    if block.startswith("apiVersion: croupier/") and "kind: Notifier" not in block  # they have a file of their own
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_in_the_docs_have_no_mistake(sample: str) -> None:
    assert [str(problem) for problem in parse_text(sample, known=None).problems] == []


def test_there_are_samples_in_the_docs() -> None:
    assert len(SAMPLES) >= 5
