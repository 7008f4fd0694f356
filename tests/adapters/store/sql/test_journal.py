"""Long reads of the journal come in slices, so that the event loop goes on between two."""

from typing import Any

from sqlalchemy import event

from croupier.adapters.store.sql import SqlStore, journal
from croupier.core.rollout import events as e


async def test_slices_make_a_whole(store: SqlStore, story: Any) -> None:
    await store.commit(story.beginning("payments-1"))
    confirmed = [e.WeightConfirmed(500, float(at)) for at in range(3 * journal._SLICE)]
    await store.commit(story.change(await story.read(store, "payments-1"), e.StepStarted(0, 0.5)))
    for item in confirmed:
        await store.commit(story.change(await story.read(store, "payments-1"), item))
        await store.commit(story.note())
    assert (await store.history("payments-1"))[2:] == confirmed
    everything = await store.entries(limit=1_000)
    for limit in (1, journal._SLICE, journal._SLICE + 1, 2 * journal._SLICE, 1_000):
        assert await store.entries(after=1, limit=limit) == everything[2:][:limit]
        ours = [recorded for recorded in everything if recorded.entry.subject == "rollout/payments-1"]
        assert await store.entries(limit=limit, subject="rollout/payments-1") == ours[:limit]


async def test_no_query_brings_more_than_a_slice(store: SqlStore, story: Any) -> None:
    await store.commit(story.beginning("payments-1"))
    for _ in range(3 * journal._SLICE):
        await store.commit(story.note())
    asked: list[str] = []
    engine = store._database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda _1, _2, statement, *_: asked.append(statement))
    await store.entries(limit=1_000)
    reads = [statement for statement in asked if "journal" in statement]
    assert len(reads) >= 3
    assert all("LIMIT" in statement for statement in reads)
