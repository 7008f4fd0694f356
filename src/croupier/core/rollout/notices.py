"""What people and their tools are told of a rollout: from its events as they are recorded, and from how long a state
lasts (a gate that sees nothing, a budget that is nearly used up). Pure; called by ``control.notify``.

What lasts is told once: ``told`` remembers it until it is over. Every notice has a name of its own that is the same
whenever it is made again, by which receivers know a repeated one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from croupier.core.gates import GateState, SequentialRule, Verdict
from croupier.core.gates.sequential.budget import used
from croupier.core.gates.sequential.trials import spent
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import asked
from croupier.core.rollout.decide import binding
from croupier.core.rollout.explain import describe_event, duration
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.state import RolloutState


class Kind(StrEnum):
    """What a notice is about; the names are for ever."""

    STARTED = "rollout.started"
    PROMOTED = "rollout.promoted"
    PAUSED = "rollout.paused"
    """By a person."""
    WAITING = "rollout.waiting"
    """For a person."""
    RESUMED = "rollout.resumed"
    APPROVED = "rollout.approved"
    """Somebody other than who started it approved of it, or of going on."""
    ABORTING = "rollout.aborting"
    """Given up; the players are being moved."""
    ABORTED = "rollout.aborted"
    """Nobody is sent to the canary any more."""
    SUPERSEDED = "rollout.superseded"
    FROZEN = "rollout.frozen"
    """It waits for the freeze calendar."""
    OVERRIDDEN = "rollout.overridden"
    """A person lets it go on in spite of a freeze."""
    ACTED = "rollout.acted"
    """A group or a segment is acted upon alone: its flag goes off, or its players are held."""
    RELEASED = "rollout.released"
    """A segment that was held goes with the others again."""
    GATE_FAILED = "gate.failed"
    GATE_BLIND = "gate.blind"
    """It has had no data for longer than is permitted."""
    GATE_SEES = "gate.sees"
    """It was told to be blind, and is not any more, or nobody asks it any more."""
    GATE_BUDGET = "gate.budget"
    """Of its part of the false-rollback budget more is used than is permitted: it is close to blaming the canary."""
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """``at`` is when it happened (epoch seconds), ``summary`` a sentence about it without a full stop; ``actor`` is who
    did it (``croupier``: the control plane itself).
    """

    id: str
    kind: Kind
    at: float
    summary: str
    service: str = ""
    rollout: str = ""
    version: str = ""
    stable: str | None = None
    gate: str | None = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """When what lasts is worth telling: blind for so many seconds, so much of a gate's budget (0 to 1) used."""

    blind_s: float = 300.0
    budget: float = 0.8


_TOLD: Final[Mapping[type, Kind]] = {
    e.Created: Kind.STARTED,
    e.Retried: Kind.STARTED,
    e.Promoted: Kind.PROMOTED,
    e.Resumed: Kind.RESUMED,
    e.Approved: Kind.APPROVED,
    e.AbortStarted: Kind.ABORTING,
    e.Aborted: Kind.ABORTED,
    e.Superseded: Kind.SUPERSEDED,
    e.GroupActed: Kind.ACTED,
    e.SegmentHeld: Kind.ACTED,
    e.SegmentReleased: Kind.RELEASED,
    e.Frozen: Kind.FROZEN,
    e.FreezeOverridden: Kind.OVERRIDDEN,
}

_FAILED: Final = "failed"
_BLIND: Final = "blind"
_BUDGET: Final = "budget"


def happened(
    events: Sequence[e.Event], state: RolloutState, actor: str, mark: str, told: frozenset[str]
) -> tuple[list[Notice], frozenset[str]]:
    """Notices of one recorded entry, and what has been told after it. ``mark`` names the entry and no other; ``state``
    is the rollout's, of any later time.
    """
    notices: list[Notice] = []
    for place, event in enumerate(events):
        kind = _kind(event, state)
        gate, reason = getattr(event, "gate", None), getattr(event, "reason", "")
        if isinstance(event, e.GateJudged):
            key, gate = _key(state, event.state.gate, f"{_FAILED}.{state.attempt}"), event.state.gate
            failed = event.state.latest is not None and event.state.latest.verdict is Verdict.FAIL
            kind = Kind.GATE_FAILED if failed and key not in told else None
            reason = event.state.latest.reason if event.state.latest is not None else ""
            told = told | {key} if failed else told - {key}
        if kind is not None:
            about = f"{_name(state)}: {describe_event(event, state)}"
            notice = _notice(f"{mark}.{place}", kind, event.at, about, state, gate)
            notices.append(replace(notice, actor=actor, reason=reason))
    return notices, told


