"""The demo's course: opens the casino, lets the players in, tells the chapters one after the other, and cleans up."""

import asyncio
import signal
import time
from typing import Any, Final

from croupier.cli.client import Client
from croupier.cli.demo import kill
from croupier.cli.demo.screen import Screen, losses, summary
from croupier.cli.demo.stage import ControlPlane, Place, open_casino
from croupier.cli.demo.story import CHAPTERS, Chapter, Told, moment
from croupier.cli.output import out
from croupier.cli.page import sign_in_link

_PLAYERS: Final = 4_000
_WARM_UP_S: Final = 5.0
_BETWEEN_S: Final = 1.0
_CHAPTER_S: Final = 600.0


async def play(place: Place, *, keep: bool, rate: int, seed: int) -> bool:
    """The whole demo; whether every release ended as it should and no request was lost."""
    from casino.players import Crowd

    plane = ControlPlane(place)
    try:
        with Screen(page=place.page) as screen:
            screen.say(f"Starting a control plane at {place.page} and a casino at {place.edge} …")
            connection = await asyncio.to_thread(plane.connection)
            with connection.open() as client:
                await asyncio.to_thread(open_casino, client, place)
                screen.say(f"The page: {place.page}")
                screen.say(f"  signed in, once: {await asyncio.to_thread(sign_in_link, client)}")
                screen.say(f"The command line, in another terminal: {_exported(place)}")
                screen.say("payments 1.0.0 serves everybody; the players come in.")
                async with Crowd(place.edge, rate=rate, seed=seed, players=_PLAYERS) as crowd:
                    await _tell(client, crowd, screen)
                    screen.close()
                    figures = crowd.snapshot()
                    summary(screen.told, figures, screen.kill)
                    if keep:
                        await _linger(place, await asyncio.to_thread(sign_in_link, client))
                    else:
                        out.print("To keep it running and look around: croupier demo --keep (make demo ARGS=--keep)")
        flag_stopped = screen.kill is not None and screen.kill.as_expected
        return all(item.as_expected for item in screen.told) and flag_stopped and figures.lost == 0
    finally:
        out.print("Stopping what was started …")
        await asyncio.to_thread(plane.stop)


async def _tell(client: Client, crowd: Any, screen: Screen) -> None:
    await _show(crowd, screen, seconds=_WARM_UP_S)
    for chapter in CHAPTERS:
        screen.say(f"payments {chapter.version} {chapter.title}: rolling it out.")
        screen.next_chapter()
        told = await _chapter(client, crowd, screen, chapter)
        screen.told.append(told)
        screen.say(
            f"payments {chapter.version}: {told.rollout['phase']}; requests lost so far: {losses(crowd.snapshot())}"
        )
        await _show(crowd, screen, seconds=_BETWEEN_S)
        told.figures = crowd.snapshot()
    screen.rollout = None
    screen.kill = await kill.tell(
        client, crowd.snapshot, lambda seconds: _show(crowd, screen, seconds=seconds), screen.say
    )


async def _chapter(client: Client, crowd: Any, screen: Screen, chapter: Chapter) -> Told:
    """Roll one release out and watch it to its end."""
    began, lost = time.monotonic(), crowd.snapshot().lost
    body = {"service": "payments", "version": chapter.version, "reason": f"the demo: it {chapter.title}"}
    rollout = await asyncio.to_thread(client.post, "rollouts", body)
    while True:
        rollout = await asyncio.to_thread(client.get, f"rollouts/{rollout['id']}")
        events = await asyncio.to_thread(client.pages, f"rollouts/{rollout['id']}/history", 1_000)
        screen.rollout = rollout
        await _show(crowd, screen, events=events, seconds=0.25)
        if not rollout["active"] or time.monotonic() - began > _CHAPTER_S:
            told = Told(chapter, rollout, time.monotonic() - began, crowd.snapshot().lost - lost, events=events)
            exposed = [item for item in events if item["type"] == "weight_confirmed" and item["data"]["weight_bp"]]
            told.exposed_at = moment(exposed[0]["at"]) if exposed else None
            told.highest_weight = max((item["data"]["weight_bp"] / 100 for item in exposed), default=0.0)
            return told


async def _show(crowd: Any, screen: Screen, *, seconds: float, events: list[dict[str, Any]] | None = None) -> None:
    """Draw, and let the players play for so long; the rates shown are those of the last second or more."""
    deadline = time.monotonic() + seconds
    while True:
        figures = crowd.snapshot()
        if screen.traffic is None or figures.at - screen.traffic.at >= 1.0:
            screen.before, screen.traffic = screen.traffic, figures
        screen.show(events or [])
        left = deadline - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(left, 0.25))


async def _linger(place: Place, link: str) -> None:
    """Leave everything running until the user has seen enough."""
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anybody is told of it.
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, enough.set)
    out.print(f"The page, signed in (once, within 5 minutes): {link}", markup=False)
    out.print(f"Everything goes on. State and token are in {place.folder / 'state'}; for the command line:")
    out.print(f"  {_exported(place)}", markup=False)
    out.print("Ctrl-C stops all of it.")
    await enough.wait()


def _exported(place: Place) -> str:
    """What makes the command line find this control plane."""
    return f"export CROUPIER_URL={place.page} CROUPIER_STATE_DIR={place.folder / 'state'}"
