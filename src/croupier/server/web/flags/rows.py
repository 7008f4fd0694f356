"""A list's rows: one flag each, in words, with what its owner should know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from croupier.core.flags.lifecycle import WARN_BEFORE_S, Why, debt
from croupier.core.flags.state import FlagState
from croupier.server.web.flags import words
from croupier.server.web.flags.index import Card
from croupier.server.web.flags.standing import Standing

Look = Literal["bad", "wait"]

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to look at: the icon, how urgent it looks, and the words."""

    icon: str
    look: Look
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One flag of a list. ``differs``: other environments answer otherwise."""

    state: FlagState
    standing: Standing
    audience: str
    differs: bool
    unrecorded: bool
    marks: tuple[Mark, ...]


def rows(cards: Sequence[Card], environment: str, unrecorded: Collection[str], now: float) -> list[Row]:
    """The rows of these cards, as the environment has the flags."""
    return [_row(card, environment, unrecorded, now) for card in cards]


def marks(state: FlagState, now: float) -> tuple[Mark, ...]:
    """Why the flag should be looked at: debt, an end that is near."""
    if state.archived:
        return ()
    found = [_mark(item.why, now - item.since) for item in debt((state,), now)]
    until = state.expires_at
    if until is not None and now < until <= now + WARN_BEFORE_S and state.reverted_at is None:
        found.append(Mark("clock", "wait", f"expires in {days(until - now)}"))
    return tuple(found)


def days(seconds: float) -> str:
    """Whole days in words, down to "less than a day"."""
    whole = int(seconds // _DAY_S)
    return "less than a day" if whole == 0 else "1 day" if whole == 1 else f"{whole} days"


def _row(card: Card, environment: str, unrecorded: Collection[str], now: float) -> Row:
    state = card.state
    there = state.flag.in_environment(environment)
    differs = any(state.flag.in_environment(name) != there for name in card.standings)
    standing = card.standings[environment]
    return Row(state, standing, words.audience(state.flag, there), differs, state.key in unrecorded, marks(state, now))


def _mark(why: Why, age_s: float) -> Mark:
    match why:
        case Why.REVERTED | Why.EXPIRED:
            return Mark("clock", "bad", f"expired {days(age_s)} ago")
        case Why.KILLED:
            return Mark("clock", "wait", f"killed for {days(age_s)}")
        case Why.FULL:
            return Mark("warn", "wait", f"debt: the same for everybody for {days(age_s)}")
        case Why.UNASKED:
            return Mark("warn", "wait", "debt: nobody asks for it")
