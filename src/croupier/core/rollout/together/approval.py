"""Approval of rollouts that move as one: one digest of the whole, and who approves approves of all of them. Pure.

All of them wait at once, and go on at once; what is recorded of each names the digest of the whole.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import rfc8785

from croupier.core.rollout import approval
from croupier.core.rollout import events as e
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.whole import Events, given_up
from croupier.errors import Conflict, Rejected


def digest(states: Sequence[RolloutState]) -> str:
    """``sha256:`` and the digest of what is approved: the plans, versions, attempt and step of all members, in the
    order of moving up. Of a rollout that is alone: its own.
    """
    each = [approval.digest(state) for state in states]
    return each[0] if len(each) == 1 else f"sha256:{hashlib.sha256(rfc8785.dumps(each)).hexdigest()}"


def approve(states: Sequence[RolloutState], now: float, *, actor: str, role: str, of: str, reason: str = "") -> Events:
    """Approve of all, as ``approval.approve`` of one. Raises as that does, and ``Rejected`` where all go back."""
    if (why := given_up(states)) is not None:
        raise Rejected(f"All of them go back ({why}) and wait for no approval.", hint="Wait for it, then retry them.")
    if any(state.hold is Hold.APPROVAL for state in states) and of != digest(states):
        raise Conflict(
            f"{' and '.join(state.id for state in states)} are not what you looked at.",
            hint="Look at them again, then approve them.",
        )
    return tuple(
        tuple(
            replace(event, digest=of) if isinstance(event, e.Approved) else event
            for event in approval.approve(state, now, actor=actor, role=role, of=approval.digest(state), reason=reason)
        )
        for state in states
    )
