"""A long night: weight changes, blue-green switches, aborts and kills of the control plane, under load and with sockets
open and rounds in progress, all at once. What was left is drained, with whoever still sits there.

Players send requests at a steady rate, others sit at a table on a WebSocket and bet, others play rounds of several
requests. Two services roll out by weight again and again, two by a switch; some rollouts are aborted, some undone.
Then the record is asked for the reason of each move of a player, and the ledger whether money was lost. Run it by
``make bench ARGS=control/marathon``; it ends with 1 when anything is not as it was asked for.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.control._drains import Closed, Drain, drains, sorted_out
from benchmarks.control._night import BY_WEIGHT, VERSIONS, Asked, Night, by_weights, deliver, set_up
from benchmarks.control._oracle import Course, Sighting, Split, courses, delivered
from benchmarks.control._report import Line, document, kept, shown, told
from benchmarks.control._tables import run_tables
from benchmarks.control.casino import House, open_house
from casino.ledger import Finding, check
from casino.players import Crowd
from croupier.adapters.store.sql import open_store

TO_SWITCHES: Final = 0.3
"""Share of the requests that go to the service that is switched."""
LISTED_S: Final = 60.0
"""Services say what was closed within this time, however long the control plane was away."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The night from all sides: the players', the record's, the casino's."""

    night: Night
    seconds: float
    crowds: tuple[Crowd, ...]
    tables: Mapping[str, Any]
    found: Mapping[str, Course]
    listed: frozenset[str]
    drained: list[Drain]
    journal_ok: bool
    unfit: list[Finding]


async def run(asked: Asked) -> Seen:
    """The whole night."""
    night, spawn = Night(asked), multiprocessing.get_context("spawn")
    steps = by_weights("payments", asked.weights)["spec"]["strategy"]["canary"]["steps"]
    rate = asked.rate * (1 - TO_SWITCHES)
    async with open_house(rate=rate, lean=True, guards=["ledger"], steps=steps, seed=asked.seed) as house:
        await set_up(house)
        ours, theirs = spawn.Pipe()
        database, edge = house.place.folder / "casino.db", house.place.edge
        given = (edge, database, asked.seats, asked.seed + 1, asked.pause_s, theirs, asked.players)
        tables = spawn.Process(target=run_tables, args=given, daemon=True)
        tables.start()
        theirs.close()  # so that we hear when the players at the tables are gone
        others = Crowd(edge, rate=asked.rate * TO_SWITCHES, seed=asked.seed + 2, lean=True, lean_service="promo")
        try:
            await asyncio.to_thread(ours.recv)
            async with others:
                crowds = (house.crowd, others)
                began = time.time()
                telling = asyncio.create_task(_tell(night, crowds))
                try:
                    await deliver(house, night, random.Random(asked.seed))
                finally:
                    telling.cancel()
                    with suppress(asyncio.CancelledError):
                        await telling
                seconds = time.time() - began
                ours.send("stop")
                seats = await asyncio.to_thread(ours.recv)
                await asyncio.gather(*(crowd.stop() for crowd in crowds))
        finally:
            tables.terminate()
            tables.join()
        await _closed(house)
        verified = await asyncio.to_thread(house.client.get, "journal/verify")
        store = await open_store(f"sqlite:///{house.place.folder / 'state' / 'croupier.db'}")
        try:
            found = await courses(store, VERSIONS)
        finally:
            await store.close()
        drained = drains(house.place.folder / "serve.log", "games")
        listed = await asyncio.to_thread(_listed, house, found["games"])
        unfit = await asyncio.to_thread(check, database)
    return Seen(night, seconds, crowds, seats, found, listed, drained, bool(verified["ok"]), unfit)


