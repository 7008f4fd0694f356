import asyncio
import gc
from typing import Any

import pytest

from croupier.adapters.store.sql import SqlStore, changes
from croupier.adapters.store.sql.commit import record
from croupier.errors import Transient


async def until(condition: Any) -> None:
    """Wait for a condition, ten seconds at most."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_reader_that_never_reads_holds_nobody_up(store: SqlStore, story: Any) -> None:
    idle, busy = store.subscribe(), store.subscribe()
    for seq in range(50):
        await store.commit(story.note())
        assert await asyncio.wait_for(anext(busy), 120) == seq
    assert await asyncio.wait_for(anext(idle), 120) == 49, "it skipped what it missed"


async def test_a_reader_hears_what_happens_before_it_starts_to_read(store: SqlStore, story: Any) -> None:
    """Read the page, subscribe, read on: nothing may fall between."""
    subscription = store.subscribe()
    await store.commit(story.note())
    await store.commit(story.note())
    assert await asyncio.wait_for(anext(subscription), 120) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # PostgreSQL's looks after its readers now and then
async def test_the_watcher_runs_while_somebody_listens(store: SqlStore, story: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(changes, "POLL_S", 0.01)
    watched = store._changes
    subscription = store.subscribe()
    watcher = watched._watcher
    assert watcher is not None
    assert not watcher.done()
    del subscription
    gc.collect()
    await until(watcher.done)
    again = store.subscribe()
    await store.commit(story.note())
    assert await asyncio.wait_for(anext(again), 120) == 0
    assert watched._watcher is not watcher


@pytest.mark.parametrize("trouble", [Transient("the database is away"), ValueError("a mistake of ours")], ids=repr)
async def test_a_watcher_that_fails_tries_again(
    store: SqlStore, story: Any, monkeypatch: Any, trouble: Exception
) -> None:
    """A commit of another process is heard although the first look for it failed."""
    monkeypatch.setattr(changes, "POLL_S", 0.01)
    look, failed = store._changes._read_newest, asyncio.Event()

    async def fails_once() -> int:
        if not failed.is_set():
            failed.set()
            raise trouble
        return await look()

    monkeypatch.setattr(store._changes, "_read_newest", fails_once)
    subscription = store.subscribe()
    await failed.wait()
    await store._database.write(lambda connection: _commit_unheard(connection, story))
    assert await asyncio.wait_for(anext(subscription), 120) == 0


def _commit_unheard(connection: Any, story: Any) -> None:
    record(connection, story.note())
