"""What people may ask of a rollout in progress: promote, pause, resume, abort, waive, retry. Pure: ``(state, now) ->
events``.

No events means that what was asked is so already. What cannot be done raises ``Rejected`` with what to do instead.
"""

from croupier.core.gates.edition import EDITION
from croupier.core.rollout import events as e
from croupier.core.rollout.approval import unapproved
from croupier.core.rollout.decide import after_step, rise_blocked, rises
from croupier.core.rollout.disruption import too_fast
from croupier.core.rollout.flags.turned import unsettled
from croupier.core.rollout.freeze_words import closed
from croupier.core.rollout.groups.words import still_held
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Analysis, Smoke
from croupier.core.rollout.state import RolloutState, ends_rounds
from croupier.errors import Conflict, Rejected


def promote(
    state: RolloutState,
    now: float,
    *,
    full: bool = False,
    waive: tuple[str, ...] = (),
    unready: str | None = None,
) -> tuple[e.Event, ...]:
    """Leave the current step now; with ``full``, leave all of them. A pause by a person ends.

    Gates named in ``waive`` stop guarding this rollout. ``unready`` is why the canary can take no more players now, if
    so. Raises ``Rejected`` while another guarding gate does not say ``pass``, ``Conflict`` where the share would rise
    for a canary that is not ready: the same may be asked again when it is.

    What is recorded counts, also while a slow source is asked again, which the loop itself would wait for: a person can
    be refused only for what they and every instance can see. A pass is at most a look and the source's patience old
    (30 s, then it is silence), and a hard stop in the answer counts at the new weight all the same (``overtaken``).
    """
    _need_active(state, "promoted")
    if state.phase is Phase.ABORTING:
        raise Rejected(f"{state.id} is being aborted and cannot be promoted.", hint="Wait for it, then retry it.")
    out: list[e.Event] = list(waived(state, waive, now))
    for event in out:
        state = evolve(state, event)
    if state.phase is Phase.PROMOTING:
        return tuple(out)
    if refused := unapproved(state, full=full):
        raise refused
    if state.step < 0:
        why = closed(state.frozen) or f"{state.canary} is not ready yet"
        raise Rejected(f"{state.id} has not begun: {why}.")
    if state.hold is Hold.PERSON and not full:
        return (*out, e.Resumed(now))
    leave = e.PromotionStarted(now) if full else after_step(state, now)
    kept = state.held if isinstance(leave, e.PromotionStarted) and state.hold is not Hold.GROUPS else ()
    if kept and full:
        raise Rejected(
            f"{state.id} cannot be promoted in full: {still_held(kept)} on {state.stable}, and would get the canary.",
            hint="Promote it step by step; after the last step it asks whether they are to get it, too.",
        )
    rising = rises(state, leave)
    doubtful = state.hold in (Hold.INCONCLUSIVE, Hold.NO_DATA, Hold.SMOKE)
    # What an analysis or a smoke step waits for is not skipped, only waived.
    skips = isinstance(state.current_step, Analysis | Smoke)
    blocked = rise_blocked(state) if skips or rising else None
    if blocked:
        what = "check" if blocked.startswith("smoke check") else "gate"
        raise Rejected(
            f"{state.id} cannot be promoted: {blocked}.",
            hint=("To wait on: croupier rollout resume. Or" if doubtful else "Wait for it, or")
            + f" take the {what} out of this rollout: --waive {what.upper()} --reason TEXT.",
        )
    if rising and unready:
        raise Conflict(
            f"{state.id} cannot be promoted: {state.canary} is not ready: {unready}.",
            hint="Ask again when it is, or abort the rollout.",
        )
    if rising and (early := too_fast(state, now, full=full)):
        raise early
    if kept:  # nobody gives a held group the canary without having been told
        again = (e.Resumed(now),) if state.phase is Phase.PAUSED else ()
        return (*out, *again, e.Paused(Hold.GROUPS, now, reason=f"{still_held(kept)} on {state.stable}"))
    return (*out, leave)


def pause(state: RolloutState, now: float) -> tuple[e.Event, ...]:
    """Hold the rollout at its present weight until a person resumes it. Gates go on watching."""
    _need_active(state, "paused")
    if state.phase is Phase.PAUSED:
        return ()
    if state.phase not in (Phase.PENDING, Phase.PROGRESSING):
        raise Rejected(f"{state.id} is {state.phase} and cannot be paused.", hint="It can be aborted.")
    return (e.Paused(Hold.PERSON, now),)


