"""What grows with the journal's size must be logarithmic: seen by SQLite's plans, since time proves nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Answer, Commit, Sample
from croupier.core.rollout import events as e


@pytest.fixture
def asked(store: SqlStore) -> list[tuple[str, Any]]:
    """The reads and writes that reach the database from now on."""
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            found.append((statement, parameters))

    engine = store._database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    return found


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # PostgreSQL's planner scans what is small, rightly
async def test_nothing_reads_a_table_from_end_to_end(store: SqlStore, asked: list[tuple[str, Any]], story: Any) -> None:
    for number in range(8):
        await store.commit(story.beginning(f"payments-{number}", at=float(number)))
    await store.commit(Commit((story.entry("release/payments/1.1.0"),), 5.0, answer=Answer("k", "f", 200, "", 5.0)))
    page = await store.rollouts(limit=2)
    lease = await store.leases.acquire("control", "a", 10.0, now=1.0)
    asked.clear()
    await store.commit(story.change(await story.read(store, "payments-1"), e.StepStarted(0, 2.0), lease=lease))
    await store.inclusion_proof(3, 9)
    await store.consistency_proof(3, 9)
    await store.rollouts(cursor=page.next, limit=2)
    await store.rollouts(service="payments", cursor=page.next, limit=2)
    await store.active()
    await store.history("payments-1")
    await store.entries(after=3, subject="rollout/payments-1")
    await store.answer("k")
    await store.release("payments", "1.1.0")
    await store.releases(service="payments")
    await store.samples("payments-1")
    await store.add_samples([Sample("payments-1", "deposits", "1.1.0", True, 1.0, 1, 1)])
    assert len(asked) > 15
    for statement, parameters in asked:
        plans = await store._database.read(_explain(statement, parameters))
        whole = [plan for plan in plans if plan.startswith("SCAN") and "USING" not in plan]
        assert whole == [], statement


def _explain(statement: str, parameters: Any) -> Callable[[Any], list[str]]:
    def read(connection: Any) -> list[str]:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    return read


async def test_a_commit_reads_few_nodes_and_asks_few_questions(
    store: SqlStore, asked: list[tuple[str, Any]], story: Any
) -> None:
    """The same number of statements behind one entry and behind hundreds."""
    counts = []
    for size in (1, 255, 300):
        missing = size - (await store.head()).size
        await store.commit(Commit(tuple(story.entry("release/payments/1.1.0") for _ in range(missing)), 1.0))
        asked.clear()
        await store.commit(story.note())
        counts.append(len([statement for statement, _ in asked if "pg_notify" not in statement]))
    assert counts == [3, 3, 3], "the head, the frontier, the new head"
