"""All flags of this process in memory: states for people, lines for clients, and what changed since when.

Filled from the store at the start and whenever the journal grows; own commits are taken in at once. A kill that could
not be recorded yet is in it too, and goes out all the same. One per process, on the event loop.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from itertools import islice
from typing import Final

from croupier.control.flags.lines import Lines
from croupier.control.flags.steps import Step, Steps, keys_of
from croupier.control.flags.tried import tried
from croupier.control.ports import Changes, Clock, FlagRecord, Store
from croupier.core.flags.events import FlagKilled
from croupier.core.flags.line import SEGMENT, segment_line
from croupier.core.flags.model import Prerequisite
from croupier.core.flags.snapshot import Delta, Snapshot
from croupier.core.flags.state import FlagState, Kill, evolve
from croupier.errors import NotFound

MOST_BYTES: Final = 256 * 1024
"""A delta may have so many; beyond, the client fetches the whole."""

_BATCH: Final = 500
"""Flags whose lines are made in one go: between two the event loop goes on."""

_RETRY_S: Final = 1.0

log = logging.getLogger("croupier.flags")


class FlagBook:
    """The flags as this process knows them. ``version`` is the ruleset's, ``lineage`` names the record it counts in.

    ``revision`` rises with every change that clients must hear of, also with one that is not recorded yet; ``changed``
    is set then and replaced by a new event: take it, look, then wait for it.
    """

    def __init__(self, store: Store, clock: Clock, environments: Sequence[str] = ("production",)) -> None:
        self.lineage = ""
        self.version = 0
        self.revision = 0
        self.changed = asyncio.Event()
        self.segments: frozenset[str] = frozenset()
        self._store = store
        self._clock = clock
        self._lines = {name: Lines(name) for name in environments}
        self._states: dict[str, FlagState] = {}
        self._keys: list[str] = []
        """Of ``_states``, in order."""
        self._early: dict[str, FlagState] = {}
        self._required_by: dict[str, dict[str, tuple[Prerequisite, ...]]] = {}
        self._steps = Steps()
        self._snapshots: dict[str, Snapshot] = {}
        self._deltas: dict[tuple[str, bool, int], Delta | None] = {}
        self._turn = asyncio.Lock()

    # --- for people --------------------------------------------------------------------------------------------------

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def state(self, key: str) -> FlagState | None:
        """The flag as it answers now, a kill that waits for its record included; archived ones too."""
        return self._early.get(key) or self._states.get(key)

    def recorded(self, key: str) -> FlagState | None:
        """The flag as it is recorded."""
        return self._states.get(key)

    def as_answered(self, recorded: FlagState) -> FlagState:
        """What is recorded, and the kill on it that waits for its record."""
        early = self._early.get(recorded.key)
        kill = early.killed_by_hand if early else None
        return recorded if kill is None else recorded.with_kill(kill)

    def states(self) -> Iterable[FlagState]:
        """All flags as they answer now, archived ones too, in no order."""
        return ({**self._states, **self._early} if self._early else self._states).values()

    def by_key(self, after: str = "") -> Iterator[FlagState]:
        """The flags after this key as they answer now, archived ones too, by key. To be read at once."""
        keys = islice(self._keys, bisect_right(self._keys, after), None)
        if not self._early:
            return map(self._states.__getitem__, keys)  # a search looks at all of them
        return (self._early.get(key) or self._states[key] for key in keys)

    def touched(self, revision: int) -> Sequence[str] | None:
        """The keys of flags and segments that changed after ``revision``; ``None``: too long ago to say."""
        steps = self._steps.after_revision(revision)
        return None if steps is None else keys_of(steps)

    def requiring(self, key: str) -> Mapping[str, Sequence[Prerequisite]]:
        """The flags that require this one, and what of it."""
        found = self._required_by.get(key, {})
        return {name: [item for item in items if item.flag == key] for name, items in found.items()}

    @property
    def unrecorded(self) -> KeysView[str]:
        """The flags whose kill waits for its record."""
        return self._early.keys()

    # --- for clients -------------------------------------------------------------------------------------------------

    def snapshot(self, environment: str) -> Snapshot:
        """All flags of the environment. Raises ``NotFound`` for an environment that there is not."""
        lines = self._of(environment)
        kept = self._snapshots.get(environment)
        if kept is None:
            kept = self._snapshots[environment] = lines.snapshot(self.lineage, self.version)
        return kept

    def since(self, environment: str, version: int) -> Delta | None:
        """What a client at ``version`` of this lineage misses. ``None``: too long ago, or so much that the whole is
        better.
        """
        return self._kept(environment, version, by_version=True)

    def news(self, environment: str, revision: int) -> Delta | None:
        """What changed after ``revision``; ``None`` as ``since``. For those who heard of everything up to there."""
        return self._kept(environment, revision, by_version=False)

    def committed_at(self, version: int) -> float | None:
        """When the version was committed (epoch seconds); ``None`` for an old one."""
        return self._steps.time_of(version)

    def newer_since(self, version: int) -> float | None:
        """Since when there is a newer version; ``None`` where there is none, or that was long ago."""
        return self._steps.time_of(version + 1) if version < self.version else None

    def _kept(self, environment: str, place: int, *, by_version: bool) -> Delta | None:
        """Many clients ask the same thing at the same time."""
        lines, question = self._of(environment), (environment, by_version, place)
        if question not in self._deltas:
            self._deltas[question] = self._delta(lines, place, by_version=by_version)
        return self._deltas[question]

    def _delta(self, lines: Lines, place: int, *, by_version: bool) -> Delta | None:
        if place > (self.version if by_version else self.revision):
            return None  # of another record, or of the future
        steps = self._steps.after_version(place) if by_version else self._steps.after_revision(place)
        if steps is None:
            return None
        since = place if by_version else (steps[0].since if steps else self.version)
        # What is not recorded yet has no version: whoever comes now has not heard of it.
        keys = dict.fromkeys((*keys_of(steps), *self._early)) if by_version else keys_of(steps)
        changed: list[str] = []
        room = MOST_BYTES
        for key in keys:
            changed.append(lines.line(key))
            room -= len(changed[-1])
            if room < 0:
                return None
        times = (*(step.at for step in steps), *(self._early[key].changed_at for key in self._early if key in keys))
        at = max(times, default=0.0)
        return Delta(lines.environment, self.lineage, since, self.version, lines.digest, tuple(changed), at)

    def _of(self, environment: str) -> Lines:
        try:
            return self._lines[environment]
        except KeyError:
            names = ", ".join(self._lines)
            raise NotFound(f"There is no environment '{environment[:60]}'.", hint=f"There are: {names}.") from None

    # --- what changes ------------------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Read what is newer. Raises ``Transient`` and ``Corrupt`` as the store does; the book then stays as it was."""
        async with self._turn:
            known = self.version
            record = await self._store.flags(after=known if self.lineage else -1)
            if record.lineage == self.lineage and record.version >= known:
                await self._take(record)
                return
            if self.lineage:
                log.warning("the record of flags is another one, or went back: reading all of it")
                record = await self._store.flags()
            await self._begin(record)

    async def take(self, record: FlagRecord) -> None:
        """Take in a commit of this process at once; what is not the next version is known already, or is read later."""
        async with self._turn:
            if (record.lineage, record.version) == (self.lineage, self.version + 1):
                await self._take(record)

    def early(self, key: str, kill: Kill) -> None:
        """Let a kill of a known flag out that is not recorded yet. It stays in force, whatever else is recorded of the
        flag (an archive, too: kills survive that), until a kill of it is recorded.
        """
        state = self._early[key] = self._killed(key, kill)
        for lines in self._lines.values():
            lines.take((lines.flag(state),))
        self._step(self.version, kill.at, (key,))

    async def follow(self, changes: Changes) -> None:
        """Read on whenever the journal grows, until cancelled. Trouble is logged and tried again."""
        async for _ in changes.subscribe():
            while not await tried(self.refresh(), "flags could not be read"):
                await self._clock.sleep(_RETRY_S)

    async def _begin(self, record: FlagRecord) -> None:
        """Everything anew, from another record."""
        made = await self._make(record)
        self._lines = {name: Lines(name) for name in self._lines}
        self._states, self._keys, self._required_by, self.segments = {}, [], {}, frozenset()
        self.lineage, self.version = record.lineage, record.version
        self._put(record, made)
        self._put_early()
        self._steps = Steps(record.version, self.revision + 1)
        self._tell()

    async def _take(self, record: FlagRecord) -> None:
        if record.version <= self.version:
            return
        made = await self._make(record)
        before, self.version = self.version, record.version
        keys = [SEGMENT + segment.name for segment, _ in record.segments] + [state.key for state in record.states]
        at = max((state.changed_at for state in record.states), default=self._clock.now())
        if any(state.key in self._early for state in record.states):
            at = self._clock.now()  # the kill went out long before; how long its record waited is no propagation
        self._put(record, made)
        self._step(before, at, (*keys, *self._put_early()))

    async def _make(self, record: FlagRecord) -> dict[str, list[str]]:
        """The lines of what changed, by environment. Made before anything of it is put in."""
        made: dict[str, list[str]] = {}
        for name, lines in self._lines.items():
            made[name] = [segment_line(segment, version) for segment, version in record.segments]
            for start in range(0, len(record.states), _BATCH):
                made[name] += [lines.flag(state) for state in record.states[start : start + _BATCH]]
                if start:
                    await asyncio.sleep(0)
        return made

    def _put(self, record: FlagRecord, made: Mapping[str, Sequence[str]]) -> None:
        self.segments |= {segment.name for segment, _ in record.segments}
        if new := [state.key for state in record.states if state.key not in self._states]:
            self._keys = sorted((*self._keys, *new))
        for state in record.states:
            self._note_requirements(state)
            self._states[state.key] = state
        for name, lines in self._lines.items():
            lines.take(made[name])

    def _put_early(self) -> list[str]:
        """Bring the kills that wait above the present version, so that no client takes anything for newer; those that
        wait no more give way to what is recorded. Their flags.
        """
        keys = list(self._early)
        for key in keys:
            early, state = self._early.pop(key), self._states.get(key)
            kill = early.killed_by_hand
            if kill is not None and state is not None and not _takes_its_place(state, early):
                self._early[key] = self._killed(key, kill)
            for lines in self._lines.values():
                now = self._early.get(key) or state
                lines.take((lines.flag(now),) if now else (), instead=True)
        return keys

    def _note_requirements(self, state: FlagState) -> None:
        before = self._states.get(state.key)
        for item in before.flag.prerequisites if before else ():
            self._required_by.get(item.flag, {}).pop(state.key, None)
        for item in () if state.archived else state.flag.prerequisites:
            self._required_by.setdefault(item.flag, {})[state.key] = state.flag.prerequisites

    def _killed(self, key: str, kill: Kill) -> FlagState:
        """The flag with the kill, under the version that its record will have at the least."""
        event = FlagKilled(kill.reason)
        return evolve(self._states[key], event, version=self.version + 1, actor=kill.actor, at=kill.at)

    def _step(self, since: int, at: float, keys: tuple[str, ...]) -> None:
        self._steps.add(Step(self.revision + 1, since, self.version, at, keys))
        self._tell()

    def _tell(self) -> None:
        """There is news for clients."""
        self.revision += 1
        self._snapshots.clear()
        self._deltas.clear()
        told, self.changed = self.changed, asyncio.Event()
        told.set()


def _takes_its_place(recorded: FlagState, early: FlagState) -> bool:
    """Whether what is recorded is, to clients that have the early kill's line, the same line or a newer one."""
    kill, waiting = recorded.killed_by_hand, early.killed_by_hand
    if kill is None or waiting is None:
        return False
    return recorded.version > early.version or (recorded.version, kill.reason) == (early.version, waiting.reason)
