"""The order of rollouts that move as one, watched from outside: what each commit changed, and what players had then.

Knows states and served weights, and nothing of how it is decided. Random histories of the core and of the whole control
plane are held against it; ``test_order`` breaks the deciding on purpose and sees that they notice.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from croupier.core.rollout.decide import rise_blocked
from croupier.core.rollout.flags.turned import unsettled
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Pause
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS

TURN_S = 2.0
"""Longer than this no member stays for the sake of the order."""


@dataclass(slots=True)
class Order:
    """``known`` are the members' latest states by service, in the order of moving up; ``broken`` is what should not
    have been, in words.
    """

    known: dict[str, RolloutState]
    broken: list[str] = field(default_factory=list)

    def commit(
        self,
        states: Iterable[RolloutState],
        served: Mapping[str, int],
        now: float,
        *,
        asked: bool = False,
        excused: Collection[str] = (),
    ) -> None:
        """These states are recorded at once. ``served`` is the canary's share (basis points) of each service just
        before; ``asked``: by a person, who need not wait for a pause. Services that are ``excused`` left while nothing
        could be recorded.
        """
        before, after = dict(self.known), {state.service: state for state in states if state.service in self.known}
        self.known |= after
        self.broken += self._promoted(before, served)
        for name, state in after.items():
            self.broken += self._moved(before, state, served, now, asked=asked)
            if _given_up(state) and not _given_up(before[name]) and name not in excused:
                self.broken += self._left(state, served, now)
            if len(state.turned) > len(before[name].turned):
                self.broken += self._turned(state, served)

    def _promoted(self, before: Mapping[str, RolloutState], served: Mapping[str, int]) -> Iterator[str]:
        new = [name for name in before if _new(before[name], self.known[name], Phase.SUCCEEDED)]
        if new and len(new) < len(before):
            yield f"only {', '.join(new)} promoted"
        for name in new:
            if served[name] < BUCKETS:
                yield f"{name} promoted at {served[name]}"

    def _moved(
        self,
        before: Mapping[str, RolloutState],
        state: RolloutState,
        served: Mapping[str, int],
        now: float,
        *,
        asked: bool,
    ) -> Iterator[str]:
        """Up in order, down in reverse, and nobody before all may."""
        was, names = before[state.service], list(before)
        place = names.index(state.service)
        if _given_up(state) or state.phase is Phase.SUCCEEDED or state.attempt != was.attempt:
            return
        if state.weight_bp > was.weight_bp:
            for name in names[:place]:
                if served[name] < state.weight_bp:
                    yield f"{state.service} went up to {state.weight_bp} with {name} served at {served[name]}"
            if state.weight_bp > max(each.weight_bp for each in before.values()):
                yield from self._all_may(state, now, asked=asked)
        if state.weight_bp < was.weight_bp:
            for name in names[place + 1 :]:
                if served[name] > state.weight_bp:
                    yield f"{state.service} went down to {state.weight_bp} with {name} served at {served[name]}"

    def _all_may(self, first: RolloutState, now: float, *, asked: bool) -> Iterator[str]:
        """The first one goes up: the others must be at the step before, and free to leave it."""
        for name, state in self.known.items():
            if name == first.service:
                continue
            if state.step != first.step - 1 and not asked:
                yield f"{first.service} went on to step {first.step} with {name} at {state.step}"
            if why := rise_blocked(state):
                yield f"{first.service} went up to {first.weight_bp} though of {name} {why}"
            step, since = state.current_step, state.step_started_at or 0.0
            pauses = isinstance(step, Pause) and (step.duration_s is None or now - since < step.duration_s)
            if pauses and not asked:
                yield f"{first.service} went up to {first.weight_bp} while {name} pauses"

    def _left(self, state: RolloutState, served: Mapping[str, int], now: float) -> Iterator[str]:
        """Back in reverse, flags first; not in order when that took too long."""
        began = [each.abort.at for each in self.known.values() if each.abort is not None]
        if not min(began) <= now < min(began) + TURN_S:
            return
        names = list(self.known)
        for name in names[names.index(state.service) + 1 :]:
            if not _given_up(self.known[name]):
                yield f"{state.service} went back before {name}"
            elif served[name]:
                yield f"{state.service} went back with {name} served at {served[name]}"
            for turned in unsettled(self.known[name].turned):
                yield f"{state.service} went back before flag {turned.flag}"

    def _turned(self, state: RolloutState, served: Mapping[str, int]) -> Iterator[str]:
        for name in self.known:
            if served[name] < state.weight_bp:
                yield f"flag {state.turned[-1].flag} turned at {state.weight_bp} with {name} served at {served[name]}"


def _given_up(state: RolloutState) -> bool:
    return state.phase in (Phase.ABORTING, Phase.ABORTED)


def _new(before: RolloutState, after: RolloutState, phase: Phase) -> bool:
    return after.phase is phase and before.phase is not phase
