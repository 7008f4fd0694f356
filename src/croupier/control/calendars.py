"""What the freeze calendar closes for a service now, and how its next weeks look. Asked by the loop at every tick, by
people's commands, by plans and by the page.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from croupier.control.ports import Ports, Store
from croupier.control.ports.calendar import Almanac
from croupier.core.governance.calendar.closure import Closure, Shut, closures, next_free, shut
from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Calendar
from croupier.core.rollout import freeze_words, freezing
from croupier.core.rollout.events import Event
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict

_MONTH_S: Final = 30 * 86_400.0
LOOK_AHEAD_S: Final = 60 * 86_400.0
"""So far, at the least, is looked ahead for a free moment."""


def around(now: float) -> Interval:
    """The time that is expanded at ``now``: the same for a month, so that an almanac need not begin anew at each tick;
    also for a clock that was set back.
    """
    begins = now // _MONTH_S * _MONTH_S
    return Interval(begins - 86_400.0, begins + _MONTH_S + LOOK_AHEAD_S)


@dataclass(frozen=True, slots=True)
class Declared:
    """The calendars as they are recorded; ``key`` (name and digest of each) tells them from others at little cost."""

    key: tuple[tuple[str, str], ...] = ()
    calendars: tuple[Calendar, ...] = field(default=(), compare=False)

    def __iter__(self) -> Iterator[Calendar]:
        return iter(self.calendars)


NOTHING: Final = Declared()


def closed_at(almanac: Almanac, calendars: Declared, service: str, at: float) -> tuple[Shut, ...]:
    """What is closed for the service at that moment."""
    within = around(at)
    return shut(closures_of(almanac, calendars, service, within), at, within)


def free_at(almanac: Almanac, calendars: Declared, service: str, at: float) -> float | None:
    """The first moment from ``at`` on at which nothing is closed; ``None``: not in the next two months."""
    within = around(at)
    return next_free(closures_of(almanac, calendars, service, within), at, within)


@lru_cache(maxsize=256)
def closures_of(almanac: Almanac, calendars: Declared, service: str, within: Interval) -> Sequence[Closure]:
    """Everything that is closed for the service within that time."""
    return closures(calendars, service, almanac.environments, within, almanac.times)


async def made_ready(almanac: Almanac, calendars: Declared, services: Iterable[str], now: float) -> None:
    """Expand what ``closed_at`` will be asked, beside the event loop: many entries take seconds, and an abort must come
    through.
    """
    if calendars.key:
        wanted = [*services]
        await asyncio.to_thread(lambda: [closures_of(almanac, calendars, each, around(now)) for each in wanted])


async def declared(store: Store) -> Declared:
    """The calendars as they are recorded now."""
    found = [stored.value for stored in await store.documents("Calendar")]
    specs = tuple(each.spec for each in found if isinstance(each.spec, Calendar))
    return Declared(tuple((each.name, each.digest) for each in found), specs)


async def closed_now(ports: Ports, service: str, now: float) -> tuple[Shut, ...]:
    """The same for people's commands, by what is recorded now."""
    return closed_at(ports.almanac, await declared(ports.store), service, now)


async def check_open_now(ports: Ports, state: RolloutState, events: Sequence[Event], now: float) -> None:
    """Raises ``Conflict`` where a person asks for what has to wait. What waits for no calendar reads none."""
    if freezing.could_wait(state, events):
        freezing.check_open(state, events, await closed_now(ports, state.service, now), now)


async def check_following(ports: Ports, state: RolloutState, now: float) -> None:
    """Raises ``Conflict`` where it could not follow the one that a person lets go on."""
    freezing.check_following(state, await closed_now(ports, state.service, now), now)


async def check_free(ports: Ports, states: Iterable[RolloutState], now: float) -> None:
    """Raises ``Conflict`` where one of the rollouts that begin now would have to wait, with when it would not."""
    calendars = await declared(ports.store)
    for state in states:
        closed = freezing.holding(state, closed_at(ports.almanac, calendars, state.service, now), now)
        if closed:
            free = free_at(ports.almanac, calendars, state.service, now)
            then = f"It is free from {freeze_words.when(free)} on." if free else "No free moment is in sight."
            raise Conflict(
                f"{state.service} {state.canary} would have to wait: {freezing.said(closed)}.",
                hint=f"{then} Started without --no-wait, it waits and goes on by itself.",
            )


async def closed_for(ports: Ports, state: RolloutState, now: float) -> Mapping[str, Sequence[Shut]]:
    """What is closed now for its service, and for those that move with it."""
    calendars = await declared(ports.store)
    together = state.plan.together
    services = [member.service for member in together.members] if together else [state.service]
    return {service: closed_at(ports.almanac, calendars, service, now) for service in services}


def override_each(
    states: Sequence[RolloutState], freeze: str, shut: Mapping[str, Sequence[Shut]], now: float
) -> tuple[tuple[Event, ...], ...]:
    """As ``freezing.override``, for those of rollouts that move as one for which it is closed."""
    meant = [state for state in states if freezing.named(freeze, shut[state.service])] or states[:1]
    return tuple(
        freezing.override(state, freeze, shut[state.service], now) if state in meant else () for state in states
    )
