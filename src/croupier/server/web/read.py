"""What the pages show, read from the store or, where it does not answer, from the control loop's memory.

People must find the abort button while the database is down, so no page waits for it for long.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from croupier.control.ports import Stored
from croupier.control.together import members
from croupier.core.gates import Verdict
from croupier.core.rollout.attempts import up_to
from croupier.core.rollout.machine import replay
from croupier.core.rollout.state import RolloutState
from croupier.errors import NotFound, Transient
from croupier.server.api import models as m
from croupier.server.api import record_views, views
from croupier.server.api.services import services
from croupier.server.api.shown import rollout_now
from croupier.server.context import Context
from croupier.server.patience import soon
from croupier.server.web.charts import Chart, Drawing, Mark, charts, draw
from croupier.server.web.evolution import Evolution, drawn
from croupier.server.web.past import Past, Tale

T = TypeVar("T")

PATIENCE_S: Final = 2.0
"""A store that hesitates for longer counts as out of reach."""
PAGE: Final = 20
ENTRIES: Final = 30
LATEST_S: Final = 900.0


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
    """One rollout's page. In a ``brief`` one charts hold only the latest looks, and none is drawn; evidence always is.

    ``folded`` looks are left out of the ``history``, ``None`` where none was to be.
    """

    rollout: m.RolloutView
    charts: dict[str, Chart]
    drawings: dict[str, Drawing | None]
    evolutions: dict[str, Evolution | None]
    history: Sequence[m.HistoryItem]
    folded: int | None
    facts: Facts | None
    now: float
    stale: bool = False
    bygone: bool = False
    """Whether it is an attempt that another one followed."""


async def board(here: Context, cursor: str | None) -> Board:
    """Services and rollouts, newest first."""
    now = here.ports.clock.now()
    try:
        page = await in_time(here.ports.store.rollouts(cursor=cursor, limit=PAGE))
        shown = await in_time(services(here))
    except Transient:
        known = here.reconciler.fleet.rollouts.values() if here.reconciler.fleet else ()
        active = [rollout_now(here, stored) for stored in known if stored.value.phase.active]
        return Board((), active, None, now, stale=True)
    return Board(shown, [rollout_now(here, stored) for stored in page.items], page.next, now)


async def sight(here: Context, past: Past, rollout: str, *, brief: bool = False, looks: bool = False) -> Sight:
    """One rollout with its charts and what happened lately, with ``looks`` look by look. Raises ``NotFound``."""
    now = here.ports.clock.now()
    stored, stale = await find(here, rollout)
    state = stored.value
    shown = _failing_first(rollout_now(here, stored))
    if stale:
        return Sight(shown, {}, {}, {}, (), None, None, now, stale=True)
    try:
        tale = await in_time(past.tale(here, stored))
        latest = await in_time(here.ports.journal.latest(ENTRIES, f"rollout/{rollout}")) if looks else ()
        kept = await in_time(here.ports.store.samples(rollout, since=_since(state, now) if brief else state.started_at))
        beside = await in_time(members(here.ports, state))
    except Transient:
        return Sight(shown, {}, {}, {}, (), None, None, now, stale=True)
    shown = _failing_first(rollout_now(here, stored, beside))
    items = [item for recorded in latest for item in reversed(record_views.history(recorded, state))]
    lines = charts(state, kept, tale.marks)
    drawings = {} if brief else {name: draw(chart) for name, chart in lines.items()}
    evolutions = await asyncio.to_thread(_evolutions, state, tale)
    history, folded = (items, None) if looks else (list(tale.turns)[::-1], tale.looks)
    return Sight(shown, lines, drawings, evolutions, history, folded, facts(state, tale.marks, now), now)


async def bygone(here: Context, rollout: str, attempt: int) -> Sight:
    """An attempt that another one followed, as it ended. Raises ``NotFound``."""
    stored, _ = await find(here, rollout)
    if not 1 <= attempt < stored.value.attempt:
        last = stored.value.attempt
        raise NotFound(f"{rollout} has no attempt {attempt}.", hint=f"It is at attempt {last}.")
    history = await in_time(here.ports.store.history(rollout))
    state = await asyncio.to_thread(lambda: replay(up_to(history, attempt)))
    now = state.ended_at or here.ports.clock.now()
    tale = Tale(up_to=attempt)
    await in_time(tale.read_on(here, state))
    lines = charts(state, await in_time(here.ports.store.samples(rollout, since=state.started_at)), tale.marks)
    return Sight(
        _failing_first(views.rollout(replace(stored, value=state), now)),
        lines,
        {name: draw(chart) for name, chart in lines.items()},
        await asyncio.to_thread(_evolutions, state, tale),
        list(tale.turns)[::-1],
        tale.looks,
        facts(state, tale.marks, now),
        now,
        bygone=True,
    )


def _failing_first(shown: m.RolloutView) -> m.RolloutView:
    gates = sorted(shown.gates, key=lambda gate: gate.verdict is not Verdict.FAIL or gate.waived)
    return shown.model_copy(update={"gates": gates})


def _evolutions(state: RolloutState, tale: Tale) -> dict[str, Evolution | None]:
    """Of every gate that gathers evidence, how that went."""
    marks = [(mark.at, mark.weight) for mark in tale.marks]
    return {name: drawn(state.plan.gate(name), tuple(track.looks), marks) for name, track in dict(tale.tracks).items()}


async def points(here: Context, past: Past, rollout: str, after: float) -> tuple[RolloutState, dict[str, Chart]]:
    """The charts' points later than ``after`` (epoch seconds), of the present attempt. Raises ``NotFound``."""
    stored, _ = await find(here, rollout)
    state = stored.value
    weights = (await in_time(past.tale(here, stored))).marks
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
