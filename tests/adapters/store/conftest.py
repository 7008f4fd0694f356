"""A store on SQLite and on a real PostgreSQL, fresh for each test; another one is another engine, as a process has.

``story`` writes rollouts down as the control plane does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

import pytest

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.ports import Commit, Lease, Stored
from croupier.core.journal.entry import Entry
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.spec import Plan, SetWeight
from croupier.core.rollout.state import RolloutState

Open = Callable[[], Awaitable[SqlStore]]


class Story:
    """Rollouts of a service, told in commits."""

    plan = Plan(steps=(SetWeight(500), SetWeight(2_500)), guards=(), gates=())

    def entry(self, subject: str, *events: e.Event, at: float = 1.0, reason: str = "") -> Entry:
        return Entry(at, "anna", "act", subject, tuple(asdict(event) for event in events), reason)

    def note(self, text: str = "release/payments/1.1.0", *, at: float = 1.0, lease: Lease | None = None) -> Commit:
        """A commit of one entry and nothing else."""
        return Commit((self.entry(text, at=at),), now=at, lease=lease)

    def created(self, rollout_id: str, *, at: float = 1.0) -> e.Created:
        service = rollout_id.rsplit("-", 1)[0]
        return e.Created(rollout_id, service, "1.0.0", "1.1.0", "sha256:1", self.plan, at)

    def beginning(self, rollout_id: str, *, at: float = 1.0) -> Commit:
        created = self.created(rollout_id, at=at)
        entry = self.entry(f"rollout/{rollout_id}", created, at=at)
        return Commit((entry,), now=at, rollouts=(Stored(create(created), 0),))

    def change(self, stored: Stored[RolloutState], *events: e.Event, lease: Lease | None = None) -> Commit:
        state = stored.value
        for event in events:
            state = evolve(state, event)
        entry = self.entry(f"rollout/{state.id}", *events, at=events[-1].at)
        return Commit((entry,), now=events[-1].at, rollouts=(Stored(state, stored.version),), lease=lease)

    async def read(self, store: SqlStore, rollout_id: str) -> Stored[RolloutState]:
        stored = await store.rollout(rollout_id)
        assert stored is not None
        return stored


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/croupier.db"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture
async def open_another(store_url: str) -> AsyncIterator[Open]:
    """Opens stores on the test's database, each with connections of its own; closes them at the end."""
    async with AsyncExitStack() as stack:

        async def opened() -> SqlStore:
            store = await open_store(store_url)
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest.fixture
async def store(open_another: Open) -> SqlStore:
    """An open, empty store."""
    return await open_another()
