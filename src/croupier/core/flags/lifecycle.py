"""A flag's end: whom to warn, what returns to its safe variant, and which flags are debt.

Pure. Called by the periodic task of the control plane, and by whoever lists what is stale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from croupier.core.flags.events import FlagEvent, FlagReverted, FlagWarned
from croupier.core.flags.model import OnExpiry
from croupier.core.flags.state import FlagState
from croupier.core.flags.types import DAY_S, DUTIES

WARN_BEFORE_S: Final = 14 * DAY_S
"""So long before the expiry the owner is told."""


@dataclass(frozen=True, slots=True)
class Patience:
    """After how long something counts as debt, in seconds."""

    full_s: float = 30 * DAY_S
    killed_s: float = 14 * DAY_S
    unasked_s: float = 30 * DAY_S


class Why(StrEnum):
    """Why a flag is debt, the most urgent first."""

    REVERTED = "reverted"
    EXPIRED = "expired"
    KILLED = "killed"
    FULL = "full"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Debt:
    """One reason why the flag should be looked at, and since when (epoch seconds) it holds."""

    key: str
    owner: str
    why: Why
    since: float
    text: str


def due(state: FlagState, now: float, *, warn_before_s: float = WARN_BEFORE_S) -> tuple[FlagEvent, ...]:
    """What the time has brought about: the warning once before the expiry, and at the expiry either the return to the
    safe variant or one more warning. A killed flag keeps its time: restored, it is as old as it is.
    """
    expires_at = state.expires_at
    if expires_at is None or state.archived or state.reverted_at is not None or now < expires_at - warn_before_s:
        return ()
    if now < expires_at:
        return () if state.warned_at is not None else (FlagWarned(expires_at),)
    if state.flag.on_expiry is OnExpiry.REVERT:
        return (FlagReverted(),)
    told = state.warned_at is not None and state.warned_at >= expires_at
    return () if told else (FlagWarned(expires_at),)


def next_due(state: FlagState, now: float, *, warn_before_s: float = WARN_BEFORE_S) -> float | None:
    """When ``due`` has to be asked again (epoch seconds), if nothing else happens to the flag; ``None``: never."""
    if due(state, now, warn_before_s=warn_before_s):
        return now
    expires_at = state.expires_at
    if expires_at is None or state.archived or state.reverted_at is not None or now >= expires_at:
        return None
    return expires_at - warn_before_s if now < expires_at - warn_before_s else expires_at


def debt(
    states: Iterable[FlagState],
    now: float,
    *,
    asked_at: Mapping[str, float] | None = None,
    patience: Patience = Patience(),
) -> tuple[Debt, ...]:
    """Why flags should be looked at, by urgency and then by age. ``asked_at`` says when each was last evaluated, if
    that is known at all; a flag that it does not name was never.
    """
    found = [each for state in states if not state.archived for each in _debt_of(state, now, asked_at, patience)]
    order = list(Why)
    return tuple(sorted(found, key=lambda each: (order.index(each.why), each.since, each.key)))


def _debt_of(state: FlagState, now: float, asked_at: Mapping[str, float] | None, patience: Patience) -> Iterable[Debt]:
    def owed(why: Why, since: float, text: str) -> Debt:
        return Debt(state.key, state.flag.owner, why, since, text)

    if state.reverted_at is not None:
        yield owed(
            Why.REVERTED, state.reverted_at, "It expired and returned to its safe variant: remove it, or renew it."
        )
    elif state.expires_at is not None and state.expires_at <= now:
        yield owed(Why.EXPIRED, state.expires_at, "It expired: remove it, or renew it.")
    killed_at = min((kill.at for kill in state.kills), default=now)
    if state.kills and now - killed_at >= patience.killed_s:
        yield owed(Why.KILLED, killed_at, f"It has been killed for {_days(now - killed_at)}: restore it, or remove it.")
    # Permission and ops flags are kept for good: everybody having them is no reason to remove them.
    goes = DUTIES[state.flag.type].expires and state.killed is None and state.reverted_at is None
    if goes and state.full_since is not None and now - state.full_since >= patience.full_s:
        text = f"Everybody has had it for {_days(now - state.full_since)}: remove it from the code."
        yield owed(Why.FULL, state.full_since, text)
    if asked_at is not None:
        asked = asked_at.get(state.key)
        last = state.created_at if asked is None else asked
        if now - last >= patience.unasked_s:
            what = (
                "Nobody has ever asked for it" if asked is None else f"Nobody has asked for it for {_days(now - last)}"
            )
            yield owed(Why.UNASKED, last, f"{what}: is it still in the code?")


def _days(seconds: float) -> str:
    days = int(seconds // DAY_S)
    return "1 day" if days == 1 else f"{days} days"
