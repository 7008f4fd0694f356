"""What is recorded of a flag: its declaration, and what happened to it since. ``evolve`` folds the events.

Pure; the use cases decide the events, the store keeps the state, and the journal can rebuild it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from croupier.core.flags import events as e
from croupier.core.flags.measurement import Measurement
from croupier.core.flags.model import Flag, Targeting
from croupier.core.flags.read import read_flag
from croupier.core.segments import BUCKETS


@dataclass(frozen=True, slots=True)
class Kill:
    """Who killed it, when (epoch seconds), and why. ``declared``: by a declaration, so that a later one undoes it.
    ``preset``: by applying this preset, so that undoing the preset undoes it.
    """

    actor: str
    at: float
    reason: str
    declared: bool = False
    preset: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether a person killed it, which only a restore undoes."""
        return not (self.declared or self.preset)

    @property
    def text(self) -> str:
        """Who and why, in words."""
        return f"{self.actor}: {self.reason}"


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag as it stands. ``version`` is the ruleset's version at which it last changed.

    ``kills`` are all that stand, each undone by itself: a person's before those of presets (the oldest first) before
    the declaration's.

    ``expires_at`` is the declaration's, or later by renewal. ``full_since`` says since when it is served to everybody
    everywhere (epoch seconds), which makes it debt after a while.
    ``measured`` are the runs of experiments on it, one at most in each environment.
    """

    flag: Flag
    source: Mapping[str, Any]
    digest: str
    version: int
    created_at: float
    changed_at: float
    changed_by: str
    expires_at: float | None = None
    kills: tuple[Kill, ...] = ()
    warned_at: float | None = None
    reverted_at: float | None = None
    full_since: float | None = None
    archived: bool = False
    measured: tuple[Measurement, ...] = ()

    @property
    def key(self) -> str:
        return self.flag.key

    @property
    def killed(self) -> Kill | None:
        """The kill that a restore would undo first."""
        return self.kills[0] if self.kills else None

    @property
    def killed_by_hand(self) -> Kill | None:
        """The kill by a person."""
        return self.kills[0] if self.kills and self.kills[0].by_hand else None

    def with_kill(self, kill: Kill) -> "FlagState":
        """The same, and ``kill`` stands: in place of one by a person, or by the same preset."""
        return replace(self, kills=_with(self.kills, kill))

    @property
    def after_restore(self) -> tuple[Kill, ...]:
        """The kills that still stand once somebody restores it: a person's is undone first, then all others."""
        return self.kills[1:] if self.killed_by_hand else ()


def declare(event: e.FlagDeclared, *, version: int, actor: str, at: float, flag: Flag | None = None) -> FlagState:
    """The state of a flag that is declared for the first time. ``flag`` is what the event declares, if it was read."""
    flag = flag or read_flag(event.source)
    kills = (_declared_kill(actor, at),) if flag.kill_switch else ()
    full = at if _full(flag) else None
    return FlagState(flag, event.source, event.digest, version, at, at, actor, flag.expires_at, kills, full_since=full)


def evolve(
    state: FlagState, event: e.FlagEvent, *, version: int, actor: str, at: float, flag: Flag | None = None
) -> FlagState:
    """The state after the event, which ``actor`` caused at ``at`` and which makes the ruleset's ``version``. ``flag``
    is what the event declares, if it was read.
    """
    state = replace(state, version=version, changed_at=at, changed_by=actor)
    match event:
        case e.FlagDeclared():
            return _declared_again(state, event, flag or read_flag(event.source), actor, at)
        case e.FlagKilled():
            return state.with_kill(Kill(actor, at, event.reason, preset=event.preset))
        case e.FlagRestored():
            of_preset = tuple(kill for kill in state.kills if kill.preset != event.preset)
            return replace(state, kills=of_preset if event.preset else state.after_restore)
        case e.FlagRenewed():
            return replace(state, expires_at=event.expires_at, warned_at=None, reverted_at=None)
        case e.FlagWarned():
            return replace(state, warned_at=at)
        case e.FlagReverted():
            return replace(state, reverted_at=at)
        case e.FlagArchived():
            return replace(state, archived=True)
        case e.FlagMeasured() | e.FlagUnmeasured():
            return replace(state, measured=_measured(state.measured, event))
        case _:
            assert_never(event)


def _declared_again(state: FlagState, event: e.FlagDeclared, flag: Flag, actor: str, at: float) -> FlagState:
    """A kill by a person or a preset survives declarations. A renewal survives one with the same expiry."""
    kills = state.kills
    if not event.preset:
        declared = [kill for kill in kills if kill.declared] or [_declared_kill(actor, at)]
        kills = (*(kill for kill in kills if not kill.declared), *(declared if flag.kill_switch else ()))
    since = at if state.full_since is None else state.full_since
    after = replace(
        state,
        flag=flag,
        source=event.source,
        digest=event.digest,
        kills=kills,
        full_since=since if _full(flag) else None,
        archived=False,
    )
    if flag.expires_at == state.flag.expires_at:
        return after
    return replace(after, expires_at=flag.expires_at, warned_at=None, reverted_at=None)


def _measured(before: tuple[Measurement, ...], event: e.FlagMeasured | e.FlagUnmeasured) -> tuple[Measurement, ...]:
    others = tuple(item for item in before if item.run != event.run)
    if isinstance(event, e.FlagUnmeasured):
        return others
    new = Measurement(event.run, event.experiment, event.environment, event.rule, event.by, event.events)
    return (*others, new)


def _with(kills: tuple[Kill, ...], new: Kill) -> tuple[Kill, ...]:
    """There is one kill by hand, one of each preset, one by declaration; the first comes first, the last last."""
    others = (kill for kill in kills if (kill.declared, kill.preset) != (False, new.preset))
    return tuple(sorted((*others, new), key=lambda kill: (kill.declared, bool(kill.preset))))


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
