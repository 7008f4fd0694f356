"""Players in the middle of rounds of several requests, and their studio's callbacks; which version answered each.

Begun without an id, a round goes by the weights; its id names the version from then on. Run by ``_tables``, in the
process of those who sit there.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.control._oracle import Sighting, Split
from casino.players.wire import Heard, Lost, Wire

PAUSES_S: Final = (0.0, 0.05, 0.3, 2.0)
"""Between two steps: at once, and long enough for the next weights to come."""
MOST_STEPS: Final = 6
PLAYER: Final = "x-player-id"


@dataclass(slots=True)
class Played:
    """``calls`` are what was asked of rounds once they had begun, ``ended`` is when the last of them was answered, and
    by which version.
    """

    begun: int = 0
    calls: int = 0
    ended: list[tuple[float, str]] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)


async def play_rounds(
    wire: Wire, headers: Mapping[str, str], dice: random.Random, played: Played, stop: asyncio.Event
) -> None:
    """One player's rounds until told to stop; the last one is played to its end."""
    while not stop.is_set():
        asked_at = time.time()
        begun = await _ask(wire, "/games/rounds", headers, {"game": "comet", "stake_minor": 10}, played)
        if begun is None:
            await asyncio.sleep(0.2)
            continue
        now = time.time()
        played.sightings.append(Sighting("games", headers[PLAYER], begun.version, asked_at, now))
        id_ = str(begun.body.get("round_id", ""))
        played.begun += 1
        if id_.rpartition("@")[2] != begun.version:
            played.unexpected[f"{begun.version} begins {id_}"] += 1
        for _ in range(dice.randrange(1, MOST_STEPS)):
            await asyncio.sleep(dice.choice(PAUSES_S))
            await _come_back(wire, "/games/rounds/step", {**headers, "x-round-id": id_}, (begun.version, now), played)
        last = await _come_back(wire, "/games/callback", {"x-round-id": id_}, (begun.version, now), played)
        if last is not None:
            played.ended.append((time.time(), last))


async def _come_back(
    wire: Wire, path: str, headers: Mapping[str, str], began: tuple[str, float], played: Played
) -> str | None:
    """A call that knows the round and, of a callback, no player; which version answered, if one did."""
    heard = await _ask(wire, path, headers, {}, played)
    if heard is None:
        return None
    played.calls += 1
    version, began_at = began
    if heard.version != version:
        played.splits.append(Split(headers["x-round-id"], version, began_at, time.time(), heard.version))
    return heard.version


async def _ask(wire: Wire, path: str, headers: Mapping[str, str], body: dict[str, Any], played: Played) -> Heard | None:
    try:
        heard = await wire.ask("games", "POST", path, body, headers)
    except Lost as lost:
        played.lost[f"{path}: {lost}"] += 1
        return None
    if heard.status != 200:
        played.unexpected[f"{path} {heard.status} {heard.body.get('code', '')} by {heard.version}"] += 1
        return None
    return heard
