"""Whose consent a rollout needs, and who has given it. Pure; ``commands`` and ``decide`` ask here.

A person is the name that their token bears: two tokens of one name are one person, whatever their case. Nobody
consents to what they started themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ROLES: Final = ("operator", "admin")
"""Who may consent at all; each includes those before it."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What is needed: so many different people, each with one of the roles, or one that includes it."""

    people: int = 1
    of: tuple[str, ...] = ("operator",)


@dataclass(frozen=True, slots=True)
class Given:
    """Somebody's consent, at epoch seconds. ``step`` is the one that it lets begin; -1: the rollout itself."""

    actor: str
    role: str
    reason: str
    step: int
    at: float


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's."""
    return _person(one) == _person(other)


def includes(role: str, needed: Iterable[str]) -> bool:
    """Whether who has the role may consent where one of these is needed."""
    ranks = {name: rank for rank, name in enumerate(ROLES)}
    return role in ranks and any(name in ranks and ranks[role] >= ranks[name] for name in needed)


def people(given: Iterable[Given], step: int) -> tuple[str, ...]:
    """Who has consented to this step, each person once, in order."""
    found = {_person(each.actor): each.actor for each in reversed([*given]) if each.step == step}
    return tuple(reversed(found.values()))


def in_words(needed: Consent) -> str:
    """``one operator or admin``, ``2 different admins``."""
    named = [role for role in ROLES if includes(role, needed.of)]
    if needed.people == 1:
        return f"one {' or '.join(named)}"
    return f"{needed.people} different {' or '.join(f'{role}s' for role in named)}"


def _person(name: str) -> str:
    return name.strip().casefold()
