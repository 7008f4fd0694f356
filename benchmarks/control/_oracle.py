"""Which version the record says that a player had to get, at any time: what players saw is compared with it."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from casino.players.figures import Move
from croupier.adapters.store.sql.store import SqlStore
from croupier.core.rollout.machine import evolve, opened
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.state import routes
from croupier.testing import version_for

NOTICED_S = 1.5
"""From a decision to the last answer of a request that was sent before it was served."""


@dataclass(slots=True)
class Course:
    """What a service's traffic was wanted to be, and since when (epoch seconds), oldest first."""

    since: list[float] = field(default_factory=list)
    wanted: list[ServiceRoutes] = field(default_factory=list)

    def explains(self, at: float, player: str, version: str) -> bool:
        """Whether the player was to have this version at that time, or shortly before."""
        first, last = bisect_right(self.since, at - NOTICED_S) - 1, bisect_right(self.since, at)
        return any(version_for(each, player) == version for each in self.wanted[max(first, 0) : last])


async def courses(store: SqlStore, services: Iterable[str]) -> Mapping[str, Course]:
    """By service, from the journal alone."""
    found = {service: Course() for service in services}
    for service, course in found.items():
        changes: list[tuple[float, ServiceRoutes]] = []
        cursor = None
        while True:
            page = await store.rollouts(service=service, cursor=cursor, limit=100)
            for stored in page.items:
                state, events = opened(await store.history(stored.value.id))
                changes.append((state.created_at, routes(state)))
                for event in events:
                    state = evolve(state, event)
                    changes.append((event.at, routes(state)))
            if (cursor := page.next) is None:
                break
        for at, wanted in sorted(changes, key=lambda change: change[0]):
            if not course.wanted or course.wanted[-1] != wanted:
                course.since.append(at)
                course.wanted.append(wanted)
    return found


def unexplained(moves: Iterable[Move], found: Mapping[str, Course]) -> list[Move]:
    """Moves of players to a version that the record did not give them then."""
    return [move for move in moves if not found[move.service].explains(move.at, move.player, move.after)]
