"""The demo's last chapter: a flag that misbehaves, its kill, and how soon the failing requests stop.

Nothing is rolled out or back here: the version stays, and one branch of its code is on, fails, and is off again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from croupier.cli.client import Client
from croupier.cli.demo.story import moment

FLAG: Final = "payments_v2"
VERSION: Final = "1.1.0"
"""The version that serves everybody by then; its new way of depositing has a fault."""
SHARE: Final = 0.25
_PROPAGATION: Final = "environments/production/propagation"
_ENOUGH: Final = 20
"""So many players are hurt before somebody kills the flag."""
_HARM_S: Final = 60.0
_CONFIRM_S: Final = 60.0
QUIET_S: Final = 3.0
"""So long nothing may fail any more for the harm to be over."""


class Figures(Protocol):
    """The part of the players' figures that this chapter needs. Times are epoch seconds."""

    at: float
    deposits: dict[tuple[str, str, str, str], int]
    last_failed_deposit: dict[str, float]


@dataclass(slots=True)
class Kill:
    """What was seen. Times are epoch seconds: ``at`` is when the kill was decided, just before it was committed."""

    at: float
    version: int
    failed: int = 0
    credited: int = 0
    last_failed: float | None = None
    ended: float = 0.0
    clients: int = 0
    confirmed: int = 0
    slowest_s: float | None = None

    @property
    def stopped_after_s(self) -> float | None:
        """Seconds from the kill to the last failed answer that a player got; 0 if there was none after it."""
        return None if self.last_failed is None else max(0.0, self.last_failed - self.at)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has failed for long enough, while deposits go on."""
        return self.ended - max(self.at, self.last_failed or 0.0) >= QUIET_S and self.credited > 0

    @property
    def is_confirmed(self) -> bool:
        """Whether every process of the casino has said that it runs without the flag."""
        return 0 < self.clients == self.confirmed

    @property
    def as_expected(self) -> bool:
        return self.failed > 0 and self.is_quiet and self.is_confirmed

    def see(self, before: Figures, now: Figures) -> None:
        """Take what the players have met since ``before``."""
        self.failed = deposits(now, "failed") - deposits(before, "failed")
        self.last_failed = now.last_failed_deposit.get(VERSION)
        self.ended = now.at

    def hear(self, propagation: dict[str, Any], serving: tuple[str, ...]) -> None:
        """Take what the processes have said to the control plane. ``serving`` is what the names of those begin with
        that serve now; versions that were taken back are remembered there for a while, and run nothing any more.
        """
        if propagation["version"] < self.version:
            return
        behind = [item for item in propagation["laggards"] if item["client"].startswith(serving)]
        self.clients = len(serving)
        self.confirmed = max(0, min(self.clients - len(behind), propagation["current"]))
        slowest = propagation["p99Ms"]
        self.slowest_s = None if slowest is None else slowest / 1000


def deposits(figures: Figures, outcome: str) -> int:
    """How many deposits of the version that serves everybody ended so."""
    return sum(
        count for (version, _, _, end), count in figures.deposits.items() if (version, end) == (VERSION, outcome)
    )


async def tell(
    client: Client, figures: Callable[[], Figures], show: Callable[[float], Awaitable[None]], say: Callable[[str], None]
) -> Kill:
    """Switch the flag on for a share of the players, wait for the harm, kill it, and watch it end."""
    before = figures()
    await asyncio.to_thread(_switch_on, client)
    say(f"{FLAG}: on for {SHARE:.0%} of the players of payments {VERSION}. Its new way of depositing has a fault.")
    patience = time.monotonic() + _HARM_S
    while deposits(figures(), "failed") - deposits(before, "failed") < _ENOUGH and time.monotonic() < patience:
        await show(0.1)
    if deposits(figures(), "failed") == deposits(before, "failed"):
        reached = await asyncio.to_thread(client.get, _PROPAGATION)
        say(f"{FLAG}: no deposit failed within {_HARM_S:g} s; the casino's processes: {reached['text']}.")
    else:
        say(f"{FLAG}: deposits fail.")
    say(f"{FLAG}: killing it, as 'croupier flag kill {FLAG}' does.")
    answer = await asyncio.to_thread(client.post, f"flags/{FLAG}/kill", {"reason": "deposits by the new way fail"})
    serving = await asyncio.to_thread(_serving, client)
    kill, good = Kill(moment(answer["killed"]["at"]), answer["version"]), deposits(figures(), "credited")
    patience = time.monotonic() + _CONFIRM_S
    while not (kill.is_quiet and kill.is_confirmed) and time.monotonic() < patience:
        await show(0.25)
        kill.see(before, figures())
        kill.credited = deposits(figures(), "credited") - good
        kill.hear(await asyncio.to_thread(client.get, _PROPAGATION), serving)
    return kill


def _serving(client: Client) -> tuple[str, ...]:
    """What the casino's processes that serve call themselves, up to the process id; there is one of each."""
    return tuple(f"casino.{item['name']}-{item['stable']}-" for item in client.pages("services", 100))


def _switch_on(client: Client) -> None:
    flag = client.get(f"flags/{FLAG}")
    wanted = {**flag["declaration"], "rules": [{"name": "first players", "rollout": SHARE}]}
    client.put(f"flags/{FLAG}", wanted, version=flag["version"], reason="the demo: a share of players gets it")
