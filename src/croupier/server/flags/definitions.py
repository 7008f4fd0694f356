"""Flags as a flagd definition: the document, made once per state of the flags. Served by ``flagd`` and ``sync``."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from croupier.adapters.imports import Fate, export_flagd
from croupier.control.flags.book import FlagBook
from croupier.core.flags.line import SEGMENT
from croupier.core.flags.snapshot import Snapshot
from croupier.core.segments import AttributeMatch, Segment

Fractional: TypeAlias = Literal[1, 2, 3]
"""Which of flagd's three incompatible ways of bucketing will evaluate the document."""

NEWEST: Final[Fractional] = 3

_log = logging.getLogger("croupier.server")


@dataclass(slots=True)
class Definitions:
    """The document of each environment, for each kind of reader. Writing many flags takes a while: in a thread."""

    book: FlagBook
    _kept: dict[tuple[str, Fractional], tuple[int, str]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, environment: str, fractional: Fractional) -> str:
        """The document, at least as new as the book is now. Raises ``NotFound``."""
        wanted, place = self.book.revision, (environment, fractional)
        self.book.snapshot(environment)  # there is such an environment
        async with self._making:
            kept = self._kept.get(place)
            if kept is None or kept[0] < wanted:
                revision, snapshot = self.book.revision, self.book.snapshot(environment)
                text, left_out = await asyncio.to_thread(_written, self.book, snapshot, fractional)
                self._tell(environment, left_out)
                kept = self._kept[place] = revision, text
        return kept[1]

    def _tell(self, environment: str, left_out: set[str]) -> None:
        """Say once of each flag that flagd does not get."""
        new = sorted(left_out - self._told)
        self._told |= left_out
        if new:
            named = ", ".join(new[:5]) + "…" * (len(new) > 5)
            words = (
                "flags of %s that flagd's definition cannot hold ('croupier flag export --format flagd' says why): %s"
            )
            _log.warning(words, environment, named)


def _written(book: FlagBook, snapshot: Snapshot, fractional: Fractional) -> tuple[str, set[str]]:
    """The document, and the keys of the flags that it cannot hold."""
    states = list(book.states())
    document, notes = export_flagd(states, snapshot.environment, _segments(snapshot.lines), fractional=fractional)
    document["metadata"] = {"flagSetId": snapshot.environment, "version": snapshot.position}
    left_out = {note.flag for note in notes if note.fate is Fate.LEFT_OUT}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")), left_out


def _segments(lines: Mapping[str, str]) -> dict[str, Segment]:
    found: dict[str, Segment] = {}
    for key, rest in lines.items():
        if key.startswith(SEGMENT):
            name = key.removeprefix(SEGMENT)
            matches = json.loads(rest.partition("\t")[2])
            found[name] = Segment(
                name, tuple(AttributeMatch(attribute, tuple(values)) for attribute, values in matches)
            )
    return found
