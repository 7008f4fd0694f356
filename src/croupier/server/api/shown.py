"""A rollout as it is shown: what is recorded, and what only the running loop knows. Used by API and page."""

from collections.abc import Sequence

from croupier.control.ports import Stored
from croupier.core.rollout.headline import explain
from croupier.core.rollout.preview import previewed
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.approval import digest
from croupier.core.rollout.together.whole import turn_back
from croupier.server.api import models as m
from croupier.server.api import views
from croupier.server.api.formats import percent_of
from croupier.server.api.pinned import pinned
from croupier.server.api.shadow_models import ShadowView
from croupier.server.api.shadow_views import shadow
from croupier.server.context import Context


def rollout_now(
    here: Context, stored: Stored[RolloutState], members: Sequence[Stored[RolloutState]] = ()
) -> m.RolloutView:
    """The rollout with what it waits for at this moment, gates with an overdue answer included. ``members`` are those
    that move as one with it; without them, as the loop last read them.
    """
    members = members or _known_members(here, stored)
    shown = views.rollout(stored, here.ports.clock.now(), here.reconciler.awaited(stored.value.id))
    url = here.settings.preview_url if previewed(stored.value) is not None else None
    states = [each.value for each in members] if stored.value.plan.together is not None else []
    together = [_member(here, each, states) for each in states]
    if turn := turn_back(states, stored.value) if states else None:
        shown = shown.model_copy(update={"waiting_for": turn})
    if together and shown.approval is not None:  # of the whole: who approves of one approves of all
        moving = stored.value.plan.together
        complete = moving is not None and len(members) == len(moving.members)
        whole = digest([each.value for each in members]) if complete else ""
        shown = shown.model_copy(update={"approval": shown.approval.model_copy(update={"digest": whole})})
    rows = pinned(here, stored.value.service, here.reconciler.open_rounds)  # no page waits for the store
    rows = [each for each in rows if each.version in (stored.value.canary, stored.value.stable)]
    return shown.model_copy(
        update={"preview": url, "together": together, "open_rounds": rows, "shadow": _shadow(here, stored.value)}
    )


def _known_members(here: Context, stored: Stored[RolloutState]) -> Sequence[Stored[RolloutState]]:
    whole = stored.value.plan.together
    names = [member.rollout for member in whole.members] if whole else []
    known = {name: found[0] for name in names if (found := here.rollouts.known(name)) is not None}
    return [stored if name == stored.value.id else known[name] for name in names if name in {stored.value.id, *known}]


def _shadow(here: Context, state: RolloutState) -> ShadowView | None:
    """Nothing where nothing is copied, and nothing was compared."""
    found = shadow(here, state)
    return found if found.copies or found.comparisons else None


def _member(here: Context, state: RolloutState, states: Sequence[RolloutState]) -> m.MemberView:
    awaited = here.reconciler.awaited(state.id)
    return m.MemberView(
        rollout=state.id,
        service=state.service,
        version=state.canary,
        phase=state.phase,
        weight=percent_of(state.weight_bp),
        confirmed_weight=None if state.confirmed_bp is None else percent_of(state.confirmed_bp),
        step=state.step,
        exposure=state.exposure,
        waiting_for=turn_back(states, state) or explain(state, here.ports.clock.now(), awaited),
    )
