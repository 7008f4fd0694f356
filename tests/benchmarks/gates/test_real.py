"""The documents of the benchmark on real traffic are ones that Croupier takes."""

import json

import pytest
from benchmarks.gates.real import GATES, SCENARIOS, STEPS, gates, release

from croupier.adapters.manifests import parse_text


@pytest.mark.parametrize("document", [*gates(), *(release("2.0.0", scenario.fault) for scenario in SCENARIOS)])
def test_gates_and_releases_are_read_without_complaint(document: dict[str, object]) -> None:
    assert parse_text(json.dumps(document), "benchmark", known=None).errors == ()


def test_every_step_asks_every_gate() -> None:
    asked = [step["analysis"]["templates"] for step in STEPS if "analysis" in step]
    assert asked == [[{"templateName": name} for name in GATES]] * 3
