"""What one look of a sequential gate costs, how many groups one core judges in a second, and what a gate remembers.

Times are the thread's CPU time, the least of the repeats, which take turns: neighbours on the same cores only ever make
it more. The rival is the test that Kayenta asks, by scipy, on the points of half an hour. Run it by ``python -m
benchmarks.gates.speed``; it ends with 1 where a figure that the documentation claims is not reached.
"""

import argparse
import json
import math
import pickle
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from croupier.core.gates import Comparison, Counts, Gate, GateState, Objective, RatioSli, Reading, SequentialRule
from croupier.core.gates.judge import judge

_LOOK_US, _GROUPS_PER_S = 50.0, 10_000.0
_OK = (("outcome", ("ok",)),)
_PLAIN = Gate("errors", RatioSli("requests_total", _OK), comparison=Comparison(), rule=SequentialRule())
_FULL = replace(_PLAIN, objective=Objective(0.999))
_GROUPED = replace(_PLAIN, by=("market",))
_PARTS = 4
_RIVALS = 20
"""Asked so often in a turn, so that it finds its caches warm, as the looks do."""


def story(gate: Gate, groups: int, samples: int, seed: int = 1) -> list[Reading]:
    """Samples of a healthy canary at a tenth of 200 requests/s, of so many groups."""
    random = np.random.default_rng(seed)
    out = []
    for number in range(samples):
        arms: list[dict[Any, Counts]] = []
        for requests in (200, 1_800):
            sizes = random.multinomial(requests, [1 / groups] * groups).tolist()
            each = [
                Counts(size - int(bad), size) for size, bad in zip(sizes, random.binomial(sizes, 0.0005), strict=True)
            ]
            whole = Counts(sum(counts.good for counts in each), requests)
            named = {(("market", f"m{index}"),): counts for index, counts in enumerate(each)} if gate.by else {}
            arms.append({(): whole, **named})
        bad = arms[1][()].bad
        parts = (Counts(450 - bad, 450), *[Counts(450, 450)] * (_PARTS - 1))
        out.append(Reading(number * 10.0, (number + 1) * 10.0, arms[0], arms[1], parts))
    return out


def played(gate: Gate, readings: list[Reading], state: GateState | None = None) -> GateState:
    """The gate's memory after these samples."""
    state = state or GateState(gate.name)
    for reading in readings:
        state = judge(gate, state, reading, reading.until, watching_since=0.0, next_bp=2_500)
    return state


def least_us(asked: Mapping[str, tuple[Callable[[], object], int]], repeats: int) -> dict[str, float]:
    """CPU microseconds of one of so many calls, by name: the least of the repeats, in which all take turns."""
    found = dict.fromkeys(asked, math.inf)
    for _ in range(repeats + 1):
        for name, (call, calls) in asked.items():
            began = time.thread_time()
            call()
            found[name] = min(found[name], (time.thread_time() - began) * 1e6 / calls)
    return found


def rival(points: int, times: int) -> Callable[[], object]:
    """The test that Kayenta asks about one metric, when each version has so many points; asked so many times."""
    random = np.random.default_rng(1)
    canary, baseline = random.binomial(200, 0.0005, points) / 200, random.binomial(1_800, 0.0005, points) / 1_800

    def ask() -> None:
        for _ in range(times):
            shift = 0.25 * abs(float(np.median(np.subtract.outer(canary, baseline))))
            mannwhitneyu(canary - shift, baseline, alternative="greater", method="asymptotic")

    return ask


def memory(samples: int) -> dict[str, Any]:
    """Bytes of a gate's memory as it goes on, and by how much the process grew from a tenth of the samples to all."""
    readings, state, sizes, grown = story(_FULL, 1, 1_000), None, {}, 0
    for thousand in range(samples // 1_000):
        moved = [
            replace(each, since=each.since + thousand * 1e4, until=each.until + thousand * 1e4) for each in readings
        ]
        state = played(_FULL, moved, state)
        if (done := (thousand + 1) * 1_000) in (1_000, samples // 10, samples):
            sizes[done] = len(pickle.dumps(state))
        if done == samples // 10:
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"bytes": sizes, "process_grew_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown}


def measured(repeats: int, samples: int) -> dict[str, Any]:
    plain, full, grouped = story(_PLAIN, 1, 180), story(_FULL, 1, 180), story(_GROUPED, 100, 40)
    found = least_us(
        {
            "look_us": (lambda: played(_PLAIN, plain), 180),
            "look_with_objective_us": (lambda: played(_FULL, full), 180),
            "group_us": (lambda: played(_GROUPED, grouped), 40 * 101),
            "mannwhitney_us": (rival(180, _RIVALS), _RIVALS),
        },
        repeats,
    )
    return {
        **found,
        "groups_per_s": 1e6 / found["group_us"],
        "mannwhitney_to_look": found["mannwhitney_us"] / found["look_us"],
        "mannwhitney_to_look_with_objective": found["mannwhitney_us"] / found["look_with_objective_us"],
        "memory": memory(samples),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--samples", type=int, default=100_000, help="for the memory; a multiple of 10,000")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measured(arguments.repeats, arguments.samples)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(f"a look, comparison                     {found['look_us']:8.1f} us")
        print(f"a look, comparison and objective       {found['look_with_objective_us']:8.1f} us")
        print(
            f"a group of a gate of 100 groups        {found['group_us']:8.1f} us, {found['groups_per_s']:,.0f} a second"
        )
        print(
            f"Mann-Whitney over half an hour (scipy) {found['mannwhitney_us']:8.1f} us, "
            f"{found['mannwhitney_to_look']:.1f} looks of ours, "
            f"{found['mannwhitney_to_look_with_objective']:.1f} with an objective"
        )
        for samples, size in found["memory"]["bytes"].items():
            print(f"a gate remembers after {samples:>7,} samples {size:8,} bytes")
        print(f"the process grew meanwhile by          {found['memory']['process_grew_kib']:8,} KiB")
    return int(found["look_with_objective_us"] > _LOOK_US or found["groups_per_s"] < _GROUPS_PER_S)


if __name__ == "__main__":
    sys.exit(main())
