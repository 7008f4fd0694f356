"""Several control planes on one database: commits stand in one line, a lease has one winner, nothing forks."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Answer, Lease, Stored
from croupier.core.rollout import events as e
from croupier.errors import Conflict, Fenced

ENGINES = 4
EACH = 15


async def test_concurrent_commits_leave_no_gap_and_one_tree(open_another: Any, story: Any) -> None:
    stores: list[SqlStore] = [await open_another() for _ in range(ENGINES)]

    async def write(store: SqlStore, name: str) -> list[int]:
        return [seq for number in range(EACH) for seq in await store.commit(story.beginning(f"{name}-{number}"))]

    written = await asyncio.gather(
        *(write(store, f"s{number}x{task}") for number, store in enumerate(stores) for task in range(2))
    )
    assert sorted(seq for seqs in written for seq in seqs) == list(range(ENGINES * 2 * EACH))
    verification = await stores[0].verify()
    assert verification.discrepancies == ()
    assert {(await store.head()) for store in stores} == {verification.head}


async def test_of_many_writers_of_one_version_one_wins(open_another: Any, story: Any) -> None:
    stores: list[SqlStore] = [await open_another() for _ in range(ENGINES)]
    await stores[0].commit(story.beginning("payments-1"))
    stored = await story.read(stores[0], "payments-1")
    results = await asyncio.gather(
        *(store.commit(story.change(stored, e.StepStarted(0, 2.0))) for store in stores), return_exceptions=True
    )
    assert [type(item) for item in results if isinstance(item, BaseException)] == [Conflict] * (ENGINES - 1)
    assert (await story.read(stores[0], "payments-1")).version == 2
    assert (await stores[0].head()).size == 2


async def test_of_many_requests_with_one_key_one_is_done(open_another: Any, story: Any) -> None:
    stores: list[SqlStore] = [await open_another() for _ in range(ENGINES)]
    answer = Answer("key", "f", 201, "", 1.0)
    changes = [replace(story.beginning(f"payments-{number}"), answer=answer) for number in range(ENGINES)]
    results = await asyncio.gather(
        *(store.commit(change) for store, change in zip(stores, changes, strict=True)), return_exceptions=True
    )
    assert sum(isinstance(item, Conflict) for item in results) == ENGINES - 1
    assert len((await stores[0].rollouts()).items) == 1


async def test_a_lease_has_one_winner_each_time(open_another: Any) -> None:
    stores: list[SqlStore] = [await open_another() for _ in range(ENGINES)]
    tokens = []
    for turn in range(10):
        taken = await asyncio.gather(
            *(store.leases.acquire("control", f"holder-{i}", 1.0, now=turn * 2.0) for i, store in enumerate(stores))
        )
        winners = [lease for lease in taken if lease is not None]
        assert len(winners) == 1
        tokens.append(winners[0].token)
    assert tokens == list(range(1, 11))


async def test_a_lease_taken_over_fences_commits_in_flight(open_another: Any, story: Any) -> None:
    """Two planes take the lease from each other while both write: every commit is its holder's, tokens in order."""
    stores: list[SqlStore] = [await open_another() for _ in range(2)]
    clock = 0.0
    outcome: Counter[str] = Counter()

    async def act(store: SqlStore, holder: str) -> None:
        nonlocal clock
        for _ in range(30):
            clock += 0.6
            lease: Lease | None = await store.leases.acquire("control", holder, 1.0, now=clock)
            if lease is None:
                outcome["waited"] += 1
                continue
            await asyncio.sleep(0)
            try:
                await store.commit(story.note(f"token/{lease.token}", at=clock, lease=lease))
                outcome["wrote"] += 1
            except Fenced:
                outcome["fenced"] += 1

    await asyncio.gather(act(stores[0], "a"), act(stores[1], "b"))
    tokens = [int(item.entry.subject.removeprefix("token/")) for item in await stores[0].entries(limit=1_000)]
    assert tokens == sorted(tokens), "nobody wrote with an old token after a newer one"
    assert outcome["wrote"] == len(tokens) > 0


async def test_a_cancelled_commit_harms_nobody(store: SqlStore, story: Any) -> None:
    """A request's client hangs up at any moment."""
    for number in range(30):
        task = asyncio.create_task(store.commit(story.beginning(f"payments-{number}")))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.commit(story.note())
    verification = await store.verify()
    assert verification.discrepancies == ()
    assert verification.head.size >= 30


async def test_reading_goes_on_beside_a_long_writer(store: SqlStore, open_another: Any, story: Any) -> None:
    await store.commit(story.beginning("payments-1"))
    reader: SqlStore = await open_another()
    tasks = [asyncio.create_task(store.commit(story.note())) for _ in range(20)]
    while not all(task.done() for task in tasks):
        assert await reader.rollout("payments-1") == Stored((await story.read(reader, "payments-1")).value, 1)
    await asyncio.gather(*tasks)
