"""Which version a rollout shows to those who come by the preview address. Pure; used by ``control.fleet``."""

from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState


def previewed(state: RolloutState) -> str | None:
    """The canary while the rollout is in progress, at whatever weight; ``None``: what players get. One that is given
    up is shown to nobody.
    """
    return state.canary if state.phase.active and state.phase is not Phase.ABORTING else None
