"""What an edit would do to players, tried before it is saved: per environment, on a population made of the rules' own
values. Called by the API, and by the page that edits a flag.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from croupier.control.flags.book import FlagBook
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.line import SEGMENT, flag_line
from croupier.core.flags.model import Flag
from croupier.core.flags.preview import Population, Preview, preview
from croupier.core.flags.sample import sample
from croupier.core.flags.snapshot import Snapshot
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.segments import AttributeMatch, Segment

PLAYERS: Final = 4_000
"""Players that an edit is tried on."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An environment in which the edit changes something, and what."""

    environment: str
    preview: Preview


async def trials(book: FlagBook, flag: Flag, now: float, *, restored: bool = False) -> tuple[Trial, ...]:
    """The environments in which the flag would answer otherwise than now: with the kills that stand and with the one
    that it declares, so that who edits a killed flag moves nobody. ``restored``: what it does once the kills of people
    and presets are undone.
    """
    state = book.state(flag.key)
    if restored and state is not None:
        state = replace(state, kills=tuple(kill for kill in state.kills if kill.declared))
    snapshots = {name: book.snapshot(name) for name in book.environments}
    return await asyncio.to_thread(_trials, state, flag, snapshots, book.segments, now)


def _trials(
    state: FlagState | None, flag: Flag, snapshots: Mapping[str, Snapshot], names: Iterable[str], now: float
) -> tuple[Trial, ...]:
    before = None if state is None or state.archived else state
    source = write_flag(flag)
    event = FlagDeclared(source, digest_of(source))
    if state is None:
        after = declare(event, version=1, actor="", at=now)
    else:
        after = evolve(state, event, version=state.version + 1, actor="", at=now)
    found: list[Trial] = []
    for name, snapshot in snapshots.items():
        old = "" if before is None else _rest(before, name)
        new = _rest(after, name)
        if _json(old) == _json(new):
            continue
        flags = [flag] if before is None else [before.flag, flag]
        players = sample(flags, _segments(snapshot, names), size=PLAYERS, seed=flag.key)
        sides = (_with(snapshot, flag.key, old), _with(snapshot, flag.key, new))
        found.append(Trial(name, preview(flag, *sides, Population(players, seen=False), lambda: now)))
    return tuple(found)


def _rest(state: FlagState, environment: str) -> str:
    return flag_line(state, environment).partition("\t")[2]


def _json(rest: str) -> str:
    return rest.partition("\t")[2]


def _with(snapshot: Snapshot, key: str, rest: str) -> Snapshot:
    """The snapshot with another line of one flag; only looked at here, so its digest may be wrong."""
    lines = dict(snapshot.lines)
    if rest:
        lines[key] = rest
    else:
        lines.pop(key, None)
    return replace(snapshot, lines=lines)


def _segments(snapshot: Snapshot, names: Iterable[str]) -> dict[str, Segment]:
    found: dict[str, Segment] = {}
    for name in names:
        matches = json.loads(_json(snapshot.lines[f"{SEGMENT}{name}"]))
        found[name] = Segment(name, tuple(AttributeMatch(attribute, tuple(values)) for attribute, values in matches))
    return found
