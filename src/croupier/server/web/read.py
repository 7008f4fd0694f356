"""What the pages show, read from the store or, where it does not answer, from the control loop's memory.

People must find the abort button while the database is down, so no page waits for it for long.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request

from croupier.control.ports import Stored
from croupier.core.gates import Verdict
from croupier.core.rollout.state import RolloutState
from croupier.errors import NotFound, Transient
from croupier.server.api import models as m
from croupier.server.api import views
from croupier.server.api.services import services
from croupier.server.context import Context
from croupier.server.patience import soon
from croupier.server.web.charts import Chart, Drawing, Mark, charts, draw, marks

T = TypeVar("T")

PATIENCE_S: Final = 2.0
"""A store that hesitates for longer counts as out of reach."""
PAGE: Final = 20
ENTRIES: Final = 30
LATEST_S: Final = 900.0
_KNOWN: Final = 100
_AT_A_TIME: Final = 200


@dataclass(frozen=True, slots=True)
class Board:
    """The start page. ``stale`` says that it comes from memory; then only what is in progress is known."""

    services: Sequence[m.ServiceView]
    rollouts: Sequence[m.RolloutView]
    next: str | None
    now: float
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rollout did to players, in numbers; seconds, ``None`` where there is nothing to say."""

    exposed_s: float | None
    highest: float
    detection_s: float | None
    zero_s: float | None
    took_s: float


@dataclass(frozen=True, slots=True)
class Sight:
    """One rollout's page. In a ``brief`` one charts hold only the latest looks, and nothing is drawn."""

    rollout: m.RolloutView
    charts: dict[str, Chart]
    drawings: dict[str, Drawing | None]
    history: Sequence[m.HistoryItem]
    facts: Facts | None
    now: float
    stale: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """How far a rollout's history was read: up to the entry ``seq``, all of ``version``."""

    version: int = -1
    seq: int = -1
    marks: tuple[Mark, ...] = ()


@dataclass(slots=True)
class Past:
    """What was read from long histories. A gate may look ten thousand times: nothing is read twice."""

    _read: dict[str, _Read] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def weights(self, here: Context, stored: Stored[RolloutState]) -> tuple[Mark, ...]:
        """When the data plane served which weight."""
        rollout = stored.value.id
        async with self._turn:
            if self._read.get(rollout, _Read()).version < stored.version:
                await self._read_on(here, rollout)
                self._read[rollout] = replace(self._read.pop(rollout, _Read()), version=stored.version)
                self._read = dict(list(self._read.items())[-_KNOWN:])
            return self._read[rollout].marks

    async def _read_on(self, here: Context, rollout: str) -> None:
        known = self._read.get(rollout, _Read())
        while entries := await here.ports.journal.entries(known.seq, _AT_A_TIME, f"rollout/{rollout}"):
            events = [event for recorded in entries for event in recorded.entry.events]
            known = self._read[rollout] = _Read(known.version, entries[-1].seq, marks(events, known.marks))


def past_of(request: Request) -> Past:
    """The memory of the application that serves this request."""
    found: Past | None = getattr(request.app.state, "past", None)
    if found is None:
        found = request.app.state.past = Past()
    return found


Memory = Annotated[Past, Depends(past_of)]


async def board(here: Context, cursor: str | None) -> Board:
    """Services and rollouts, newest first."""
    now = here.ports.clock.now()
    try:
        page = await in_time(here.ports.store.rollouts(cursor=cursor, limit=PAGE))
        shown = await in_time(services(here))
    except Transient:
        known = here.reconciler.fleet.rollouts.values() if here.reconciler.fleet else ()
        active = [views.rollout(stored, now) for stored in known if stored.value.phase.active]
        return Board((), active, None, now, stale=True)
    return Board(shown, [views.rollout(stored, now) for stored in page.items], page.next, now)


async def sight(here: Context, past: Past, rollout: str, *, brief: bool = False) -> Sight:
    """One rollout with its charts and latest history. Raises ``NotFound``."""
    now = here.ports.clock.now()
    stored, stale = await find(here, rollout)
    state = stored.value
    shown = views.rollout(stored, now)
    failing_first = sorted(shown.gates, key=lambda gate: gate.verdict is not Verdict.FAIL or gate.waived)
    shown = shown.model_copy(update={"gates": failing_first})
    if stale:
        return Sight(shown, {}, {}, (), None, now, stale=True)
    try:
        weights = await in_time(past.weights(here, stored))
        latest = await in_time(here.ports.journal.latest(ENTRIES, f"rollout/{rollout}"))
        kept = await in_time(here.ports.store.samples(rollout, since=_since(state, now) if brief else state.started_at))
    except Transient:
        return Sight(shown, {}, {}, (), None, now, stale=True)
    items = [item for recorded in latest for item in reversed(views.history(recorded, state))]
    lines = charts(state, kept, weights)
    drawings = {} if brief else {name: draw(chart) for name, chart in lines.items()}
    return Sight(shown, lines, drawings, items, facts(state, weights, now), now)


async def points(here: Context, past: Past, rollout: str, after: float) -> tuple[RolloutState, dict[str, Chart]]:
    """The charts' points later than ``after`` (epoch seconds), of the present attempt. Raises ``NotFound``."""
    stored, _ = await find(here, rollout)
    state = stored.value
    weights = await in_time(past.weights(here, stored))
    kept = await in_time(here.ports.store.samples(rollout, since=max(after, state.started_at)))
    return state, charts(state, [sample for sample in kept if sample.at > after], weights)


async def find(here: Context, rollout: str) -> tuple[Stored[RolloutState], bool]:
    """The rollout, and whether it comes from memory. Raises ``NotFound``, and ``Transient`` where nobody knows it."""
    try:
        stored = await in_time(here.ports.store.rollout(rollout))
    except Transient:
        known = here.reconciler.fleet.rollouts.get(rollout) if here.reconciler.fleet else None
        if known is None:
            raise
        return known, True
    if stored is None:
        raise NotFound(f"There is no rollout '{rollout}'.", hint="The start page lists what there is.")
    return stored, False


def facts(state: RolloutState, weights: Sequence[Mark], now: float) -> Facts:
    """How long players met the canary, at how much, and how quickly harm was found and ended."""
    exposed = [mark for mark in weights if mark.weight > 0]
    abort = state.abort
    until = (abort.zero_at if abort else None) or state.ended_at or now
    return Facts(
        exposed_s=max(0.0, until - exposed[0].at) if exposed else None,
        highest=max((mark.weight for mark in exposed), default=0.0),
        detection_s=abort.at - abort.harm_since if abort and abort.harm_since is not None else None,
        zero_s=abort.zero_at - abort.at if abort and abort.zero_at is not None else None,
        took_s=max(0.0, (state.ended_at or now) - state.started_at),
    )


def _since(state: RolloutState, now: float) -> float:
    """From when on a live page needs looks: the last ones of every gate."""
    slowest = max((gate.rule.interval_s for gate in state.plan.gates), default=0.0)
    return max(state.started_at, (state.ended_at or now) - max(LATEST_S, 4 * slowest))


async def in_time(asked: Awaitable[T]) -> T:
    """What it says, or ``Transient`` after ``PATIENCE_S``."""

    async def told() -> tuple[T]:
        return (await asked,)

    found = await soon(told(), PATIENCE_S)
    if found is None:
        raise Transient(f"The database did not answer within {PATIENCE_S:g} s.")
    return found[0]
