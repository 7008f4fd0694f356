"""Abort, or hold a segment, without waiting: a store that hesitates is not waited for, the players go first and the
record follows.

Used by the routes and by the page's buttons. A store that says it is out of reach is the use case's own business;
this is about one that says nothing at all (locked, swapped out, behind a dead network).
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from croupier.control.ports import Stored
from croupier.control.recording import Outcome
from croupier.control.rollouts import Ask, Decide
from croupier.control.unrecorded import foreseen
from croupier.control.way_back import undone
from croupier.control.whom import Whom
from croupier.core.rollout import commands
from croupier.core.rollout.state import RolloutState
from croupier.errors import NotFound, Rejected
from croupier.server.context import Context
from croupier.server.patience import told

PATIENCE_S: Final = 0.15
"""How long the record may take before the abort is acted on without it."""

log = logging.getLogger("croupier.server")


async def abort_now(here: Context, rollout: str, ask: Ask, *, at_once: bool = False) -> Outcome | None:
    """As ``Rollouts.abort``, within ``PATIENCE_S``. ``None``: acted on, to be recorded when the store is back."""
    reason = ask.reason or f"aborted by {ask.actor}"
    recording = here.rollouts.abort(rollout, ask, at_once=at_once)
    return await _now(
        here, rollout, ask, recording, lambda s, _, now: commands.abort(s, now, reason=reason, at_once=at_once)
    )


async def undo_now(here: Context, rollout: str, ask: Ask) -> Outcome | None:
    """As ``Rollouts.undo``, likewise."""
    recording = here.rollouts.undo(rollout, ask)
    return await _now(here, rollout, ask, recording, lambda s, d, n: undone(s, d, n, reason=ask.reason, gone=None))


async def _now(
    here: Context, rollout: str, ask: Ask, work: Coroutine[Any, Any, Outcome | None], decide: Decide
) -> Outcome | None:
    recording = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({recording}, timeout=PATIENCE_S)
    if done or not _act_unrecorded(here, rollout, ask, decide):
        return await recording
    recording.add_done_callback(told)
    return None


async def hold_now(here: Context, rollout: str, ask: Ask, whom: Whom) -> Outcome | None:
    """As ``Rollouts.hold``, likewise: a segment's players are taken away as fast as everybody would be."""
    recording = asyncio.ensure_future(here.rollouts.hold(rollout, ask, whom))
    done, _ = await asyncio.wait({recording}, timeout=PATIENCE_S)
    if done or not _hold_unrecorded(here, rollout, ask, whom):
        return await recording
    recording.add_done_callback(told)
    return None


def _hold_unrecorded(here: Context, rollout: str, ask: Ask, whom: Whom) -> bool:
    try:
        return here.rollouts.hold_unrecorded(rollout, ask, whom)
    except Rejected:
        return False  # by what was last known; the store may know better


def given_up(here: Context, rollout: str) -> Stored[RolloutState]:
    """The rollout as it will be recorded: what was last known, with the abort, or the holds, that wait on disk."""
    known, fleet = here.rollouts.known(rollout), here.reconciler.fleet
    if known is None or fleet is None:
        raise NotFound(f"There is no rollout '{rollout}'.")
    return foreseen(fleet, known[0], here.ports.spool.pending())


def _act_unrecorded(here: Context, rollout: str, ask: Ask, decide: Decide) -> bool:
    """Take the players off by what was last known; false where that says that there is nothing to take off."""
    try:
        acted = bool(here.rollouts.act_unrecorded(rollout, ask, decide))
    except Rejected:
        return False
    if acted:
        log.warning("the store hesitates, the abort is acted on first", extra={"rollout": rollout})
    return acted
