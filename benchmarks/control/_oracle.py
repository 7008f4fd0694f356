"""What the record says that players had to get, at any time: what they saw is compared with it.

Everything is worked out from the journal's events. A share is wanted from the moment that it was recorded, and the one
before may be met until the new one was read back from the data plane, however long a dead control plane took for that.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple

from croupier.adapters.store.sql.store import SqlStore
from croupier.core.rollout.machine import evolve, opened
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.state import RolloutState, ends_rounds, routes
from croupier.core.segments import BUCKETS
from croupier.testing import version_for

NOTICED_S = 0.5
"""From what was read back of the data plane to the last of its threads that goes by it."""
DRAIN_S = 3.0
"""From the end of a version's traffic to the last socket that heard of it, on a busy machine."""


class Sighting(NamedTuple):
    """A player asked something new of a service (no round that was begun before) and this version answered. Times are
    epoch seconds.
    """

    service: str
    player: str
    version: str
    asked_at: float
    at: float


class Split(NamedTuple):
    """A call of a round was answered by another version than the one that began it."""

    id: str
    version: str
    began_at: float
    at: float
    seen: str


@dataclass(slots=True)
class Wanted:
    """A service's traffic, in force from ``since`` until something else was read back (epoch seconds)."""

    since: float
    routes: ServiceRoutes
    until: float = inf


@dataclass(slots=True)
class Course:
    """What a service's traffic was wanted to be, oldest first. ``stops`` are the canaries whose rounds had to move: the
    version, since when, and until when rounds may have begun there. ``ends`` are the last states by rollout,
    ``changes`` the shares that were read back by rollout, each other than the one before.
    """

    wanted: list[Wanted] = field(default_factory=list)
    stops: list[tuple[str, float, float]] = field(default_factory=list)
    ends: dict[str, RolloutState] = field(default_factory=dict)
    changes: dict[str, list[int]] = field(default_factory=dict)

    def explains(self, seen: Sighting) -> bool:
        """Whether the player was to have this version at any time while the answer was on its way."""
        near = self._between(seen.asked_at - NOTICED_S, seen.at)
        return any(version_for(each.routes, seen.player) == seen.version for each in near)

    def around(self, seen: Sighting) -> str:
        """What was wanted then, for whoever looks for the cause: versions, with the seconds from the asking."""
        near = self._between(seen.asked_at - 10.0, seen.at + 10.0)
        said = (
            f"{'+'.join(each.routes.assigned)} {each.since - seen.asked_at:+.2f}..{each.until - seen.asked_at:+.2f}"
            for each in near
        )
        return f"{seen.service} {seen.player}: {seen.version} after {seen.at - seen.asked_at:.2f} s; {', '.join(said)}"

    def story(self, split: Split) -> dict[str, Any]:
        """The round, and what was wanted from ten seconds before it until it came elsewhere, with the seconds from its
        beginning: for whoever looks for the cause.
        """
        wanted = [
            f"{'+'.join(each.routes.assigned)} {each.since - split.began_at:+.2f}..{each.until - split.began_at:+.2f}"
            for each in self._between(split.began_at - 10.0, split.at)
        ]
        stops = [
            f"{version} {since - split.began_at:+.2f}..{until - split.began_at:+.2f}"
            for version, since, until in self.stops
            if since - 60.0 < split.at and split.began_at < until + 60.0
        ]
        return {**split._asdict(), "wanted": wanted, "stops": stops}

    def had_left(self, version: str, at: float) -> bool:
        """Whether nobody new was led to the version at some time shortly before: its sockets may be closed."""
        return any(version not in each.routes.assigned for each in self._between(at - DRAIN_S, at))

    def may_end(self, version: str, at: float) -> bool:
        """Whether the version's processes may be asked to end: it serves nobody, no rollout is under way with it, and
        the time is over for which the one that left it keeps it.
        """
        return self.had_left(version, at) and not (self._keeps(version, at) and self._keeps(version, at - DRAIN_S))

    def _keeps(self, version: str, at: float) -> bool:
        for state in self.ends.values():
            ended, timing = inf if state.ended_at is None else state.ended_at, state.plan.timing
            wanted = ended if state.abort is None else state.abort.at
            left, kept_s = state.canary, timing.keep_canary_s
            if state.phase is Phase.SUCCEEDED:
                left, kept_s = state.stable or "", timing.keep_stable_s
            if (
                (version == state.stable and state.created_at <= at < ended)
                or (version == state.canary and state.created_at <= at < wanted)
                or (version == left and ended <= at < ended + kept_s)
            ):
                return True
        return False

    def excuses(self, split: Split) -> bool:
        """Whether a hard stop took the round away in the middle."""
        return any(
            split.version == version and since <= split.at and split.began_at <= until + NOTICED_S
            for version, since, until in self.stops
        )

    def _between(self, first: float, last: float) -> list[Wanted]:
        """What was in force then: neither time goes back in the list."""
        begin = bisect_left(self.wanted, first, key=lambda each: each.until)
        return self.wanted[begin : bisect_right(self.wanted, last, key=lambda each: each.since)]


