"""What a rollout waits for now, or how it ended: one line that names who decides. Pure.

Terminals, the API and the page show it above everything else, so it names gates and leaves their reasons to them.
"""

from collections.abc import Collection, Sequence
from typing import Final, assert_never

from croupier.core.gates.wording import name
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import after_step, binding, keeping, rise_blocked, rises
from croupier.core.rollout.explain import duration
from croupier.core.rollout.groups.held import held
from croupier.core.rollout.groups.words import done, remains, still_held
from croupier.core.rollout.spec import Analysis, Pause, Resort
from croupier.core.rollout.standing import as_it_stands, stance, unpassed
from croupier.core.rollout.state import Phase, RolloutState
from croupier.core.rollout.undecided import waiting

_FEW: Final = 4
"""So many gates are named in a sentence."""


def explain(state: RolloutState, now: float, awaited: Collection[str] = ()) -> str:
    """What the rollout waits for at ``now`` (epoch seconds), or how it ended: one sentence without a full stop.
    ``awaited`` are the gates whose source owes an answer for too long, which only the running loop knows.
    """
    match state.phase:
        case Phase.SUCCEEDED:
            return f"done: {state.canary} serves everybody{_remains(state)}"
        case Phase.ABORTED:
            why = f": {state.abort.reason}" if state.abort else ""
            return f"given up{why}; {_home(state)}{_remains(state)}"
        case Phase.SUPERSEDED:
            return f"superseded by {state.superseded_by}"
        case Phase.ABORTING:
            return f"taking every player off {state.canary}: waiting for the data plane to confirm it"
        case Phase.PROMOTING:
            if state.confirmed_bp == state.weight_bp:
                return f"making {state.canary} the stable version"
            return f"waiting for the data plane to confirm that {state.canary} serves everybody"
        case Phase.PENDING | Phase.PROGRESSING | Phase.PAUSED:
            return _explain_active(state, now, awaited)
        case _:  # pragma: no cover
            assert_never(state.phase)


def _explain_kept(state: RolloutState) -> str | None:
    """Who keeps it where it is, or what has to be done first."""
    if state.hold is e.Hold.PERSON:
        return f"paused by a person at {state.exposure}: resume it to go on"
    if state.hold in (e.Hold.INCONCLUSIVE, e.Hold.NO_DATA):
        why = _held_by(state) or "its gates say pass now"
        return f"paused at {state.exposure}, since a gate kept it waiting: {why}; resume it to wait on"
    if state.hold is e.Hold.GROUPS:
        choice = f"promote it to give them {state.canary}, too, or abort it"
        return f"every step is done, and {still_held(held(state.acted))} on {state.stable}: {choice}"
    if pending := [acted for acted in state.acted if acted.in_force_at is None]:
        return f"acting on {name(pending[0].group)}: {done(pending[0], state.stable)}, to be confirmed"
    return None


def _explain_active(state: RolloutState, now: float, awaited: Collection[str]) -> str:
    if kept := _explain_kept(state):
        return kept
    if state.step < 0:
        left = state.started_at + state.plan.timing.progress_deadline_s - now
        return f"waiting for {state.canary} to become ready; given up in {duration(max(left, 0.0))}"
    if state.confirmed_bp != state.weight_bp:
        return f"waiting for the data plane to confirm {state.exposure}"
    step = state.current_step
    if isinstance(step, Pause) and step.duration_s is None:
        return f"waiting for a person at {state.exposure}: promote it to go on{_but(state, awaited)}"
    if isinstance(step, Pause) and step.duration_s is not None:
        left = (now if state.step_started_at is None else state.step_started_at) + step.duration_s - now
        if left > 0:
            return f"waiting {duration(left)} more at {state.exposure}{_but(state, awaited)}"
    if isinstance(step, Analysis):
        open_gates = [each for each in unpassed(state) if each in step.gates]
        if open_gates:
            return f"waiting for {_wanted(state, open_gates)}{_until(state, now)}"
    blocked = _blocked(state, awaited)
    return (
        f"holding at {state.exposure}: {blocked}{_until(state, now)}"
        if blocked
        else f"going on as soon as {state.canary} is ready"
    )


def _wanted(state: RolloutState, names: list[str]) -> str:
    """One gate with how it stands; several by name, since what each of them says would not fit a line."""
    if len(names) == 1:
        return f"gate {names[0]} to pass: it {stance(state, names[0])}"
    return f"{_together(names)} to pass"


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
    return f"gate {names[0]} {stance(state, names[0])}" if len(names) == 1 else f"{_together(names)} have to pass"


def _but(state: RolloutState, awaited: Collection[str]) -> str:
    """What would keep it from going on even then."""
    blocked = _blocked(state, awaited)
    return f"; {blocked}" if blocked else ""


def _remains(state: RolloutState) -> str:
    """What the rollout leaves behind for a person to undo."""
    left = remains(state.acted)
    return f"; {left}" if left else ""


def _home(state: RolloutState) -> str:
    return f"everybody is on {state.stable}" if state.stable else "nothing serves"
