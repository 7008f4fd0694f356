"""The recorded state of one rollout: everything that deciding needs and nothing that can be derived from it."""

from dataclasses import dataclass, replace

from croupier.core.gates import GateState
from croupier.core.rollout.consent import Given
from croupier.core.rollout.events import Freeze, RoundsMoved
from croupier.core.rollout.exposure import Insides, exposure, named
from croupier.core.rollout.flags.turned import Turned
from croupier.core.rollout.groups.acted import Acted
from croupier.core.rollout.groups.held import held
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.rollout.segments.kept import Kept, still, within
from croupier.core.rollout.shadow.effect import mirrors
from croupier.core.rollout.shadow.mirror import Mirrored
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.smoked import SmokeRun
from croupier.core.rollout.spec import Plan, Step
from croupier.core.segments import BUCKETS, Segment


@dataclass(frozen=True, slots=True)
class Abort:
    """Why and when a rollout was given up. Times are epoch seconds; ``zero_at`` is when the data plane confirmed share
    0. ``at_once``: a person wanted rounds that were begun on the canary moved, too.
    """

    cause: Cause
    reason: str
    at: float
    gate: str | None = None
    harm_since: float | None = None
    zero_at: float | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """A freeze that a person overrode, for the time that it was to last then (epoch seconds; no end: none known)."""

    freeze: str
    since: float
    until: float | None


@dataclass(frozen=True, slots=True)
class RolloutState:
    """One rollout. ``step`` is -1 until the canary is ready; ``weight_bp`` is what is wanted, ``confirmed_bp`` what was
    seen; ``insides`` are the shares of single segments that are wanted, and confirmed with it. ``exposed_at`` is when
    this attempt's canary was first seen to serve players, kept where a gate has a warm-up. ``acted`` are the groups
    that were acted upon, ``kept`` the segments that were held alone, oldest first; ``moved`` are the rounds that an
    abort took away in the middle.
    ``frozen`` is what of the freeze calendar it waits for, ``thawed_at`` when it last did not any more. ``smokes`` are
    the last runs of smoke checks, ``smoke_asked_at`` is when a person had them tried again.
    ``compared`` is what comparing answers came to, a report a step.
    """

    id: str
    service: str
    stable: str | None
    canary: str
    canary_digest: str
    plan: Plan
    phase: Phase
    created_at: float
    started_at: float
    attempt: int = 1
    step: int = -1
    step_started_at: float | None = None
    weight_bp: int = 0
    confirmed_bp: int | None = None
    confirmed_at: float | None = None
    hold: Hold | None = None
    gates: tuple[GateState, ...] = ()
    waived: tuple[str, ...] = ()
    abort: Abort | None = None
    superseded_by: str | None = None
    ended_at: float | None = None
    exposed_at: float | None = None
    acted: tuple[Acted, ...] = ()
    insides: Insides = ()
    moved: tuple[RoundsMoved, ...] = ()
    kept: tuple[Kept, ...] = ()
    frozen: tuple[Freeze, ...] = ()
    thawed_at: float | None = None
    overrides: tuple[Override, ...] = ()
    starters: tuple[str, ...] = ()
    approvals: tuple[Given, ...] = ()
    smokes: tuple[SmokeRun, ...] = ()
    smoke_asked_at: float | None = None

    @property
    def held(self) -> tuple[Segment, ...]:
        """The segments whose players have the stable version, whatever the steps do, each once."""
        return tuple(dict.fromkeys((*held(self.acted), *still(self.kept))))

    compared: tuple[ShadowReport, ...] = ()
    turned: tuple[Turned, ...] = ()
    """Flags that its steps turned, in the order of turning."""

    @property
    def unapproved(self) -> bool:
        """Whether it may not begin before somebody else has approved of it: not even its canary runs."""
        return self.hold is Hold.APPROVAL and self.step < 0

    @property
    def exposing(self) -> bool:
        """Whether any player is meant to have the canary: a share of a segment that is held gives it to nobody."""
        return self.weight_bp > 0 or any(
            inside.weight_bp and not any(within(inside.segment, outer) for outer in self.held)
            for inside in self.insides
        )

    @property
    def shares(self) -> tuple[tuple[str, int], ...]:
        """The segments with more of the canary than everybody, by name, the highest share first."""
        return named(self.weight_bp, self.insides)

    @property
    def exposure(self) -> str:
        """What is wanted, as people say it: ``5 %``, ``100 % of employees``."""
        return exposure(self.weight_bp, self.shares)

    @property
    def mirrored(self) -> Mirrored | None:
        """What is copied to the canary; never in an end of any kind, nor while a person looks at its answers."""
        if self.stable is None or self.phase not in (Phase.PROGRESSING, Phase.PAUSED) or self.hold is Hold.DIFFERENCES:
            return None
        wanted = mirrors(self.plan.steps, self.step)
        return Mirrored(self.canary, wanted) if wanted else None

    @property
    def as_one(self) -> tuple[str, ...]:
        """The rollouts that move as one with it, by id, in the order of moving up; itself, where it moves alone."""
        whole = self.plan.together
        return tuple(member.rollout for member in whole.members) if whole is not None else (self.id,)

    @property
    def salt(self) -> str:
        """The salt of the player bucket: a new attempt exposes other players first. Rollouts that move as one have the
        same, so that a player is on the same side in all of them.
        """
        whole = self.plan.together
        return f"{whole.id if whole else self.id}.{self.attempt}"

    @property
    def current_step(self) -> Step | None:
        """The step in progress; none before the first and after the last."""
        return self.plan.steps[self.step] if 0 <= self.step < len(self.plan.steps) else None

    def gate_state(self, name: str) -> GateState:
        """What the named gate remembers; a fresh memory where it has not looked yet."""
        return next((state for state in self.gates if state.gate == name), GateState(gate=name))


def routes(state: RolloutState) -> ServiceRoutes:
    """The traffic that this state asks for (invariant 1: weights total 100 % in every segment)."""
    if state.phase is Phase.SUCCEEDED:
        return stable_routes(state.service, state.canary)
    if not state.phase.active or state.phase in (Phase.PENDING, Phase.ABORTING):
        return stable_routes(state.service, state.stable)
    if not state.exposing:
        return replace(stable_routes(state.service, state.stable), mirrored=state.mirrored)
    if state.stable is None:
        return stable_routes(state.service, state.canary)
    whole = state.phase is Phase.PROMOTING
    return canary_routes(
        state.service,
        state.stable,
        state.canary,
        BUCKETS if whole else state.weight_bp,
        salt=state.salt,
        segment=None if whole else state.plan.segment,
        held=() if whole else state.held,
        insides=() if whole else state.insides,
        mirrored=state.mirrored,
    )


def ends_rounds(state: RolloutState) -> bool:
    """Whether rounds that were begun on the canary must not end there: it does what must never happen, cannot run any
    more, or a person said so. Otherwise they may.
    """
    abort = state.abort
    return abort is not None and (abort.at_once or abort.cause in (Cause.HARD_STOP, Cause.WORKLOAD))


def versions_needed(state: RolloutState) -> tuple[str, ...]:
    """Versions that must run for this state: what routes name, and the canary from the moment it is asked for."""
    needed = set(routes(state).versions)
    if state.phase.active and state.phase is not Phase.ABORTING and not state.unapproved:
        needed.add(state.canary)
    return tuple(sorted(needed))
