"""What a rollout waits for now, or how it ended: one line that names who decides. Pure.

Terminals, the API and the page show it above everything else, so it names gates and leaves their reasons to them.
"""

from collections.abc import Collection, Sequence
from typing import Final, assert_never

from croupier.core.gates import Verdict
from croupier.core.gates.wording import name
from croupier.core.rollout import smoking
from croupier.core.rollout.approval import for_whom
from croupier.core.rollout.decide import after_step, binding, keeping, rise_blocked, rises
from croupier.core.rollout.disruption import wait_s
from croupier.core.rollout.explain import duration
from croupier.core.rollout.freeze_words import closed
from croupier.core.rollout.groups.words import done, remains, still_held
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.segments.kept import still
from croupier.core.rollout.shadow.standing import shadowing, why_paused
from croupier.core.rollout.smoked_words import kept_by_smoke
from croupier.core.rollout.spec import (
    Analysis,
    Pause,
    Resort,
    Shadow,
)
from croupier.core.rollout.standing import as_it_stands, stance, standing, unpassed
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.undecided import waiting
from croupier.core.rollout.undo import kept_until

_FEW: Final = 4
"""So many gates are named in a sentence."""


def explain(state: RolloutState, now: float, awaited: Collection[str] = ()) -> str:
    """What the rollout waits for at ``now`` (epoch seconds), or how it ended: one sentence without a full stop.
    ``awaited`` are the gates whose source owes an answer for too long, which only the running loop knows.
    """
    match state.phase:
        case Phase.SUCCEEDED:
            kept, until = "", kept_until(state)
            if until is not None and until > now:
                kept = f"; {state.stable} is kept for {duration(until - now)} more (rollout undo{_with_whom(state)})"
            return f"done: {state.canary} serves everybody{kept}{_remains(state)}"
        case Phase.ABORTED:
            why = f": {state.abort.reason}" if state.abort else ""
            return f"given up{why}; {_home(state)}{_remains(state)}"
        case Phase.SUPERSEDED:
            return f"superseded by {state.superseded_by}"
        case Phase.ABORTING:
            return f"taking every player off {state.canary}: waiting for the data plane to confirm it"
        case Phase.PROMOTING:
            if smoking_now := kept_by_smoke(state, now):
                return smoking_now
            if state.confirmed_bp == state.weight_bp:
                return f"making {state.canary} the stable version"
            return f"waiting for the data plane to confirm that {state.canary} serves everybody"
        case Phase.PENDING | Phase.PROGRESSING | Phase.PAUSED:
            return f"{_explain_active(state, now, awaited)}{_alone(state)}"
        case _:  # pragma: no cover
            assert_never(state.phase)


def _explain_kept(state: RolloutState) -> str | None:
    """Who keeps it where it is, or what has to be done first."""
    if state.hold is Hold.PERSON:
        return f"paused by a person at {state.exposure}: resume it to go on"
    if state.hold in (Hold.INCONCLUSIVE, Hold.NO_DATA):
        why = _held_by(state) or "its gates say pass now"
        return f"paused at {state.exposure}, since a gate kept it waiting: {why}; resume it to wait on"
    if state.hold is Hold.APPROVAL:
        what = "" if state.step < 0 else f" to go on from {state.exposure}"
        return f"waiting for an approval by {for_whom(state)}{what}"
    if state.hold is Hold.DIFFERENCES:
        return f"paused: {why_paused(state)}; look at them, then promote it to go on all the same, or abort it"
    if state.hold is Hold.GROUPS:
        choice = f"promote it to give them {state.canary}, too, or abort it"
        return f"every step is done, and {still_held(state.held)} on {state.stable}: {choice}"
    if state.hold is Hold.SMOKE:
        why = smoking.blocked(state) or "it was waived"
        return f"paused at {state.exposure}: {why}; resume it to try again, or abort it"
    if pending := [acted for acted in state.acted if acted.in_force_at is None]:
        return f"acting on {name(pending[0].group)}: {done(pending[0], state.stable)}, to be confirmed"
    return None


def _alone(state: RolloutState) -> str:
    """Who does not go with the others meanwhile."""
    kept = still(state.kept)
    return f"; {still_held(kept)} on {state.stable}" if kept and state.hold is not Hold.GROUPS else ""


def _explain_active(state: RolloutState, now: float, awaited: Collection[str]) -> str:
    if kept := _explain_kept(state) or kept_by_smoke(state, now):
        return f"{kept}{_frozen(state)}"
    if state.step < 0:
        return _explain_pending(state, now)
    if state.confirmed_bp != state.weight_bp:
        return f"waiting for the data plane to confirm {state.exposure}"
    step = state.current_step
    if isinstance(step, Pause) and step.duration_s is None:
        return f"waiting for a person at {state.exposure}: promote it to go on{_frozen(state) or _but(state, awaited)}"
    if state.frozen:
        return f"{closed(state.frozen)}; {_stays(state)}"
    if waits := _passes_time(state, now, awaited):
        return waits
    if isinstance(step, Analysis):
        open_gates = [each for each in unpassed(state) if each in step.gates]
        if open_gates:
            return f"waiting for {_wanted(state, open_gates)}{_until(state, now)}"
    blocked = _blocked(state, awaited) or _slow(state, now)
    return (
        f"holding at {state.exposure}: {blocked}{_until(state, now)}"
        if blocked
        else f"going on as soon as {state.canary} is ready"
    )


