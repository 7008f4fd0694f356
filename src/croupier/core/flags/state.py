"""What is recorded of a flag: its declaration, and what happened to it since. ``evolve`` folds the events.

Pure; the use cases decide the events, the store keeps the state, and the journal can rebuild it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from croupier.core.flags import events as e
from croupier.core.flags.model import Flag, Targeting
from croupier.core.flags.read import read_flag
from croupier.core.segments import BUCKETS


@dataclass(frozen=True, slots=True)
class Kill:
    """Who killed it, when (epoch seconds), and why. ``declared``: by a declaration, so that a later one undoes it."""

    actor: str
    at: float
    reason: str
    declared: bool = False


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag as it stands. ``version`` is the ruleset's version at which it last changed.

    ``expires_at`` is the declaration's, or later by renewal. ``full_since`` says since when it is served to everybody
    everywhere (epoch seconds), which makes it debt after a while.
    """

    flag: Flag
    source: Mapping[str, Any]
    digest: str
    version: int
    created_at: float
    changed_at: float
    changed_by: str
    expires_at: float | None = None
    killed: Kill | None = None
    warned_at: float | None = None
    reverted_at: float | None = None
    full_since: float | None = None
    archived: bool = False

    @property
    def key(self) -> str:
        return self.flag.key


def declare(event: e.FlagDeclared, *, version: int, actor: str, at: float) -> FlagState:
    """The state of a flag that is declared for the first time."""
    flag = read_flag(event.source)
    killed = _declared_kill(actor, at) if flag.kill_switch else None
    full = at if _full(flag) else None
    return FlagState(flag, event.source, event.digest, version, at, at, actor, flag.expires_at, killed, full_since=full)


def evolve(state: FlagState, event: e.FlagEvent, *, version: int, actor: str, at: float) -> FlagState:
    """The state after the event, which ``actor`` caused at ``at`` and which makes the ruleset's ``version``."""
    state = replace(state, version=version, changed_at=at, changed_by=actor)
    match event:
        case e.FlagDeclared():
            return _declared_again(state, event, actor, at)
        case e.FlagKilled():
            return replace(state, killed=Kill(actor, at, event.reason))
        case e.FlagRestored():
            return replace(state, killed=None)
        case e.FlagRenewed():
            return replace(state, expires_at=event.expires_at, warned_at=None, reverted_at=None)
        case e.FlagWarned():
            return replace(state, warned_at=at)
        case e.FlagReverted():
            return replace(state, reverted_at=at)
        case e.FlagArchived():
            return replace(state, archived=True)
        case _:
            assert_never(event)


def _declared_again(state: FlagState, event: e.FlagDeclared, actor: str, at: float) -> FlagState:
    """A person's kill survives declarations: only ``flag restore`` undoes it. A renewal survives one with the same
    expiry.
    """
    flag = read_flag(event.source)
    killed = state.killed
    if flag.kill_switch and killed is None:
        killed = _declared_kill(actor, at)
    elif killed is not None and killed.declared and not flag.kill_switch:
        killed = None
    since = at if state.full_since is None else state.full_since
    after = replace(
        state,
        flag=flag,
        source=event.source,
        digest=event.digest,
        killed=killed,
        full_since=since if _full(flag) else None,
        archived=False,
    )
    if flag.expires_at == state.flag.expires_at:
        return after
    return replace(after, expires_at=flag.expires_at, warned_at=None, reverted_at=None)


def _declared_kill(actor: str, at: float) -> Kill:
    return Kill(actor, at, "declared with kill_switch: true", declared=True)


def _full(flag: Flag) -> bool:
    """Whether everybody gets the same variant, in every environment, and it is not the off one."""
    served = {_settled(flag.in_environment(name)) for name in (None, *flag.environments)}
    return not flag.prerequisites and len(served) == 1 and not served & {None, flag.off}


def _settled(there: Targeting) -> str | None:
    """The variant that everybody gets there, if they all get the same."""
    if not there.enabled:
        return None
    if not there.rules:
        return there.default
    first = there.rules[0]
    everybody = not first.condition and first.rollout == BUCKETS and len(first.serve) == 1
    return first.serve[0].variant if everybody else None
