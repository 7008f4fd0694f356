"""What the API says of approvals: what is asked for, who gave it. Pure; part of ``views``."""

from croupier.core.rollout.approval import digest, for_whom, missing, wanted
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.state import RolloutState
from croupier.server.api import approval_models as m
from croupier.server.api.formats import moment


def approved(state: RolloutState) -> m.RolloutApprovalView | None:
    """What the rollout waits for, or who had approved of it; ``None`` where nobody was ever asked."""
    waits = state.hold is Hold.APPROVAL
    needed = wanted(state) if waits else state.plan.consent
    if needed is None and not state.approvals:
        return None
    return m.RolloutApprovalView(
        digest=digest(state),
        people=needed.people if needed else 0,
        of=list(needed.of) if needed else [],
        missing=missing(state) if waits else 0,
        not_by=list(state.starters),
        given=[
            m.ApproverView(actor=each.actor, role=each.role, reason=each.reason, at=moment(each.at))
            for each in state.approvals
        ],
        text=for_whom(state) if waits else "",
    )
