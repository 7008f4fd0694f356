"""A ready-made gate in a file: what its name stands for, what may be written beside it, and what may not."""

import pytest

from croupier.adapters.manifests import parse_text
from croupier.adapters.manifests.ready import as_text, spelled_out
from croupier.core.gates import BurnRule, ClassicRule, Comparison, Gate, HardStop, LatencySli, Objective, RatioSli
from croupier.core.gates.check import check_gate
from croupier.core.gates.model import SequentialRule
from croupier.core.gates.ready import BY_NAME, READY, Ready

HEAD = "apiVersion: croupier/v1\nkind: Gate\nmetadata: {name: mine}\nspec: "
EACH = pytest.mark.parametrize("ready", READY, ids=[ready.name for ready in READY])


def gate(spec: str) -> Gate:
    bundle = parse_text(HEAD + spec, "f")
    assert not bundle.problems, bundle.problems
    [item] = bundle.items
    found = getattr(item, "spec", None)
    assert isinstance(found, Gate)
    return found


def problems(spec: str) -> list[str]:
    bundle = parse_text(HEAD + spec, "f")
    return [str(item.problem) for item in bundle.problems]


@EACH
def test_its_name_is_enough(ready: Ready) -> None:
    found = gate(f"{{sli: {{ready: {ready.name}}}}}")
    assert found.name == "mine"
    assert spelled_out(found)["spec"] == spelled_out(ready.gate)["spec"]
    assert not any(check_gate(found))


@EACH
def test_written_out_it_means_the_same(ready: Ready) -> None:
    bundle = parse_text(as_text(spelled_out(ready.gate)), "f")
    assert not bundle.problems
    [item] = bundle.items
    assert getattr(item, "spec", None) == ready.gate


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(READY)


def test_what_a_gate_writes_itself_takes_the_place() -> None:
    found = gate(
        "{sli: {ready: {name: deposit-success, metric: my_deposits_total, good: {state: done}, match: {brand: aurora}"
        "}}, by: [], objective: {atLeast: 98%}, comparison: {maxRatio: 1.5}, hardStop: {events: 5}, rule: {window: 2m},"
        " description: Mine., advisory: false}"
    )
    sli = RatioSli(
        "my_deposits_total",
        good=(("state", ("done",)),),
        total=(("brand", ("aurora",)), ("outcome", ("credited", "failed"))),
    )
    assert found == Gate(
        "mine",
        sli,
        (),
        Objective(0.98),
        Comparison(1.5),
        HardStop(events=5),
        ClassicRule(window_s=120),
        description="Mine.",
    )


def test_a_latency_takes_another_threshold_and_any_rule() -> None:
    found = gate("{sli: {ready: {name: api-p95, threshold: 250ms, match: {zone: eu}}}, sequential: {}}")
    assert found.sli == LatencySli("edge_request_duration_seconds", 0.25, (("zone", ("eu",)),))
    assert found.rule == SequentialRule()
    assert gate("{sli: {ready: deposit-success}}").rule == SequentialRule(harm=40)
    assert gate("{sli: {ready: deposit-success}, by: []}").rule == SequentialRule()
    found = gate("{sli: {ready: edge-5xx}, burn: {}}")
    assert found.rule == BurnRule()
    found = gate("{sli: {ready: edge-5xx-burn}, burn: {factor: 5}}")
    assert found.rule == BurnRule(factor=5, min_samples=50)
    found = gate("{sli: {ready: edge-5xx-burn}, rule: {}}")
    assert found.rule == ClassicRule()
    assert gate("{sli: {ready: {name: ledger-drift, metric: drift_total}}}").sli.metric == "drift_total"
    assert gate("{sli: {ready: {name: deposit-success, total: {outcome: [credited, failed, lost]}}}}").sli == RatioSli(
        "casino_deposits_total",
        good=(("outcome", ("credited",)),),
        total=(("outcome", ("credited", "failed", "lost")),),
    )


def test_what_it_has_no_use_for_is_told() -> None:
    [problem] = problems("{sli: {ready: {name: deposit-success, threshold: 1s}}}")
    assert problem == (
        "spec.sli.ready.threshold: 'deposit-success' is of the kind 'ratio' and has no 'threshold'. "
        "It takes metric, good, total, match."
    )
    assert problems("{sli: {ready: {name: ledger-drift, good: {a: b}}}}") == [
        "spec.sli.ready.good: 'ledger-drift' is of the kind 'events' and has no 'good'. It takes metric, match."
    ]


def test_a_name_that_is_nearly_one() -> None:
    [problem] = problems("{sli: {ready: deposit-sucess}}")
    assert "there is no ready-made gate \"deposit-sucess\"; did you mean 'deposit-success'?" in problem
    [problem] = problems("{sli: {ready: 17}}")
    assert "17" in problem


def test_a_gate_without_a_ready_one_still_has_to_ask_for_something() -> None:
    [problem] = problems("{sli: {events: {metric: doubles_total}}}")
    assert "the gate asks for nothing" in problem
