"""The benchmark of gates runs, and its figures are what they are called; what they are is no test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.gates._reference import targets
from benchmarks.gates._result import Result, summed_up
from benchmarks.gates._rules import ASKED, MEANINGS, RULES
from benchmarks.gates._scenarios import SCENARIOS
from benchmarks.gates._table import ratio, shown
from benchmarks.gates._world import World

ROOT = Path(__file__).parents[3]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def test_every_rule_plays_a_rollout_and_all_is_written_down(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = ["-m", "benchmarks.gates.rollbacks", "--rollouts", "1", "--rates", "20", "--scenario", "5xx 0.05->20%"]
    run = subprocess.run(
        [sys.executable, *command, "--markdown", "--json", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(out.read_text())["cells"]["20"]["5xx 0.05->20%"]
    assert set(found) == set(RULES) - set(ASKED)
    assert found["ours"]["median_s"] is not None
    assert "| 5xx 0.05->20% |" in run.stdout
    again = subprocess.run(
        [sys.executable, "-m", "benchmarks.gates.rollbacks", "--show", str(out), str(out), "--markdown"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert again.stdout == run.stdout


def test_the_same_seed_is_the_same_rollout() -> None:
    plays = [RULES["B"](BY_NAME["healthy"], 20.0, seed) for seed in (1, 1, 2)]
    assert plays[0] == plays[1]
    assert plays[0] != plays[2]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_counts_of_parts_add_up_to_those_of_the_version(scenario: object) -> None:
    world = World(scenario, 200.0, 7)  # type: ignore[arg-type] # parametrize says object
    for tick in (0, 60, 150):
        for arm in world.sample(tick, 0.25):
            if arm is None:
                continue
            assert sum(part.requests for part in arm.parts) == arm.requests
            assert sum(part.errors for part in arm.parts) == arm.errors
            assert sum(part.slower[-1] for part in arm.parts) == arm.slow <= arm.slower[0] <= arm.requests
            assert sum(part.deposits for part in arm.parts) == sum(made for made, _ in arm.deposits)
            assert sum(part.failed for part in arm.parts) == sum(failed for _, failed in arm.deposits)


def test_medians_count_the_rollouts_that_never_came_back() -> None:
    cell = summed_up([Result(10.0, 1, None), Result(20.0, 2, 5.0), Result(None, 9, 7.0)])
    assert (cell.median_s, cell.p95_s, cell.share, cell.harm, cell.whole_s) == (20.0, None, 2 / 3, 4.0, 6.0)
    assert shown(BY_NAME["5xx 0.05->1%"], cell) == "67%: 20/-, 4"
    assert shown(BY_NAME["healthy"], cell) == "66.7%"


def test_the_study_knows_every_scenario_at_its_rates_but_the_outages_of_a_provider() -> None:
    for per_s in (20.0, 200.0, 2000.0):
        assert targets(per_s).keys() == {name for name, each in BY_NAME.items() if each.outage is None}
    assert targets(50.0) == {}
    cell = summed_up([Result(235.0, 32, None)])
    assert ratio(cell, targets(20.0)["5xx 0.05->0.5%"]) == "0.50, 0.28, 2.00"


def test_every_rule_is_explained() -> None:
    assert MEANINGS.keys() == RULES.keys()
