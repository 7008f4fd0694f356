"""A clock that was set forward while no control plane ran makes every wait seem over: rollouts ask a person then.

Within one process time never jumps. Called once by the server, before its loop begins.
"""

from contextlib import suppress
from typing import Final

from croupier.control.recorded import recorded_rollout
from croupier.control.recording import CONTROLLER
from croupier.control.rollouts import Ask, Rollouts
from croupier.core.rollout.phase import Phase
from croupier.errors import Conflict, Corrupt, Rejected

STEP_S: Final = 60.0
"""Clocks that are kept right are corrected by less than that."""


async def ask_after_jump(rollouts: Rollouts, jumped_s: float) -> None:
    """Pause every rollout in progress whose share may rise by itself, if the clock was set forward by ``jumped_s`` (in
    seconds). One that was set back only makes them wait longer.
    """
    if jumped_s <= STEP_S:
        return
    reason = f"the clock was set forward by {jumped_s:.0f} s: how long was waited cannot be told"
    store = rollouts.ports.store
    for active in [stored.value.active for stored in await store.services() if stored.value.active is not None]:
        # Somebody else moved it meanwhile, or another of its members; or it cannot be read, and the loop leaves it out.
        with suppress(Conflict, Rejected, Corrupt):
            if (await recorded_rollout(store, active)).value.phase is Phase.PROGRESSING:
                await rollouts.pause(active, Ask(CONTROLLER, reason))
