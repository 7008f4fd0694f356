"""A rollout as it is shown: what is recorded, and what only the running loop knows. Used by API and page."""

from croupier.control.ports import Stored
from croupier.core.rollout.state import RolloutState
from croupier.server.api import models as m
from croupier.server.api import views
from croupier.server.context import Context


def rollout_now(here: Context, stored: Stored[RolloutState]) -> m.RolloutView:
    """The rollout with what it waits for at this moment, gates with an overdue answer included."""
    return views.rollout(stored, here.ports.clock.now(), here.reconciler.awaited(stored.value.id))
