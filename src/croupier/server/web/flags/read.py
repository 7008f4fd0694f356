"""What the pages of flags show, from the process's own memory; only the history comes from the store.

So the kill button is found, and works, while the database is down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from croupier.control.ports import Recorded
from croupier.core.flags import cel
from croupier.core.flags.diff import diff
from croupier.core.flags.lifecycle import Debt, debt
from croupier.core.flags.model import Flag, Rule, Targeting
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.core.segments import BUCKETS
from croupier.errors import CroupierError, NotFound, Transient
from croupier.server.api.flag_views import by_preset, declaration
from croupier.server.context import Context, context_of
from croupier.server.web.flags import words
from croupier.server.web.flags.index import Index
from croupier.server.web.flags.standing import Standing, standing
from croupier.server.web.read import in_time

LATEST: Final = 30
"""Entries of a flag's history on its page."""

_HAPPENED: Final = {
    "flag_killed": "killed: it answers its safe value everywhere",
    "flag_restored": "restored: a kill is undone",
    "flag_renewed": "renewed",
    "flag_warned": "its owner was warned that it expires",
    "flag_reverted": "expired: it returned to its safe value",
    "flag_archived": "archived: clients know it no more",
    "flag_measured": "an experiment on it started: clients report what it deals",
    "flag_unmeasured": "the experiment on it is over",
}


_OF_KILLS: Final = ("flag_declared", "flag_killed", "flag_restored")
"""What kills a flag, or undoes a kill."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a flag does in one or several environments alike. ``overridden``: otherwise than where nothing is said."""

    environments: tuple[str, ...]
    standing: Standing
    audience: str
    there: Targeting
    overridden: bool

    @property
    def open(self) -> bool:
        """Whether some players are left for the default."""
        return not any(rule.rollout == BUCKETS and not rule.condition for rule in self.there.rules)


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a flag's history, or a preset's, in words."""

    at: float
    seq: int
    actor: str
    reason: str
    version: int | None
    text: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlagSight:
    """One flag's page. ``stale``: the database does not answer, so there is no history."""

    state: FlagState
    places: tuple[Place, ...]
    standing: Standing
    unrecorded: bool
    debts: tuple[Debt, ...]
    requiring: tuple[str, ...]
    history: tuple[Happened, ...]
    now: float
    stale: bool = False

    @property
    def flag(self) -> Flag:
        return self.state.flag

    @property
    def declaration(self) -> Mapping[str, Any]:
        """As people write it."""
        return declaration(self.state)


def index_of(request: Request) -> Index:
    """The cards of the application that serves this request."""
    found: Index | None = getattr(request.app.state, "flag_index", None)
    if found is None:
        found = request.app.state.flag_index = Index(context_of(request).flags.book)
    return found


Cards = Annotated[Index, Depends(index_of)]


def known(here: Context, key: str) -> FlagState:
    """The flag as it answers now, an archived one too. Raises ``NotFound``."""
    state = here.flags.book.state(key)
    if state is None:
        raise NotFound(f"There is no flag '{key[:128]}'.", hint="The list of flags shows what there is.")
    return state


async def sight(here: Context, key: str) -> FlagSight:
    """One flag with its latest history. Raises ``NotFound``."""
    state, book, now = known(here, key), here.flags.book, here.ports.clock.now()
    history: Sequence[Happened] = ()
    stale = False
    try:
        history = past(await in_time(here.ports.journal.latest(LATEST + 1, f"flag/{key}")), state)
    except Transient:
        stale = True
    return FlagSight(
        state=state,
        places=places(state, book.environments),
        standing=overall(state, book.environments),
        unrecorded=key in book.unrecorded,
        debts=debt((state,), now),
        requiring=tuple(sorted(book.requiring(key))),
        history=tuple(history[:LATEST]),
        now=now,
        stale=stale,
    )


