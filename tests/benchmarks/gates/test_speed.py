"""The measurement of a look runs; how quick it is, is no test's business."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_it_measures_looks_groups_and_memory() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.gates.speed", "--repeats", "1", "--samples", "10000", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    found = json.loads(run.stdout)
    assert found["look_us"] > 0
    sizes = [int(size) for size in found["memory"]["bytes"].values()]
    assert sizes[-1] - sizes[0] < 16, "what a gate remembers does not grow with its samples"
