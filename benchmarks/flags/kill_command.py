"""How long after Enter is a flag killed by ``croupier flag kill``, and how long without sending it ahead?

A real control plane on SQLite, the command as a process of its own. Time runs from the start of the process to the
moment that the kill is committed under, and to the process's end: ``python -m benchmarks.flags.kill_command``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

from benchmarks.flags._stage import House, open_house

from croupier.server.api.formats import epoch

FLAG = "payments_v2"


def run(flags: int, rounds: int) -> dict[str, Any]:
    """Kill so often, ahead of the command's loading and after it."""
    with open_house(flags) as house:
        # An option before the verb is not plain, so the command sends the kill itself.
        return {
            "sent_ahead": _with(house, [], rounds),
            "sent_by_the_command": _with(house, ["--url", house.client.url], rounds),
        }


def _with(house: House, options: list[str], rounds: int) -> dict[str, float]:
    environ = {**os.environ, "CROUPIER_URL": house.client.url, "CROUPIER_TOKEN": _token(house)}
    killed, ended = [], []
    for _ in range(rounds):
        house.client.post(f"flags/{FLAG}/restore", {"reason": "the benchmark"})
        words = [sys.executable, "-m", "croupier", *options, "flag", "kill", FLAG, "-r", "the benchmark", "--wait", "0"]
        began = time.time()
        subprocess.run(words, env=environ, capture_output=True, check=True)
        ended.append((time.time() - began) * 1_000)
        killed.append((epoch(house.client.get(f"flags/{FLAG}")["killed"]["at"]) - began) * 1_000)
    return {
        "to_killed_ms": round(median(killed), 1),
        "slowest_ms": round(max(killed), 1),
        "to_end_ms": round(median(ended), 1),
    }


def _token(house: House) -> str:
    made: dict[str, str] = house.client.post("tokens", {"name": "benchmark", "role": "operator"})
    return made["token"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flags", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    print(json.dumps(run(asked.flags, asked.rounds), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