def judged(seen: Seen) -> tuple[list[Line], dict[str, Any]]:
    """Its figures, and examples of what should not be."""
    night, asked, tables, played = seen.night, seen.night.asked, seen.tables, seen.tables["played"]
    record = delivered(seen.found, night.by_weight, night.by_switch)
    figures = [crowd.snapshot() for crowd in seen.crowds]
    sent = sum(each.sent for each in figures) + played["begun"] + played["calls"]
    lost = sum((Counter(each.lost_by_reason) for each in figures), Counter(played["lost"]))
    moves = [move for crowd in seen.crowds for move in crowd.moves]
    sightings = [Sighting(each.service, each.player, each.after, each.at - each.seconds, each.at) for each in moves]
    sightings += [Sighting(*each) for each in (*tables["sightings"], *played["sightings"])]
    odd = [each for each in sightings if not seen.found[each.service].explains(each)]
    unlooked = sum(each.moves for each in figures) - len(moves)
    within, outside = sorted_out((Closed(*each) for each in tables["closed"]), seen.drained, seen.found["games"])
    late = sum(seen.found["games"].had_left(version, at) for at, version in played["ended"])
    splits = [Split(*each) for each in played["splits"]]
    excused = {each.id for each in splits if each.id in seen.listed and seen.found["games"].excuses(each)}
    split = {each.id for each in splits} - excused
    unfit = [each for each in seen.unfit if each.rule != "split_round" or each.subject not in excused]
    unexpected = Counter(played["unexpected"])
    others = sum(each.unexpected for each in figures) + sum(unexpected.values())
    unexpected.update(complaint for crowd in seen.crowds for complaint in crowd.figures.complaints)
    per_s = sum(each.sent / each.elapsed_s for each in figures) + (played["begun"] + played["calls"]) / seen.seconds
    lines = [
        Line("minutes", f"{seen.seconds / 60:.1f}"),
        Line("weight changes", record.weights, least=asked.changes),
        Line("  of rollouts promoted", record.promoted),
        Line("blue-green switches", record.switches, least=asked.switches),
        Line("  taken back while watched", record.switched_back),
        Line("  undone after the promotion", record.undone),
        Line("aborts", record.aborts, least=asked.aborts),
        Line("kill -9 of the control plane", night.kills, least=asked.kills),
        Line("  longest time away, s", round(max(night.back_s, default=0.0), 2)),
        Line("rollouts given up by themselves", len(record.by_themselves), most=0),
        Line("requests", sent),
        Line("requests per second", round(per_s), least=asked.rate),
        Line("requests lost", sum(lost.values()), most=0),
        Line("unexpected answers", others, most=0),
        Line("open WebSockets, median", median(tables["counted"] or [0]), least=asked.seats),
        Line("  fewest at any second", min(tables["counted"], default=0)),
        Line("  bets", tables["results"]),
        Line("versions drained of the tables' service", len(seen.drained)),
        Line("  with sockets open on them", len(within), least=1),
        Line("sockets closed in their drain", sum(within.values()), least=1),
        Line("sockets closed outside their drain", len(outside) + len(tables["torn"]), most=0),
        Line("players moved", sum(each.moves for each in figures)),
        Line("  without a reason in the record", len(odd) + unlooked, most=0),
        Line("rounds of several requests", played["begun"]),
        Line("  calls in them", played["calls"]),
        Line("  ended on a version that was left", late, least=1),
        Line("  moved by a hard stop, and listed", len(excused)),
        Line("rounds split", len(split), most=0),
        Line("findings in the ledger", len(unfit), most=0),
        Line("journal verifies", seen.journal_ok, least=1),
    ]
    wrong = {
        "lost": dict(lost),
        "unexpected": unexpected.most_common(5),
        "closed_outside": [(*each, why) for each, why in outside[:5]],
        "torn": Counter(each[2] for each in tables["torn"]).most_common(5),
        "unexplained": [seen.found[each.service].around(each) for each in (*odd[:3], *odd[-3:])],
        "split": [seen.found["games"].story(each) for each in splits if each.id in split][:5],
        "ledger": [str(each) for each in unfit[:5]],
        "by_themselves": list(record.by_themselves),
        "refused": night.refused,
    }
    return lines, {name: each for name, each in wrong.items() if each}


async def _tell(night: Night, crowds: tuple[Crowd, ...]) -> None:
    with told(night) as telling:
        while True:
            telling.now(sum(sum(crowd.figures.lost.values()) for crowd in crowds))
            await asyncio.sleep(0.5)


async def _closed(house: House) -> None:
    """Wait until all rounds that were played to their end are reported."""
    deadline = time.monotonic() + LISTED_S
    while any(each["open"] for each in await asyncio.to_thread(house.client.get, "services/games/pins/versions")):
        if time.monotonic() > deadline:
            return  # what is missing is not listed, and so not excused
        await asyncio.sleep(0.2)


def _listed(house: House, games: Course) -> frozenset[str]:
    """Ids of the rounds that a rollout says it moved in the middle."""
    return frozenset(
        item["id"]
        for rollout in games.ends
        for item in house.client.pages("services/games/pins", 10_000, rollout=rollout)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=1_000, help=f"weights seen to be served, of {BY_WEIGHT}")
    parser.add_argument("--switches", type=int, default=20, help="from blue to green")
    parser.add_argument("--aborts", type=int, default=20, help="of rollouts by weight")
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of the control plane")
    parser.add_argument("--rate", type=float, default=500.0, help="requests per second")
    parser.add_argument("--seats", type=int, default=500, help="WebSockets that stay open")
    parser.add_argument("--players", type=int, default=20, help="players in the middle of rounds")
    parser.add_argument("--pause", type=float, default=30.0, dest="pause_s", help="seconds between two bets at a table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    as_json = asked.json
    del asked.json
    lines, wrong = judged(asyncio.run(run(Asked(**vars(asked)))))
    if as_json:
        print(json.dumps(document(lines, wrong), indent=2))
    else:
        shown(lines, "A long night")
        for name, what in wrong.items():
            print(f"{name}:", *(what if isinstance(what, list) else [what]), sep="\n  ")
    return 0 if kept(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
