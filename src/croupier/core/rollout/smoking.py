"""Smoke checks of a rollout: which are wanted now, and what follows from their results. Pure; asked by ``decide``.

Two things ask for checks: a ``smoke`` step, and the rollout itself, after every switch. A run is wanted as long as
nothing about the present occasion is recorded, so that whoever takes over runs it again. A failure goes back or asks a
person; no result holds, and what follows from that is for the rollout to say: missing data condemns nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.smoked import KEPT, Occasion, SmokeRun, forgotten
from croupier.core.rollout.spec import Resort, Smoke, Undecided
from croupier.core.rollout.state import RolloutState
from croupier.core.smoke import CheckResult, SmokeCheck

_ASKING = (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is wanted: these checks, for this occasion, of this attempt, about what was confirmed ``since`` (epoch
    seconds).
    """

    rollout: str
    attempt: int
    occasion: Occasion
    step: int
    since: float
    checks: tuple[SmokeCheck, ...]


@dataclass(frozen=True, slots=True)
class Smoked:
    """The results of a run that was wanted; or none, and why a check could not be run, however often it was tried."""

    wanted: Wanted
    results: tuple[CheckResult, ...]
    unrun: str = ""


def wanted(state: RolloutState, now: float) -> Wanted | None:
    """The run that is wanted now; none while the data plane has not confirmed what it is about."""
    for occasion, asked in _occasions(state):
        names = _binding(state, asked)
        since = _since(state, occasion, now)
        if since is not None and not _settled(state, occasion, names):
            checks = tuple(check for check in state.plan.checks if check.name in names)
            return Wanted(state.id, state.attempt, occasion, state.step, since, checks)
    return None


def finished(state: RolloutState, smoked: Smoked | None, now: float) -> tuple[e.SmokeFinished, ...]:
    """What is to be recorded of results that came; those of a run that is not wanted any more are none."""
    if smoked is None or smoked.unrun or wanted(state, now) != smoked.wanted:
        return ()
    return (e.SmokeFinished(smoked.wanted.occasion, state.exposure, smoked.results, now),)


def blame(state: RolloutState, now: float) -> e.AbortStarted | None:
    """Going back, where a check failed and the rollout is to do so. With everybody on the canary nothing else helps."""
    for occasion, asked in _occasions(state):
        said = _failures(state, occasion)
        if said and (asked.on_fail is Resort.ABORT or state.phase is Phase.PROMOTING):
            return e.AbortStarted(Cause.SMOKE, said, now)
    return None


def asks(state: RolloutState, now: float) -> e.Paused | None:
    """Asking a person, where a check failed and the rollout is to do that."""
    said = next((said for occasion, _ in _occasions(state) if (said := _failures(state, occasion))), None)
    return e.Paused(Hold.SMOKE, now, reason=said) if said else None


def blocked(state: RolloutState) -> str | None:
    """Why the canary's share may not rise, nor a smoke step end; ``None`` where smoke checks do not mind."""
    for occasion, asked in _occasions(state):
        names = _binding(state, asked)
        if names and not _passed(state, occasion, names):
            failed = _failures(state, occasion)
            return failed or f"smoke {_listed(names)} not finished"
    return None


def at_a_loss(state: RolloutState, smoked: Smoked | None, now: float) -> e.AbortStarted | e.Paused | None:
    """The end of waiting for results, if it has come. What could not be run is for a person, who has it tried again by
    resuming; a rollout that is to go back without results does that in its own time.
    """
    unrun = smoked.unrun if smoked is not None and smoked.wanted == wanted(state, now) else ""
    for waited, policy in waits(state, now):
        if waited >= policy.after_s:
            why = f"smoke checks had no result for {waited:.0f} s"
            if policy.then is Resort.ABORT:
                return e.AbortStarted(Cause.NO_DATA, why, now)
            if policy.then is Resort.PAUSE and state.phase is Phase.PROGRESSING:
                return e.Paused(Hold.NO_DATA, now, reason=why)
        if unrun and policy.then is not Resort.ABORT and state.phase is Phase.PROGRESSING:
            return e.Paused(Hold.NO_DATA, now, reason=unrun)
    return None


