"""How soon is a bad release without players? From an abort command, and from a gate's ``fail``, to share 0 seen in
Envoy.

Run it by ``make bench ARGS=control/way_back``; it ends with 1 when an abort took longer than 300 ms or a gate's
rollback longer than 1 s at the median, or when a request was lost.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from datetime import datetime
from typing import Any

from benchmarks.control.casino import House, open_house

STEPS: list[dict[str, Any]] = [{"setWeight": 20}, {"pause": {}}]


async def run(aborts: int, failures: int, rate: float) -> dict[str, Any]:
    """So many aborts and gate failures; milliseconds."""
    commanded: list[float] = []
    failed: list[float] = []
    async with open_house(rate=rate, lean=False, guards=["deposit-slo"], steps=STEPS) as house:
        for _ in range(aborts):
            rollout = await house.start("1.1.0")
            await house.reach(rollout, 20)
            commanded.append(await _abort(house, rollout))
        for _ in range(failures):
            rollout = await house.start("1.2.0")
            ended = await house.reach(rollout, 101)
            failed.append(1000 * (_moment(ended["abort"]["zeroAt"]) - _moment(ended["abort"]["at"])))
        figures = house.crowd.snapshot()
    return {
        "requests": figures.sent,
        "lost": figures.lost,
        "abort_command_to_zero_ms": _spread(commanded),
        "gate_fail_to_zero_ms": _spread(failed),
    }


async def _abort(house: House, rollout: str) -> float:
    """Milliseconds from sending the command to the share 0 that was read back from Envoy."""
    began = time.time()
    await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/abort", {"reason": "benchmark"})
    ended = await house.reach(rollout, 101)
    return 1000 * (_moment(ended["abort"]["zeroAt"]) - began)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _spread(values: list[float]) -> dict[str, float]:
    return {"n": len(values), "p50": round(statistics.median(values), 1), "max": round(max(values), 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aborts", type=int, default=15)
    parser.add_argument("--failures", type=int, default=5)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.aborts < 1 or asked.failures < 1:
        parser.error("--aborts and --failures must be 1 or more")
    seen = asyncio.run(run(asked.aborts, asked.failures, asked.rate))
    print(json.dumps(seen, indent=2) if asked.json else "\n".join(f"{name:26} {value}" for name, value in seen.items()))
    slow = seen["abort_command_to_zero_ms"]["p50"] > 300 or seen["gate_fail_to_zero_ms"]["p50"] > 1000
    return 1 if slow or seen["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
