"""What keeps an analysis from coming to a verdict, each mistake by itself, at its field."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import AnalysisRule, Comparison, Gate, HardStop, MeasuredSli, Objective
from croupier.core.gates.analysis.model import Arg, Metric, PrometheusQuery, WebRequest
from croupier.core.gates.analysis.placeholders import filled, filled_value, names_in, texts
from croupier.core.gates.check import check_gate

RATE = Metric("rate", PrometheusQuery("up"), "result > 0.9", interval_s=60.0)
WEB = WebRequest(
    "https://x/{{args.who}}/{{version}}",
    headers=(("a", "Bearer {{ args.token }}"),),
    body="{{stable}}",
    json_path="{.{{args.who}}}",
)
GATE = Gate("values", MeasuredSli(), rule=AnalysisRule((RATE,)))


def metric(**changes: Any) -> Gate:
    return replace(GATE, rule=AnalysisRule((replace(RATE, **changes),)))


def test_a_sound_one_has_no_problems() -> None:
    args = (Arg("who", value="shop"), Arg("token", file="shop/token"), Arg("more", env="CROUPIER_ARG_MORE"))
    sound = AnalysisRule((RATE, replace(RATE, name="web", provider=WEB, dry_run=True)), args)
    assert check_gate(replace(GATE, rule=sound)) == ()
    assert check_gate(metric(count=3, failure_limit=1, consecutive_success_limit=2)) == ()
    assert check_gate(metric(provider=PrometheusQuery("up", timeout_s=120.0))) == ()
    assert check_gate(metric(failure_limit=-1, consecutive_success_limit=2)) == ()


WRONG: list[tuple[str, Gate, str, str]] = [
    ("an objective", replace(GATE, objective=Objective(0.9)), "spec.objective", "has no effect"),
    ("a comparison", replace(GATE, comparison=Comparison()), "spec.comparison", "has no effect"),
    ("a hard stop", replace(GATE, hard_stop=HardStop(events=1)), "spec.hardStop", "has no effect"),
    ("groups", replace(GATE, by=("psp",)), "spec.by", "has no effect"),
    ("a warm-up", replace(GATE, warmup_s=5.0), "spec.warmup", "initialDelay"),
    ("a name twice", replace(GATE, rule=AnalysisRule((RATE, RATE))), "spec.analysis.metrics[1].name", "there twice"),
    ("only dry runs", metric(dry_run=True), "spec.analysis.metrics", "every metric is a dry run"),
    ("too often", metric(interval_s=0.5), "spec.analysis.metrics[0].interval", "too short"),
    ("endlessly", metric(interval_s=float("inf")), "spec.analysis.metrics[0].interval", "too short"),
    (
        "no time to answer",
        metric(provider=PrometheusQuery("up", timeout_s=0.0)),
        "spec.analysis.metrics[0].provider.prometheus.timeout",
        "a time-out of 0 s",
    ),
    (
        "all the time to answer",
        metric(provider=WebRequest("https://x", timeout_s=120.5)),
        "spec.analysis.metrics[0].provider.web.timeout",
        "120s or less",
    ),
    ("no interval", metric(interval_s=None, count=2), "spec.analysis.metrics[0].count", "need an interval"),
    (
        "no interval for several",
        metric(interval_s=None, consecutive_success_limit=2),
        "spec.analysis.metrics[0].consecutiveSuccessLimit",
        "need an interval",
    ),
    ("no limits", metric(failure_limit=-1), "spec.analysis.metrics[0].failureLimit", "both limits are switched off"),
    ("too few", metric(count=2, failure_limit=3), "spec.analysis.metrics[0].count", "too few for failureLimit 3"),
    ("all may fail", metric(count=2, failure_limit=2), "spec.analysis.metrics[0].failureLimit", "it can never fail"),
    (
        "the only one may fail",
        metric(interval_s=None, failure_limit=3),
        "spec.analysis.metrics[0].failureLimit",
        "it can never fail",
    ),
    (
        "a value that nothing stands for",
        replace(GATE, rule=AnalysisRule((RATE,), (Arg("a", "{{ service }}-{{ args.b }}"),))),
        "spec.analysis.args[0].value",
        "known are service, version, stable",
    ),
    (
        "too few for doubt",
        metric(count=2, inconclusive_limit=3),
        "spec.analysis.metrics[0].inconclusiveLimit",
        "may be inconclusive",
    ),
    ("no condition", metric(success=None), "spec.analysis.metrics[0]", "has no condition"),
    ("no expression", metric(success="result >"), "spec.analysis.metrics[0].successCondition", "column 9"),
    ("not asked", metric(failure="true"), "spec.analysis.metrics[0].failureCondition", "never looks at the result"),
    ("always true", metric(success="result == result or true"), "spec.analysis.metrics[0]", "can never fail"),
    (
        "nothing stands for it",
        metric(provider=PrometheusQuery("up{{args.a}}")),
        "spec.analysis.metrics[0].provider.prometheus.query",
        "args: [{name: a, value: ...}]",
    ),
    (
        "nobody knows it",
        metric(provider=PrometheusQuery("up", address="http://{{host}}")),
        "spec.analysis.metrics[0].provider.prometheus.address",
        "Known are args.NAME, service, version, stable",
    ),
    (
        "no path",
        metric(provider=WebRequest("https://x", json_path="{a b}")),
        "spec.analysis.metrics[0].provider.web.jsonPath",
        "cannot be read",
    ),
    (
        "an argument twice",
        replace(GATE, rule=AnalysisRule((RATE,), (Arg("a", "b"), Arg("a", "c")))),
        "spec.analysis.args[1].name",
        "there twice",
    ),
    (
        "no name",
        replace(GATE, rule=AnalysisRule((RATE,), (Arg("a b", "c"),))),
        "spec.analysis.args[0].name",
        "no name of an argument",
    ),
    (
        "somebody's variable",
        replace(GATE, rule=AnalysisRule((RATE,), (Arg("a", env="DATABASE_URL"),))),
        "spec.analysis.args[0].valueFrom.env",
        "CROUPIER_ARG_",
    ),
    (
        "somebody's file",
        replace(GATE, rule=AnalysisRule((RATE,), (Arg("a", file="../state/admin.token"),))),
        "spec.analysis.args[0].valueFrom.file",
        "no file below the directory of secrets",
    ),
]


@pytest.mark.parametrize("gate, field, words", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_mistake_is_found_where_it_is(gate: Gate, field: str, words: str) -> None:
    found = check_gate(gate)
    assert [each for each in found if each.field == field and words in str(each)], list(map(str, found))


def test_what_stands_for_placeholders() -> None:
    values = {"args.who": "shop", "args.token": "s3", "version": "1.2", "stable": "1.1", "service": "pay"}
    web = filled(WEB, values)
    assert isinstance(web, WebRequest)
    assert (web.url, web.headers, web.body, web.json_path) == (
        "https://x/shop/1.2",
        (("a", "Bearer s3"),),
        "1.1",
        "{.shop}",
    )
    assert filled(WebRequest("https://x"), {}) == WebRequest("https://x")
    asked = PrometheusQuery("up{a='{{service}}'}", "http://{{ args.who }}", (("a", "{{args.token}}"),))
    assert filled(asked, values) == PrometheusQuery("up{a='pay'}", "http://shop", (("a", "s3"),))
    assert filled(PrometheusQuery("up"), {}) == PrometheusQuery("up")
    with pytest.raises(KeyError):
        filled(asked, {})
    assert names_in('{"a": {"b": "{{c}} {{ c }}"}}') == ("c",)
    assert len(list(texts(WEB))) == 4


def test_a_value_of_an_argument_is_filled() -> None:
    assert filled_value("{{ service }}-{{version}}", {"service": "shop", "version": "1"}) == "shop-1"
    with pytest.raises(KeyError, match="b"):
        filled_value("{{args.b}}", {"service": "shop"})