def waits(state: RolloutState, now: float) -> Iterator[tuple[float, Undecided]]:
    """For how many seconds results have been waited for, and what is to follow when."""
    asked = wanted(state, now)
    policies = dict(_occasions(state))
    if asked is not None:
        yield now - asked.since, policies[asked.occasion].on_no_data or state.plan.on_no_data


def recorded(state: RolloutState, event: e.SmokeFinished) -> RolloutState:
    """The state with the run in it; the oldest are left to the journal."""
    run = SmokeRun(event.occasion, event.at, event.exposure, event.results)
    return replace(state, smokes=(*state.smokes, run)[-KEPT:])


def resumed(state: RolloutState, at: float) -> RolloutState:
    """A person has looked: what failed is tried again, and waited for anew."""
    if not state.plan.checks:
        return state  # as it always was
    smokes = tuple(run if _all_passed(state, run) else replace(run, stands=False) for run in state.smokes)
    return replace(state, smokes=smokes, smoke_asked_at=at)


def step_begun(state: RolloutState) -> RolloutState:
    """The state at the beginning of a step: what an earlier step's checks said is not about this one."""
    return replace(state, smokes=forgotten(state.smokes, Occasion.STEP))


def _occasions(state: RolloutState) -> Iterator[tuple[Occasion, Smoke]]:
    """What asks for checks now. A first deployment has nothing to go back to."""
    if state.phase not in _ASKING or state.stable is None:
        return
    step = state.current_step
    if isinstance(step, Smoke):
        yield Occasion.STEP, step
    if state.plan.smoke is not None and state.exposing:
        yield Occasion.SWITCH, state.plan.smoke


def _since(state: RolloutState, occasion: Occasion, now: float) -> float | None:
    if state.confirmed_at is None or state.confirmed_bp != state.weight_bp or state.confirmed_at > now:
        return None
    moments = [state.confirmed_at]
    if occasion is Occasion.STEP and state.step_started_at is not None:
        moments.append(state.step_started_at)
    if state.smoke_asked_at is not None:
        moments.append(state.smoke_asked_at)
    return max(moments)


def _binding(state: RolloutState, asked: Smoke) -> tuple[str, ...]:
    return tuple(name for name in asked.checks if name not in state.waived)


def _latest(state: RolloutState, occasion: Occasion) -> SmokeRun | None:
    return next((run for run in reversed(state.smokes) if run.occasion is occasion and run.stands), None)


def _passed(state: RolloutState, occasion: Occasion, names: tuple[str, ...]) -> bool:
    run = _latest(state, occasion)
    return run is not None and set(names) <= {result.check for result in run.results if result.passed}


def _settled(state: RolloutState, occasion: Occasion, names: tuple[str, ...]) -> bool:
    """Whether there is nothing more to try: one failed, or all have passed. A run that was ended by a failure that a
    person waived since leaves the checks that it did not come to.
    """
    return _failures(state, occasion) is not None or _passed(state, occasion, names) or not names


def _all_passed(state: RolloutState, run: SmokeRun) -> bool:
    return all(result.passed or result.check in state.waived for result in run.results)


def _failures(state: RolloutState, occasion: Occasion) -> str | None:
    """What failed, in words; ``None`` where nothing did."""
    run = _latest(state, occasion)
    failed = [r for r in run.results if not r.passed and r.check not in state.waived] if run is not None else []
    if not failed:
        return None
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"smoke check {failed[0].check} failed: {failed[0].said}{more}"


def _listed(names: tuple[str, ...]) -> str:
    return f"check {names[0]} has" if len(names) == 1 else f"checks {', '.join(names)} have"