def lasting(
    states: Iterable[RolloutState], now: float, patience: Patience, told: frozenset[str]
) -> tuple[list[Notice], frozenset[str]]:
    """Notices of what has lasted for long in the active rollouts, or is over since it was told; and what has been told
    after them. What was told of rollouts that are over is forgotten.
    """
    notices: list[Notice] = []
    kept: set[str] = set()
    for state in states:
        mine = {key for key in told if key.startswith(f"{state.id}/")}
        found, lasts = _of_one(state, now, patience, mine)
        notices += found
        kept |= lasts
    return notices, frozenset(kept)


def budget_used(state: RolloutState, name: str) -> float | None:
    """How far the gate has come to blaming the canary, 0 to 1; ``None`` for one that gathers no evidence."""
    gate = asked(state, name)
    if not isinstance(gate.rule, SequentialRule):
        return None
    return used(spent(state.gate_state(name).evidence), gate.rule.budget)


def _of_one(state: RolloutState, now: float, patience: Patience, told: set[str]) -> tuple[list[Notice], set[str]]:
    bound = () if state.phase is Phase.ABORTING else binding(state)
    blind = dict(_blind_gates(state, bound))
    over = {key for key in told if f"/{_BLIND}." in key} - blind.keys()
    lasts = {key: _blind(state, key, *gate, now) for key, gate in blind.items() if now - gate[1] >= patience.blind_s}
    for name in bound:
        share = budget_used(state, name)
        if share is not None and share >= patience.budget:
            # Once an attempt: evidence comes and goes, and that it came back is no news.
            key = _key(state, name, f"{_BUDGET}.{state.attempt}")
            about = f"{_name(state)}: gate {name} has come {100 * share:.0f} % of the way to blaming the canary"
            lasts[key] = _notice(key, Kind.GATE_BUDGET, now, about, state, name)
    news = {key: notice for key, notice in lasts.items() if key not in told}
    return [*(_seeing(state, key, now, bound) for key in sorted(over)), *news.values()], (told - over) | news.keys()


def _blind_gates(state: RolloutState, bound: Iterable[str]) -> Iterator[tuple[str, tuple[GateState, float]]]:
    for name in bound:
        gate = state.gate_state(name)
        if gate.blind_since is not None:
            yield _key(state, name, f"{_BLIND}.{gate.blind_since:.3f}"), (gate, gate.blind_since)


def _blind(state: RolloutState, key: str, gate: GateState, since: float, now: float) -> Notice:
    reason = gate.latest.reason if gate.latest is not None else ""
    about = (
        f"{_name(state)}: gate {gate.gate} has had no data for {duration(now - since)}, so it neither passes nor stops "
        f"the canary: {reason}"
    )
    return replace(_notice(key, Kind.GATE_BLIND, now, about, state, gate.gate), reason=reason)


def _seeing(state: RolloutState, key: str, now: float, bound: Sequence[str]) -> Notice:
    gate = key.removeprefix(f"{state.id}/").partition("/")[0]
    how = "is not blind any more" if gate in bound else "was blind, and does not guard the canary any more"
    return _notice(f"{key}.over", Kind.GATE_SEES, now, f"{_name(state)}: gate {gate} {how}", state, gate)


def _kind(event: e.Event, state: RolloutState) -> Kind | None:
    """What this event is told as, if it is."""
    if isinstance(event, e.Created | e.Retried) and state.plan.consent is not None:
        return Kind.WAITING
    if isinstance(event, e.Paused):
        return Kind.PAUSED if event.hold is Hold.PERSON else Kind.WAITING
    return _TOLD.get(type(event))


def _name(state: RolloutState) -> str:
    return f"{state.id} ({state.service} {state.canary})"


def _key(state: RolloutState, gate: str, what: str) -> str:
    return f"{state.id}/{gate}/{what}"


def _notice(mark: str, kind: Kind, at: float, summary: str, state: RolloutState, gate: str | None = None) -> Notice:
    # The time of its creation tells this rollout from one of the same name in another record.
    name = hashlib.sha256(f"{mark}/{state.created_at}".encode()).hexdigest()[:32]
    return Notice(
        id=f"msg_{name}",
        kind=kind,
        at=at,
        summary=summary,
        service=state.service,
        rollout=state.id,
        version=state.canary,
        stable=state.stable,
        gate=gate,
        actor="croupier",
    )