def resume(state: RolloutState, now: float, *, unready: str | None = None) -> tuple[e.Event, ...]:
    """Go on after a pause; where a step asked for the pause, that step is left, as by ``promote``. Where a gate was
    waited for in vain, it is waited for anew.
    """
    _need_active(state, "resumed")
    if state.phase is not Phase.PAUSED:
        return ()
    if state.hold is Hold.APPROVAL and (refused := unapproved(state)):
        raise refused
    if state.hold is Hold.GROUPS:
        raise Rejected(
            f"{state.id} waits for more than going on: {still_held(state.held)} on {state.stable}.",
            hint=f"To give {state.canary} to them, too: croupier rollout promote {state.id}. Or abort it.",
        )
    if state.hold is Hold.DIFFERENCES:
        raise Rejected(
            f"{state.id} waits for more than going on: its answers differ too often.",
            hint=f"Look at them: croupier rollout shadow {state.id}. To go on all the same: croupier rollout promote "
            f"{state.id} --reason TEXT. Or abort it.",
        )
    return promote(state, now, unready=unready) if state.hold is Hold.STEP else (e.Resumed(now),)


def abort(
    state: RolloutState, now: float, *, reason: str, at_once: bool = False, newest: str | None = None
) -> tuple[e.Event, ...]:
    """Give the rollout up: everybody back to the stable version. Possible in every active phase, whatever else is going
    on. Rounds that are open end where they began, unless ``at_once``, which may be said later, too: as long as no other
    rollout is the service's ``newest``.
    """
    if at_once and state.phase is Phase.ABORTED and newest not in (None, state.id):
        raise Rejected(
            f"{newest} has begun since {state.id} was given up; open rounds of {state.canary} are not moved by hand.",
            hint=f"They end by themselves: croupier rollout pins {state.id}",
        )
    if state.phase in (Phase.ABORTING, Phase.ABORTED):
        return (e.DrainCut(reason, now),) if at_once and not ends_rounds(state) else ()
    if state.phase is Phase.SUPERSEDED:
        return ()
    if state.phase is Phase.SUCCEEDED:
        raise Rejected(
            f"{state.id} has succeeded: {state.canary} serves everybody.",
            hint=f"To go back: croupier rollout undo {state.id} --reason TEXT while {state.stable or 'the one before'} "
            f"is kept, else croupier rollout start {state.service} {state.stable or 'VERSION'}.",
        )
    return (e.AbortStarted(Cause.PERSON, reason, now, at_once=at_once),)


def retry(state: RolloutState, now: float, *, stable: str | None, by: str = "") -> tuple[e.Event, ...]:
    """Start an aborted rollout again from its first step, with other players first. What was counted before is
    forgotten, so it is judged by the present edition, and what needed an approval needs another. ``by`` is who asks.
    """
    if state.phase is not Phase.ABORTED:
        raise Rejected(f"{state.id} is {state.phase}; only an aborted rollout can be retried.")
    if stable == state.canary:
        raise Rejected(f"{state.canary} is the stable version of {state.service} already.")
    return (e.Retried(stable, state.attempt + 1, now, EDITION, by),)


def supersede(state: RolloutState, now: float, *, by: str) -> tuple[e.Event, ...]:
    """End this rollout because a newer one of the same service begins."""
    _need_active(state, "superseded")
    if flags := [each.flag for each in unsettled(state.turned)]:
        raise Conflict(
            f"{state.id} has turned {', '.join(flags)}, and only giving it up puts flags back.",
            hint=f"Give it up first: croupier rollout abort {state.id}",
        )
    return (e.Superseded(by, now),)


def not_superseded(state: RolloutState, *, told: bool) -> Conflict | None:
    """Why a newer rollout may not take this one's place, unless its starter was ``told`` to do so: it is a hotfix."""
    if told or not state.plan.hotfix or state.phase is Phase.ABORTING:
        return None
    return Conflict(
        f"{state.id} is a hotfix in progress: {state.canary}.",
        hint=f"Wait for it, abort it, or end it by yours: --supersede. See: croupier rollout show {state.id}",
    )


def waived(state: RolloutState, names: tuple[str, ...], now: float) -> list[e.Event]:
    """These gates no longer guard the rollout. Raises ``Rejected`` for those that it does not have."""
    known = {gate.name for gate in state.plan.gates} | {check.name for check in state.plan.checks}
    others = " and smoke checks" if state.plan.checks else ""
    if unknown := [name for name in names if name not in known]:
        raise Rejected(
            f"{state.id} has no gate {', '.join(unknown)}.",
            hint=f"Its gates{others}: {', '.join(sorted(known)) or 'none'}.",
        )
    return [e.GateWaived(name, now) for name in dict.fromkeys(names) if name not in state.waived]


def _need_active(state: RolloutState, what: str) -> None:
    if not state.phase.active:
        again = f"To start it again: croupier rollout retry {state.id}" if state.phase is Phase.ABORTED else ""
        raise Rejected(f"{state.id} is over ({state.phase}) and cannot be {what}.", hint=again)
