"""Does a control plane that dies hurt anybody? ``kill -9`` at random moments of rollouts, a restart each time.

Counts what players noticed (lost requests, moves without a reason), whether each rollout went on, and whether the
journal holds together. Run it by ``make bench ARGS=control/kills``; it ends with 1 when anything of that went
wrong.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from typing import Any

from benchmarks.control.casino import ENDED, House, open_house
from croupier.cli.demo.stage import ControlPlane

STEPS: list[dict[str, Any]] = [
    *({"setWeight": weight} for weight in (1, 5, 10, 25, 40)),
    {"pause": {"duration": "2s"}},
    {"setWeight": 60},
    {"setWeight": 80},
]


async def run(kills: int, rate: float, seed: int) -> dict[str, Any]:
    """Kill so often; what was seen."""
    dice = random.Random(seed)
    back_s: list[float] = []
    async with open_house(rate=rate, lean=True, guards=["ledger"], steps=STEPS, seed=seed) as house:
        versions, ended = ["1.1.0", "1.0.0"], dict.fromkeys(ENDED, 0)
        rollout = await house.start(versions[0])
        weights: dict[str, float] = {}
        backwards = 0
        for _ in range(kills):
            until = time.monotonic() + dice.uniform(0.2, 3.0)
            while time.monotonic() < until:
                found = await house.rollout(rollout)
                backwards += found["phase"] not in ENDED and found["weight"] < weights.get(rollout, 0.0)
                weights[rollout] = found["weight"]
                if found["phase"] in ENDED:
                    ended[found["phase"]] += 1
                    versions.reverse()
                    rollout = await house.start(versions[0])
                await asyncio.sleep(0.02)
            back_s.append(await kill(house))
        last = await house.reach(rollout, 101)
        ended[last["phase"]] += 1
        verified = await asyncio.to_thread(house.client.get, "journal/verify")
        await asyncio.sleep(1)
        figures = house.crowd.snapshot()
    back_s.sort()
    return {
        "kills": kills,
        "requests": figures.sent,
        "lost": figures.lost,
        "lost_by_reason": figures.lost_by_reason,
        "rollouts": ended,
        "weight_fell_back": backwards,
        "journal_ok": verified["ok"],
        "journal_entries": verified["head"]["size"],
        "back_s": {"p50": round(back_s[len(back_s) // 2], 2), "max": round(back_s[-1], 2)},
    }


async def kill(house: House) -> float:
    """kill -9, start again, and wait until it answers; how long it was away."""
    began = time.monotonic()
    house.plane.kill()
    house.plane = ControlPlane(house.place)
    await asyncio.to_thread(house.plane.connection)
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=float, default=150.0, help="requests per second of the players")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    seen = asyncio.run(run(asked.kills, asked.rate, asked.seed))
    print(json.dumps(seen, indent=2) if asked.json else "\n".join(f"{name:18} {value}" for name, value in seen.items()))
    broken = seen["lost"] or seen["weight_fell_back"] or not seen["journal_ok"] or seen["rollouts"]["aborted"]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