def _passes_time(state: RolloutState, now: float, awaited: Collection[str]) -> str | None:
    """What is left of a step that takes a while; ``None`` where nothing is, or it is no such step."""
    step = state.current_step
    if isinstance(step, Shadow):
        return shadowing(state, step, now)
    if not isinstance(step, Pause) or step.duration_s is None:
        return None
    left = (now if state.step_started_at is None else state.step_started_at) + step.duration_s - now
    return f"waiting {duration(left)} more at {state.exposure}{_but(state, awaited)}" if left > 0 else None


def _explain_pending(state: RolloutState, now: float) -> str:
    if state.frozen:
        return f"{closed(state.frozen)}; {_stays(state)}"
    left = max(state.started_at, state.thawed_at or 0.0) + state.plan.timing.progress_deadline_s - now
    return f"waiting for {state.canary} to become ready; given up in {duration(max(left, 0.0))}"


def _wanted(state: RolloutState, names: list[str]) -> str:
    """One gate with how it stands; several by name, since what each of them says would not fit a line."""
    if len(names) == 1:
        return f"gate {names[0]} to pass: it {stance(state, names[0])}"
    return f"{_together(names)} to pass{_all_blind(state, names)}"


def _with_whom(state: RolloutState) -> str:
    """Who goes back as well, if others moved with it."""
    whole = state.plan.together
    others = [member.rollout for member in whole.members if member.rollout != state.id] if whole else []
    return f", with {' and '.join(others)}" if others else ""


def _together(names: Sequence[str]) -> str:
    """``the gates a, b and c``; of many the first ones."""
    few = names if len(names) <= _FEW else [*names[: _FEW - 1], f"{len(names) - _FEW + 1} more"]
    return f"the gates {', '.join(few[:-1])} and {few[-1]}"


def _until(state: RolloutState, now: float) -> str:
    """What happens if the gates go on like this, and when."""
    names = keeping(state, now)
    ends = [each for each in waiting(as_it_stands(state), names, now) if each.policy.then is not Resort.HOLD]
    if not ends:
        return ""
    first = min(ends, key=lambda waited: waited.policy.after_s - waited.seconds)
    left = max(first.policy.after_s - first.seconds, 0.0)
    then = "goes back" if first.policy.then is Resort.ABORT else "waits for a person"
    return f"; {then} after {duration(left)} more of that"


def _blocked(state: RolloutState, awaited: Collection[str]) -> str | None:
    """Why the next step cannot begin, where it would raise the share."""
    if not rises(state, after_step(state, state.started_at)):
        return None
    return _held_by(state) or _overdue(state, [each for each in binding(state) if each in awaited])


def _slow(state: RolloutState, now: float) -> str | None:
    """How long its disruption budget keeps it from moving more players."""
    left = wait_s(state, now)
    return f"more players are moved in {duration(left)}, not before" if left else None


def _overdue(state: RolloutState, names: Sequence[str]) -> str | None:
    """Whose answers it waits for although all gates have passed, and which sources owe them."""
    if not names:
        return None
    sources = " and ".join(dict.fromkeys(state.plan.gate(each).source for each in names))
    if len(names) == 1:
        return f"gate {names[0]} passed before, and the next answer of its metric source ({sources}) is overdue"
    return f"{_together(names)} passed before, and the next answers of their metric sources ({sources}) are overdue"


def _held_by(state: RolloutState) -> str | None:
    """What keeps the share from rising: one gate and how it stands, or several by name."""
    why, names = rise_blocked(state), unpassed(state)
    if why is None or not names:
        return why
    return f"gate {names[0]} {stance(state, names[0])}" if len(names) == 1 else _have_to_pass(state, names)


def _have_to_pass(state: RolloutState, names: Sequence[str]) -> str:
    return f"{_together(names)} have to pass{_all_blind(state, names)}"


def _all_blind(state: RolloutState, names: Sequence[str]) -> str:
    """Why none of several gates sees anything, which mostly has one reason: what the first of them says."""
    found = [standing(state, each) for each in names]
    if found[0] is None or any(each is None or each.verdict is not Verdict.NO_DATA for each in found):
        return ""
    return f", and none has data ({names[0]}: {found[0].reason})"


def _but(state: RolloutState, awaited: Collection[str]) -> str:
    """What would keep it from going on even then."""
    blocked = _blocked(state, awaited)
    return f"; {blocked}" if blocked else ""


def _frozen(state: RolloutState) -> str:
    """What of the freeze calendar would keep it from going on even then."""
    return f"; and {closed(state.frozen)}" if state.frozen else ""


def _stays(state: RolloutState) -> str:
    """What is so meanwhile."""
    if not state.exposing:
        return "nobody has the canary before that, and it goes on by itself then"
    return f"{state.exposure} stays and is watched, and it goes on by itself then"


def _remains(state: RolloutState) -> str:
    """What the rollout leaves behind for a person to undo."""
    left = remains(state.acted)
    return f"; {left}" if left else ""


def _home(state: RolloutState) -> str:
    return f"everybody is on {state.stable}" if state.stable else "nothing serves"
