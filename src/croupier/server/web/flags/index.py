"""All flags in the order of their keys, ready to be searched: a list of 50,000 must not be made anew for each look.

One per process, on the event loop; a flag's card is made once per change of the flag.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from croupier.control.flags.book import FlagBook
from croupier.core.flags.lifecycle import debt
from croupier.core.flags.model import FlagType
from croupier.core.flags.state import FlagState
from croupier.server.web.flags.standing import Standing, standing

MANY: Final = 2_000
"""From so many new cards on they are made beside the event loop."""


class Only(StrEnum):
    """Which flags a list shows."""

    ALL = ""
    ON = "on"
    PARTLY = "partly"
    OFF = "off"
    KILLED = "killed"
    EXPIRED = "expired"
    DEBT = "debt"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Card:
    """One flag as lists need it. ``text`` is what a search looks at."""

    state: FlagState
    text: str
    standings: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a list is to show: the words of ``q`` are all in the key, the description, the owner or a tag."""

    q: str = ""
    type: FlagType | None = None
    only: Only = Only.ALL
    environment: str = ""

    def takes(self, card: Card, now: float) -> bool:
        """Whether the flag is to be shown."""
        return (
            (self.type is None or card.state.flag.type is self.type)
            and self._stands(card, now)
            and all(word in card.text for word in self.q.lower().split())
        )

    def _stands(self, card: Card, now: float) -> bool:
        state = card.state
        match self.only:
            case Only.ARCHIVED:
                return state.archived
            case Only.ALL:
                return not state.archived
            case Only.EXPIRED:
                return not state.archived and state.expires_at is not None and state.expires_at <= now
            case Only.DEBT:
                return bool(debt((state,), now))
            case _:
                return not state.archived and card.standings[self.environment].value == self.only.value


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a list: ``first`` is the place of its first flag among ``total``; ``next`` the key to go on after."""

    cards: Sequence[Card]
    first: int
    total: int
    next: str | None


class Index:
    """The cards of all flags of the book."""

    def __init__(self, book: FlagBook) -> None:
        self._book = book
        self._revision = -1
        self._cards: dict[str, Card] = {}
        self._sorted: Sequence[Card] = ()
        self._killed: Sequence[FlagState] = ()
        self._turn = asyncio.Lock()

    async def cards(self) -> Sequence[Card]:
        """Every flag's card, archived ones too, by key."""
        async with self._turn:
            if self._revision != self._book.revision:
                revision, states = self._book.revision, tuple(self._book.states())
                new = [state for state in states if self._is_new(state)]
                environments = self._book.environments
                if len(new) > MANY:
                    made = await asyncio.to_thread(_made, new, environments)
                else:
                    made = _made(new, environments)
                self._cards |= made
                self._sorted = tuple(sorted(self._cards.values(), key=lambda card: card.state.key))
                self._killed = _killed(self._sorted)
                self._revision = revision
            return self._sorted

    async def killed(self) -> Sequence[FlagState]:
        """The flags that are killed, latest first."""
        await self.cards()
        return self._killed

    async def find(self, wish: Wish, *, after: str | None, limit: int, now: float) -> Found:
        """The page of the list that begins after the key."""
        cards = [card for card in await self.cards() if wish.takes(card, now)]
        start = 0 if after is None else bisect_right(cards, after, key=lambda card: card.state.key)
        shown = cards[start : start + limit]
        following = shown[-1].state.key if start + limit < len(cards) else None
        return Found(shown, start + 1, len(cards), following)

    def _is_new(self, state: FlagState) -> bool:
        card = self._cards.get(state.key)
        return card is None or card.state is not state


def _made(states: Iterable[FlagState], environments: Sequence[str]) -> dict[str, Card]:
    return {state.key: _card(state, environments) for state in states}


def _card(state: FlagState, environments: Sequence[str]) -> Card:
    flag = state.flag
    text = "\n".join((flag.key, flag.description, flag.owner, *flag.tags)).lower()
    return Card(state, text, {name: standing(state, name) for name in environments})


def _killed(cards: Iterable[Card]) -> Sequence[FlagState]:
    """Latest first."""
    found = [(card.state.killed.at, card.state) for card in cards if card.state.killed and not card.state.archived]
    return [state for _, state in sorted(found, key=lambda item: item[0], reverse=True)]
