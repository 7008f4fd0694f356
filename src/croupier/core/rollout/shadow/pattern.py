"""Places in a JSON body, and which of them an ignore rule means.

A place is what a report calls it: ``$.rounds[*].id``, whatever the position in the list. A rule is written the same
way, with ``*`` for any name and ``..`` for any depth. Pure; called by the check and by the differ.
"""

import re
from functools import lru_cache
from typing import Final, TypeAlias

Place: TypeAlias = tuple[str, ...]
"""Names, and ``[*]`` for a position in a list."""

ANY_ITEM: Final = "[*]"
_DEEP: Final = ".."
_PART: Final = re.compile(
    r"""(\.\.)(?=[^.\[\]])|\.?(\[(?:\*|\d{1,6})\])|\.?\[(?:'([^']+)'|"([^"]+)")\]|\.?([^.\[\]'"]+)"""
)

_ID: Final = re.compile(r"\d+|[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|.*@.*", re.DOTALL)


@lru_cache(maxsize=512)
def pattern(text: str) -> Place | None:
    """The parts of a rule; ``None`` where it is none. ``$`` may be left out."""
    rest = text.removeprefix("$")
    parts: list[str] = []
    at = 0
    while at < len(rest):
        found = _PART.match(rest, at)
        if found is None or found.end() == at:
            return None
        deep, item, single, double, name = found.groups()
        parts.append(_DEEP if deep else ANY_ITEM if item else next(each for each in (single, double, name) if each))
        at = found.end()
    return tuple(parts) if parts and parts[-1] != _DEEP else None


def means(rule: Place, place: Place) -> bool:
    """Whether the rule means the place, or something that it lies in."""
    if not rule:
        return True
    if rule[0] == _DEEP:
        return any(means(rule[1:], place[index:]) for index in range(len(place)))
    if not place or not (rule[0] == place[0] or (rule[0] == "*" and place[0] != ANY_ITEM)):
        return False
    return means(rule[1:], place[1:])


def named(place: Place) -> str:
    """The same, without names that name one thing: a mapping by player would be a place a player."""
    return written(tuple("{id}" if _ID.fullmatch(part) else part for part in place))


def written(place: Place) -> str:
    """The place as a report names it."""
    parts = [part if part == ANY_ITEM else f".{part}" if part.isidentifier() else f"[{part!r}]" for part in place]
    return "$" + "".join(parts)
