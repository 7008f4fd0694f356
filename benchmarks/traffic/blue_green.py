"""Blue to green and back, under load and with sockets open: what is lost, and how soon is everybody back?

Two services switch again and again: one under a steady rate of requests, one at whose tables players sit on WebSockets.
Every second way back is an abort during the watch, every other one an undo after the promotion. Run it by
``make bench ARGS=traffic/blue_green``; it ends with 1 when a request was lost, a socket torn, or a way back took
longer than 300 ms at the median.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from datetime import datetime
from typing import Any

from benchmarks.control._tables import run_tables
from benchmarks.control.casino import House, open_house
from casino.ledger import check

SERVICES = ("payments", "games")
NEW = "1.1.0"


async def run(switches: int, rate: float, seats: int, pause_s: float) -> dict[str, Any]:
    """So many switches and ways back of both services; milliseconds."""
    there: list[float] = []
    back: dict[str, list[float]] = {"abort": [], "undo": []}
    spawn = multiprocessing.get_context("spawn")
    async with open_house(rate=rate, lean=True, guards=["ledger"], steps=[{"setWeight": 100}, {"pause": {}}]) as house:
        await asyncio.to_thread(house.client.post, "apply", {"documents": _documents()})
        ours, theirs = spawn.Pipe()
        database = house.place.folder / "casino.db"
        asked = (house.place.edge, database, seats, 2, pause_s, theirs)
        tables = spawn.Process(target=run_tables, args=asked, daemon=True)
        tables.start()
        theirs.close()
        try:
            await asyncio.to_thread(ours.recv)
            began, before = time.monotonic(), house.crowd.snapshot().sent
            for number in range(switches):
                how = "undo" if number % 2 else "abort"
                gone = await asyncio.gather(*(_there_and_back(house, service, how) for service in SERVICES))
                there += [one[0] for one in gone]
                back[how] += [one[1] for one in gone]
            took_s, sent = time.monotonic() - began, house.crowd.snapshot().sent - before
            ours.send("stop")
            seen = await asyncio.to_thread(ours.recv)
        finally:
            tables.terminate()
            tables.join()
        await house.crowd.stop()
        figures = house.crowd.snapshot()
        unfit = await asyncio.to_thread(check, database)
    return {
        "switches": switches * len(SERVICES),
        "ways_back": switches * len(SERVICES),
        "requests": figures.sent,
        "requests_per_s": round(sent / took_s),
        "lost": figures.lost,
        "lost_by_reason": figures.lost_by_reason,
        "sockets": seats,
        "rounds": seen["results"],
        "sockets_drained": len(seen["closed"]),
        "sockets_torn": len(seen["torn"]),
        "torn": Counter(why for _, _, why in seen["torn"]).most_common(3),
        "switch_recorded_to_confirmed_ms": _spread(there),
        "abort_command_to_zero_ms": _spread(back["abort"]),
        "undo_command_to_zero_ms": _spread(back["undo"]),
        "ledger_findings": len(unfit),
    }


async def _there_and_back(house: House, service: str, how: str) -> tuple[float, float]:
    """Milliseconds of the switch, and from the command of the way back to the share 0 that was read back."""
    body = {"service": service, "version": NEW}
    rollout = str((await asyncio.to_thread(house.client.post, "rollouts", body))["id"])
    await house.reach(rollout, 100)
    if how == "undo":
        await house.reach(rollout, 101)  # never that: until it is promoted
    began = time.time()
    await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/{how}", {"reason": "benchmark"})
    # Where the store hesitates the players go first, and the record still tells of before.
    while (ended := await house.rollout(rollout))["phase"] != "aborted":  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(0.05)
    zero = 1000 * (_moment(ended["abort"]["zeroAt"]) - began)
    events = await asyncio.to_thread(house.client.get, f"rollouts/{rollout}/history", limit=100)
    at = {item["type"]: _moment(item["at"]) for item in reversed(events["items"])}  # the first of each
    return 1000 * (at["weight_confirmed"] - at["step_started"]), zero


def _documents() -> list[dict[str, Any]]:
    watching = {"templates": [{"templateName": "ledger"}]}
    strategy = {"blueGreen": {"postPromotionAnalysis": watching, "watch": "2s", "keep": "1h"}}
    release = {"service": "games", "version": NEW}
    return [
        *(
            {
                "apiVersion": "croupier/v1",
                "kind": "Rollout",
                "metadata": {"name": service},
                "spec": {"service": service, "strategy": strategy},
            }
            for service in SERVICES
        ),
        {"apiVersion": "croupier/v1", "kind": "Release", "metadata": {"name": f"games-{NEW}"}, "spec": release},
    ]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _spread(values: list[float]) -> dict[str, float]:
    ranked = sorted(values)
    p99 = ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))]
    found = {"p50": statistics.median(ranked), "p99": p99, "max": ranked[-1]}
    return {"n": len(ranked), **{name: round(value, 1) for name, value in found.items()}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switches", type=int, default=20, help="of each of the two services; 2 or more")
    parser.add_argument("--rate", type=float, default=500.0, help="requests per second")
    parser.add_argument("--seats", type=int, default=500, help="WebSockets that stay open")
    parser.add_argument(
        "--pause", type=float, default=10.0, dest="pause_s", help="seconds between two bets of a player"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.switches < len(("abort", "undo")):
        parser.error("--switches must be 2 or more, so that there is a way back of each kind")
    seen = asyncio.run(run(asked.switches, asked.rate, asked.seats, asked.pause_s))
    print(json.dumps(seen, indent=2) if asked.json else "\n".join(f"{name:32} {value}" for name, value in seen.items()))
    slow = any(seen[f"{how}_command_to_zero_ms"]["p50"] > 300 for how in ("abort", "undo"))
    return 1 if slow or seen["lost"] or seen["sockets_torn"] or seen["ledger_findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
