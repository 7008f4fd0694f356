"""A long night: weight changes, aborts, switches and kills of the control plane, under load and with sockets open.

Players send requests at a steady rate, others sit at a table on a WebSocket and bet. Two services roll out again and
again. Then the record is asked for the reason of each move of a player, and the ledger whether money was lost. Run it
by ``python -m benchmarks control/marathon``; it ends with 1 when a request was lost, a socket torn, a move unexplained,
or a balance wrong.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.control._oracle import courses, unexplained
from benchmarks.control._tables import run_tables
from benchmarks.control.casino import ENDED, House, open_house
from benchmarks.control.kills import kill
from casino.ledger import check
from croupier.adapters.store.sql import open_store
from croupier.errors import Conflict, Transient

SERVICES = ("payments", "games")
WEIGHTS = (0.01, 0.1, 0.5, *range(1, 50), *range(50, 100, 5))


@dataclass(slots=True)
class Asked:
    """How much of everything."""

    changes: int
    aborts: int
    kills: int
    rate: float
    seats: int
    pause_s: float
    seed: int


@dataclass(slots=True)
class Night:
    """What was done so far."""

    changes: int = 0
    aborts: int = 0
    ended: Counter[str] = field(default_factory=Counter)


async def run(asked: Asked) -> dict[str, Any]:
    """The whole night; its figures."""
    steps = [{"setWeight": weight} for weight in WEIGHTS]
    dice = random.Random(asked.seed)
    night, back_s = Night(), list[float]()
    spawn = multiprocessing.get_context("spawn")
    async with open_house(rate=asked.rate, lean=True, guards=["ledger"], steps=steps, seed=asked.seed) as house:
        await asyncio.to_thread(house.client.post, "apply", {"documents": _games(steps)})
        ours, theirs = spawn.Pipe()
        database = house.place.folder / "casino.db"
        tables = spawn.Process(
            target=run_tables,
            args=(house.place.edge, database, asked.seats, asked.seed + 1, asked.pause_s, theirs),
            daemon=True,
        )
        tables.start()
        theirs.close()  # so that we hear when the players at the tables are gone
        try:
            await asyncio.to_thread(ours.recv)
            began = time.time()
            delivering = [asyncio.create_task(_deliver(house, service, asked, night, dice)) for service in SERVICES]
            for number in range(asked.kills):
                while night.changes < asked.changes * (number + 1) / (asked.kills + 1):  # noqa: ASYNC110 - a counter
                    await asyncio.sleep(0.1)
                back_s.append(await kill(house))
                _say(night, asked, f"kill {number + 1}")
            await asyncio.gather(*delivering)
            took_s = time.time() - began
            ours.send("stop")
            seats = await asyncio.to_thread(ours.recv)
        finally:
            tables.terminate()
            tables.join()
        await house.crowd.stop()
        figures, moves = house.crowd.snapshot(), list(house.crowd.moves)
        verified = await asyncio.to_thread(house.client.get, "journal/verify")
        store = await open_store(f"sqlite:///{house.place.folder / 'state' / 'croupier.db'}")
        try:
            found = await courses(store, SERVICES)
        finally:
            await store.close()
        unfit = await asyncio.to_thread(check, database)
    return {
        "seconds": round(took_s),
        "weight_changes": night.changes,
        "aborts": night.aborts,
        "rollouts": dict(night.ended),
        "kills": len(back_s),
        "back_s": round(max(back_s, default=0.0), 2),
        "requests": figures.sent,
        "requests_per_s": round(figures.sent / figures.elapsed_s),
        "lost": figures.lost,
        "lost_by_reason": figures.lost_by_reason,
        "moves": len(moves),
        "moves_unexplained": len(unexplained(moves, found)),
        "sockets": asked.seats,
        "stays": seats["opened"],
        "rounds": seats["results"],
        "sockets_drained": len(seats["closed"]),
        "sockets_torn": len(seats["torn"]),
        "torn": Counter(why for _, _, why in seats["torn"]).most_common(3),
        "journal_ok": verified["ok"],
        "ledger_findings": len(unfit),
    }


async def _deliver(house: House, service: str, asked: Asked, night: Night, dice: random.Random) -> None:
    """Rollout after rollout of one service, some aborted on their way, until there were enough changes."""
    stable, canary = "1.0.0", "1.1.0"
    while night.changes < asked.changes or night.aborts < asked.aborts:
        aborts = night.aborts < asked.aborts and dice.random() < 0.7
        rollout = await _start(house, service, canary)
        last = await _follow(house, rollout, night, dice.choice(WEIGHTS[10:]) if aborts else None)
        night.ended[last["phase"]] += 1
        _say(night, asked, f"{rollout} {last['phase']}")
        if last["phase"] == "succeeded":
            stable, canary = canary, stable


async def _follow(house: House, rollout: str, night: Night, abort_at: float | None) -> dict[str, Any]:
    """Count its confirmed weights until it ends."""
    seen = None
    while True:
        found = await house.rollout(rollout)
        if found["confirmedWeight"] not in (None, seen):
            # Steps may follow each other faster than we ask.
            passed = [weight for weight in (*WEIGHTS, 100.0) if (seen or 0.0) < weight <= found["confirmedWeight"]]
            night.changes += len(passed)
            seen = found["confirmedWeight"]
        if found["phase"] in ENDED:
            return found
        if abort_at is not None and (seen or 0.0) >= abort_at:
            night.aborts, night.changes, abort_at = night.aborts + 1, night.changes + 1, None
            await _abort(house, rollout)
        await asyncio.sleep(0.05)


async def _start(house: House, service: str, version: str) -> str:
    """Ask until it has begun; a control plane that was killed may have begun it and not have said so."""
    while True:
        with suppress(Conflict, Transient):
            body = {"service": service, "version": version}
            return str((await asyncio.to_thread(house.client.post, "rollouts", body))["id"])
        with suppress(Transient):
            last = (await asyncio.to_thread(house.client.get, "rollouts", service=service, limit=1))["items"][0]
            if last["version"] == version and last["phase"] not in ENDED:
                return str(last["id"])
        await asyncio.sleep(0.1)


async def _abort(house: House, rollout: str) -> None:
    """Ask until it is given up, by us or otherwise over."""
    while (await house.rollout(rollout))["phase"] not in (*ENDED, "aborting"):
        with suppress(Conflict, Transient):
            await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/abort", {"reason": "benchmark"})


def _games(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    canary = {"analysis": {"templates": [{"templateName": "ledger"}]}, "steps": steps}
    spec = {"service": "games", "keepStable": "5s", "keepCanary": "5s", "strategy": {"canary": canary}}
    release = {"service": "games", "version": "1.1.0"}
    return [
        {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "games"}, "spec": spec},
        {"apiVersion": "croupier/v1", "kind": "Release", "metadata": {"name": "games-1.1.0"}, "spec": release},
    ]


def _say(night: Night, asked: Asked, what: str) -> None:
    print(f"{night.changes}/{asked.changes} changes, {night.aborts}/{asked.aborts} aborts: {what}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=1_000, help="confirmed weights, of both services together")
    parser.add_argument("--aborts", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=500.0, help="requests per second")
    parser.add_argument("--seats", type=int, default=500, help="WebSockets that stay open")
    parser.add_argument(
        "--pause", type=float, default=30.0, dest="pause_s", help="seconds between two bets of a player"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    as_json = asked.json
    del asked.json
    seen = asyncio.run(run(Asked(**vars(asked))))
    print(json.dumps(seen, indent=2) if as_json else "\n".join(f"{name:20} {value}" for name, value in seen.items()))
    broken = seen["lost"] or seen["moves_unexplained"] or seen["sockets_torn"] or seen["ledger_findings"]
    return 1 if broken or not seen["journal_ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
