"""How long does a kill take to change the answer of every application that listens?

A real control plane on SQLite; the applications are raw sockets in a process of their own that parse each delta. Time
runs from the moment that the kill is committed under to the changed answer in the client. Run it by
``python -m benchmarks.flags.kill``; it ends with 1 when the figures that we promise are not met.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.flags._stage import House, listening, open_house

from croupier.server.api.formats import epoch

PROMISED_MS = {1_000: 100.0, 10_000: 500.0}
"""The 99th percentile, by how many listen."""


def run(counts: Sequence[int], flags: int, rounds: int) -> list[dict[str, Any]]:
    """Kill so often with so many listeners; what was seen."""
    with open_house(flags) as house:
        return [_with(house, count, rounds) for count in counts]


def _with(house: House, count: int, rounds: int) -> dict[str, Any]:
    before = house.memory_mib
    with listening(house, count) as (crowd, gathered):
        times: list[float] = []
        asked: list[float] = []
        worst = []
        for _ in range(rounds):
            crowd.tell("wait", "payments_v2", 30)
            crowd.hear()
            began = time.time()
            killed = house.client.post("flags/payments_v2/kill", {"reason": "the benchmark"})
            answered = crowd.hear()["at"]
            committed = epoch(killed["killed"]["at"])
            assert len(answered) == count, f"{count - len(answered)} of {count} did not hear of it"
            times += [(at - committed) * 1_000 for at in answered]
            asked += [(at - began) * 1_000 for at in answered]
            worst.append(round((answered[-1] - committed) * 1_000, 1))
            house.client.post("flags/payments_v2/restore", {"reason": "the benchmark"})
            time.sleep(1)
        return {
            "listeners": count,
            "gathered_s": gathered["took_s"],
            "kills": rounds,
            "from_commit_ms": _figures(times),
            "from_request_ms": _figures(asked),
            "slowest_of_each_ms": worst,
            "memory_mib": {"before": before, "with_listeners": house.memory_mib},
        }


def _figures(times: list[float]) -> dict[str, float]:
    times = sorted(times)
    places = {"p50": 0.5, "p99": 0.99}
    return {name: round(times[int(len(times) * part)], 1) for name, part in places.items()} | {
        "max": round(times[-1], 1)
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--flags", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    seen = run(asked.listeners, asked.flags, asked.rounds)
    print(json.dumps(seen, indent=2))
    return int(any(item["from_commit_ms"]["p99"] > PROMISED_MS.get(item["listeners"], 500.0) for item in seen))


if __name__ == "__main__":
    sys.exit(main())