async def courses(store: SqlStore, services: Iterable[str]) -> Mapping[str, Course]:
    """By service, from the journal alone."""
    return {service: await _course(store, service) for service in services}


async def _course(store: SqlStore, service: str) -> Course:
    ids: list[str] = []
    cursor = None
    while True:
        page = await store.rollouts(service=service, cursor=cursor, limit=100)
        ids += [stored.value.id for stored in page.items]
        if (cursor := page.next) is None:
            break
    course, looks = Course(), list[tuple[float, ServiceRoutes, bool]]()
    for name in reversed(ids):  # listed newest first
        state, events = opened(await store.history(name))
        looks.append((state.created_at, routes(state), False))
        changes = course.changes.setdefault(name, [])
        for event in events:
            before, state = state, evolve(state, event)
            confirmed = state.confirmed_at is not None and state.confirmed_at != before.confirmed_at
            looks.append((event.at, routes(state), confirmed))
            if confirmed and state.confirmed_bp is not None and state.confirmed_bp != (changes or [0])[-1]:
                changes.append(state.confirmed_bp)
        course.ends[name] = state
        if ends_rounds(state) and state.abort is not None:
            course.stops.append((state.canary, state.abort.at, state.abort.zero_at or inf))
    for at, wanted, confirmed in sorted(looks, key=lambda look: look[0]):
        if not course.wanted or course.wanted[-1].routes != wanted:
            course.wanted.append(Wanted(at, wanted))
        if confirmed:
            for each in course.wanted[:-1]:
                each.until = min(each.until, at)
    return course


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was delivered, as the record tells it."""

    weights: int
    switches: int
    aborts: int
    switched_back: int
    undone: int
    promoted: int
    by_themselves: tuple[str, ...]
    """Rollouts that were given up without anybody having asked for it."""


def delivered(found: Mapping[str, Course], by_weight: set[str], by_switch: set[str]) -> Delivered:
    """Counted over rollouts by weights and those by a switch, by id."""
    ends = {name: state for course in found.values() for name, state in course.ends.items()}
    changes = {name: each for course in found.values() for name, each in course.changes.items()}
    switched = [name for name in by_switch if BUCKETS in changes[name]]
    cause = {name: state.abort.cause for name, state in ends.items() if state.abort is not None}
    return Delivered(
        weights=sum(len(changes[name]) for name in by_weight),
        switches=len(switched),
        aborts=sum(cause.get(name) is Cause.PERSON for name in by_weight),
        switched_back=sum(cause.get(name) is Cause.PERSON for name in switched),
        undone=sum(cause.get(name) is Cause.UNDO for name in switched),
        promoted=sum(name not in cause for name in by_weight),
        by_themselves=tuple(
            f"{name}: {why}" for name, why in sorted(cause.items()) if why not in (Cause.PERSON, Cause.UNDO)
        ),
    )