def places(state: FlagState, environments: Sequence[str]) -> tuple[Place, ...]:
    """What it does where; environments that are alike together."""
    flag, plain = state.flag, state.flag.in_environment(None)
    alike: list[tuple[Targeting, list[str]]] = []
    for name in environments:
        there = flag.in_environment(name)
        same = next((names for other, names in alike if other == there), None)
        if same is None:
            alike.append((there, [name]))
        else:
            same.append(name)
    return tuple(
        Place(tuple(names), standing(state, names[0]), words.audience(flag, there), there, there != plain)
        for there, names in alike
    )


def overall(state: FlagState, environments: Sequence[str]) -> Standing:
    """One word for all environments: partly where they differ."""
    found = {standing(state, name) for name in environments}
    return found.pop() if len(found) == 1 else Standing.PARTLY


def past(entries: Sequence[Recorded], state: FlagState | None = None) -> tuple[Happened, ...]:
    """The entries (newest first) in words, newest first; a declaration with what it changed. ``state`` is the flag's
    after them, if they are its newest: of the last kill that was undone it says which others stand.
    """
    found: list[Happened] = []
    before: Flag | None = None
    for recorded in reversed(entries):
        entry = recorded.entry
        for event in entry.events:
            changes: tuple[str, ...] = ()
            if (after := _declared(event)) is not None:
                changes, before = tuple(line.replace(" -> ", " → ") for line in diff(before, after)), after
            told, version = event.get("at"), event.get("version")
            found.append(
                Happened(
                    at=float(told) if isinstance(told, int | float) else entry.at,
                    seq=recorded.seq,
                    actor=entry.actor,
                    reason=entry.reason,
                    version=version if isinstance(version, int) else None,
                    text=_said(event, changes) + (f" ({by})" if (by := by_preset(event, entry)) else ""),
                    changes=changes if len(changes) > 1 else (),
                )
            )
    return tuple(reversed(_with_others(found, entries, state)))


def _with_others(found: list[Happened], entries: Sequence[Recorded], state: FlagState | None) -> list[Happened]:
    """Oldest first: what was restored last, with the kills that keep the flag killed all the same."""
    kinds = [str(event.get("type")) for recorded in reversed(entries) for event in recorded.entry.events]
    last = max((place for place, kind in enumerate(kinds) if kind in _OF_KILLS), default=None)
    if state is None or not state.kills or last is None or kinds[last] != "flag_restored":
        return found
    others = " and by ".join(kill.text for kill in state.kills)
    found[last] = replace(found[last], text=f"{found[last].text}; the flag stays killed, by {others}")
    return found


def asked(flag: Flag) -> tuple[str, ...]:
    """The attributes that its rules read, by name; what players are known by comes first."""
    by = keys_of(flag)
    read: set[str] = set()
    for rule in _all_rules(flag):
        if rule.condition:
            try:
                read |= cel.attributes(cel.parse(rule.condition))
            except cel.CelError:
                continue
    return (*by, *sorted(read - set(by)))


def keys_of(flag: Flag) -> tuple[str, ...]:
    """The attributes that players are known by to this flag."""
    bucketings = (flag.bucketing, *(rule.bucketing for rule in _all_rules(flag)))
    return tuple(dict.fromkeys(item.by or "targetingKey" for item in bucketings if item is not None))


def _all_rules(flag: Flag) -> list[Rule]:
    return [*flag.rules, *(rule for item in flag.environments.values() for rule in item.rules or ())]


def _declared(event: Mapping[str, Any]) -> Flag | None:
    try:
        return read_flag(event["source"]) if event.get("type") == "flag_declared" else None
    except (CroupierError, KeyError, TypeError):  # of a later version than ours
        return None


def _said(event: Mapping[str, Any], changes: Sequence[str]) -> str:
    told = str(event.get("type"))
    if told != "flag_declared":
        return _HAPPENED.get(told, told)
    if len(changes) == 1:
        return changes[0]
    return f"{len(changes)} changes" if changes else "declared, with nothing changed"
