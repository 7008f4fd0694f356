"""Approval of a rollout, or of going on after one of its steps, by somebody who did not start it. Pure.

An approval is for one digest: of the plan, the versions, the attempt and the step. Nothing of these ever changes; what
is changed is another rollout, or another attempt, and needs another approval (invariant 9).
"""

import hashlib
from dataclasses import asdict

import rfc8785

from croupier.core.rollout import events as e
from croupier.core.rollout.consent import Consent, in_words, includes, people, same_person
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Approval
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Rejected


def digest(state: RolloutState) -> str:
    """``sha256:`` and the digest of what is approved: the plan, from which version to which, in which attempt and at
    which step.
    """
    what = {
        "rollout": state.id,
        "stable": state.stable,
        "canary": state.canary,
        "release": state.canary_digest,
        "attempt": state.attempt,
        "step": state.step,
        "plan": asdict(state.plan),
    }
    return f"sha256:{hashlib.sha256(rfc8785.dumps(what)).hexdigest()}"


def wanted(state: RolloutState) -> Consent | None:
    """What is needed before the rollout begins, or before it leaves its present step; ``None``: nothing."""
    if state.step < 0:
        return state.plan.consent
    step = state.current_step
    return step.consent if isinstance(step, Approval) else None


def missing(state: RolloutState) -> int:
    """How many people have yet to approve."""
    needed = wanted(state)
    return max(needed.people - len(people(state.approvals, state.step)), 0) if needed is not None else 0


def for_whom(state: RolloutState) -> str:
    """Whom it waits for: ``one operator or admin other than anna``, ``2 different admins other than anna (boris has
    approved)``.
    """
    needed = wanted(state) or Consent()
    others = f" other than {' and '.join(state.starters)}" if state.starters else ""
    had = people(state.approvals, state.step)
    return f"{in_words(needed)}{others}" + (f" ({' and '.join(had)} approved)" if had else "")


def ahead(state: RolloutState) -> int | None:
    """The first step from the present one on (its index) that waits for people who have not approved."""
    for index, step in enumerate(state.plan.steps):
        lacks = isinstance(step, Approval) and len(people(state.approvals, index)) < step.consent.people
        if lacks and index >= state.step:
            return index
    return None


def approve(
    state: RolloutState, now: float, *, actor: str, role: str, of: str, reason: str = ""
) -> tuple[e.Event, ...]:
    """Approve of what waits, which must be what has the digest ``of``. With the last one that is needed it goes on.

    Who has approved already changes nothing. Raises ``Rejected`` for the person who started it and for who has not the
    role, ``Conflict`` where it is something else by now.
    """
    needed = wanted(state)
    if state.phase is not Phase.PAUSED or state.hold is not Hold.APPROVAL or needed is None:
        raise Rejected(f"{state.id} waits for no approval.", hint=f"See: croupier rollout show {state.id}")
    if of != digest(state):
        raise Conflict(f"{state.id} is not what you looked at.", hint="Look at it again, then approve it.")
    if any(same_person(actor, starter) for starter in state.starters):
        raise Rejected(f"{actor} started {state.id}: somebody else must approve it.")
    if not includes(role, needed.of):
        raise Rejected(f"{actor} is {role}; {state.id} waits for {in_words(needed)}.")
    if any(same_person(actor, other) for other in people(state.approvals, state.step)):
        return ()
    approved = e.Approved(actor, role, of, state.step, now, reason)
    return (approved, e.Resumed(now)) if missing(state) == 1 else (approved,)


def unapproved(state: RolloutState, *, full: bool = False) -> Rejected | None:
    """Why nobody can promote or resume it past what waits for others; ``full`` would skip all that is left."""
    at = ahead(state) if full else None
    if at is None and not missing(state):
        return None
    where = f"step {at + 1}" if at is not None and at != state.step else "it"
    return Rejected(
        f"{state.id} cannot go on: {where} needs an approval by somebody who did not start it.",
        hint="Promote it step by step up to there."
        if where != "it"
        else f"It waits for {for_whom(state)}: croupier rollout approve {state.id} --reason TEXT",
    )
