"""What follows when gates keep a rollout from going on for too long. Pure; asked by ``decide`` when nothing else can
happen.

Doubt and blindness are told apart: how long a gate could not decide counts only time with data, so that missing data
alone takes nobody back unless the rollout says so (``on_no_data``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from croupier.core.gates import AnalysisRule, GateState, Verdict
from croupier.core.gates.analysis.verdict import asks_a_person
from croupier.core.rollout import events as e
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Analysis, Resort, Undecided
from croupier.core.rollout.state import RolloutState

_CAUSES: Final = {Verdict.INCONCLUSIVE: Cause.INCONCLUSIVE, Verdict.NO_DATA: Cause.NO_DATA}
_A_PERSON: Final = Undecided(Resort.PAUSE, 0.0)
"""An analysis that ended inconclusive measures no more: waiting longer would teach nothing."""
_HOLDS: Final = {Verdict.INCONCLUSIVE: Hold.INCONCLUSIVE, Verdict.NO_DATA: Hold.NO_DATA}


@dataclass(frozen=True, slots=True)
class Waited:
    """A gate that keeps the rollout from going on, for how many seconds, and what is to follow when."""

    gate: GateState
    verdict: Verdict
    seconds: float
    policy: Undecided

    @property
    def enough(self) -> bool:
        """Whether it was waited for long enough."""
        return self.seconds >= self.policy.after_s


def at_a_loss(state: RolloutState, names: tuple[str, ...], now: float) -> e.AbortStarted | e.Paused | None:
    """The end of waiting for these gates, if it has come. Going back outranks asking a person."""
    due = [waited for waited in waiting(state, names, now) if waited.enough]
    for waited in due:
        if waited.policy.then is Resort.ABORT:
            return e.AbortStarted(_CAUSES[waited.verdict], _why(waited), now, _gate(state, waited))
    for waited in due:
        if waited.policy.then is Resort.PAUSE:
            return e.Paused(_HOLDS[waited.verdict], now, _gate(state, waited), _why(waited))
    return None


def comes_due(state: RolloutState, before: GateState, after: GateState) -> bool:
    """Whether the look between these two ends the waiting, so that it must be recorded however little it says."""
    if after.latest is None or after.latest.verdict is not Verdict.INCONCLUSIVE:
        return False
    said = policy(state, Verdict.INCONCLUSIVE)
    return said.then is not Resort.HOLD and before.undecided_s < said.after_s <= after.undecided_s


def waiting(state: RolloutState, names: tuple[str, ...], now: float) -> Iterator[Waited]:
    """The gates among ``names`` that do not say ``pass``, and for how long that has been so."""
    for name in names:
        gate = state.gate_state(name)
        if gate.passed_at is not None or gate.latest is None:
            continue
        verdict = gate.latest.verdict
        if verdict is Verdict.INCONCLUSIVE and _over(state, gate):
            # It looks no more, so that its own clock stands still.
            seconds = gate.undecided_s + max(now - gate.latest.at, 0.0)
            said = policy(state, verdict)
            yield Waited(gate, verdict, seconds, said if said.then is Resort.ABORT else _A_PERSON)
        elif verdict is Verdict.INCONCLUSIVE:
            yield Waited(gate, verdict, gate.undecided_s, policy(state, verdict))
        elif verdict is Verdict.NO_DATA and gate.blind_since is not None:
            yield Waited(gate, verdict, now - gate.blind_since, policy(state, verdict))


def _gate(state: RolloutState, waited: Waited) -> str:
    """The gate itself, also where it is one's watch of a group that keeps it waiting."""
    return state.plan.gate(waited.gate.gate).name


def _over(state: RolloutState, gate: GateState) -> bool:
    """Whether it is an analysis that ended inconclusive."""
    rule = state.plan.gate(gate.gate).rule
    return isinstance(rule, AnalysisRule) and asks_a_person(rule, gate.analysis)


def policy(state: RolloutState, verdict: Verdict) -> Undecided:
    """What the present step says about this verdict, or else the rollout."""
    step = state.current_step
    own = step if isinstance(step, Analysis) else None
    if verdict is Verdict.NO_DATA:
        return own.on_no_data if own is not None and own.on_no_data is not None else state.plan.on_no_data
    return own.on_inconclusive if own is not None and own.on_inconclusive is not None else state.plan.on_inconclusive


def _why(waited: Waited) -> str:
    what = "could not decide" if waited.verdict is Verdict.INCONCLUSIVE else "had no data"
    latest = waited.gate.latest
    reason = latest.reason if latest is not None else ""
    long = waited.seconds >= 120.0
    so_long = f"{waited.seconds / 60:.0f} min" if long else f"{waited.seconds:.0f} s"
    return f"gate {waited.gate.gate} {what} for {so_long}: {reason}"
