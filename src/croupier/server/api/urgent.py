"""Abort without waiting: a store that hesitates is not waited for, the players go first and the record follows.

Used by the abort route and by the page's button. A store that says it is out of reach is the use case's own business;
this is about one that says nothing at all (locked, swapped out, behind a dead network).
"""

import asyncio
import logging
from typing import Final

from croupier.control.ports import Intent, Stored
from croupier.control.recording import Outcome, fold
from croupier.control.rollouts import Ask
from croupier.core.rollout import commands
from croupier.core.rollout.events import AbortStarted
from croupier.core.rollout.state import Phase, RolloutState
from croupier.errors import NotFound, Rejected
from croupier.server.context import Context
from croupier.server.patience import told

PATIENCE_S: Final = 0.15
"""How long the record may take before the abort is acted on without it."""

log = logging.getLogger("croupier.server")


async def abort_now(here: Context, rollout: str, ask: Ask) -> Outcome | None:
    """As ``Rollouts.abort``, within ``PATIENCE_S``. ``None``: acted on, to be recorded when the store is back."""
    recording = asyncio.ensure_future(here.rollouts.abort(rollout, ask))
    done, _ = await asyncio.wait({recording}, timeout=PATIENCE_S)
    if done or not _act_unrecorded(here, rollout, ask):
        return await recording
    recording.add_done_callback(told)
    return None


def given_up(here: Context, rollout: str) -> Stored[RolloutState]:
    """The rollout as it will be recorded: what was last known, with the abort that waits on disk."""
    stored = _known(here, rollout)
    if stored is None:
        raise NotFound(f"There is no rollout '{rollout}'.")
    waiting = [intent.event for intent in here.ports.spool.pending() if intent.rollout == rollout]
    over = not stored.value.phase.active or stored.value.phase is Phase.ABORTING
    return stored if over or not waiting else fold(stored, waiting[:1])


def _act_unrecorded(here: Context, rollout: str, ask: Ask) -> bool:
    """Take the players off by what was last known; false where that says that there is nothing to take off."""
    stored = _known(here, rollout)
    if stored is None or ask.expected not in (None, stored.version):
        return False
    reason = ask.reason or f"aborted by {ask.actor}"
    try:
        events = commands.abort(stored.value, here.ports.clock.now(), reason=reason)
    except Rejected:
        return False
    started = [event for event in events if isinstance(event, AbortStarted)]
    for event in started:
        log.warning("the store hesitates, the abort is acted on first", extra={"rollout": rollout})
        here.reconciler.abort_unrecorded(Intent(rollout, event, ask.actor))
    return bool(started)


def _known(here: Context, rollout: str) -> Stored[RolloutState] | None:
    fleet = here.reconciler.fleet
    return fleet.rollouts.get(rollout) if fleet else None
