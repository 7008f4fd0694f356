"""``kill -9`` of a writing process, many times: what was promised stays, and what stays is whole."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.core.rollout.machine import replay

WRITER = Path(__file__).parent / "writer.py"
KILLS = 24


class Writer:
    """A line of writing processes, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self._lines = process.stdout
        self.pid = 0

    async def commits(self, count: int) -> int:
        """Wait for so many commits of the present writer; the last sequence number that it promised."""
        seq = -1
        for _ in range(count):
            line = await asyncio.wait_for(self._lines.readline(), 120)
            assert line, "the writer ended by itself"
            self.pid, seq = map(int, line.split())
        return seq

    async def kill(self) -> int:
        """Kill the present writer and wait for the next one's first commit; the last one promised by the dead."""
        dead, promised = self.pid, -1
        os.kill(dead, signal.SIGKILL)
        while self.pid == dead:
            seq = await self.commits(1)
            promised = max(promised, seq) if self.pid == dead else promised
        return promised


@asynccontextmanager
async def writer(url: str, name: str) -> AsyncIterator[Writer]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(WRITER), url, name), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        yield Writer(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the group is ours alone: start_new_session
        await process.wait()


async def seqs(store: SqlStore) -> int:
    return (await store.head()).size - 1


@pytest.mark.timeout(900)
async def test_a_killed_writer_leaves_a_whole_record(store_url: str) -> None:
    """Two writers at a time, so that one is often in the middle of a commit, waiting for its place or syncing."""
    chance = random.Random(2026)
    store = await open_store(store_url)
    try:
        async with writer(store_url, "a") as one, writer(store_url, "b") as other:
            for kill in range(KILLS):
                victim = (one, other)[kill % 2]
                await victim.commits(chance.randint(1, 12))
                await asyncio.sleep(chance.uniform(0, 0.01))  # waits for nothing: where the blow falls is chance
                promised = await victim.kill()
                assert await seqs(store) >= promised, "a commit that was reported is on disk"
        verification = await store.verify()
        assert verification.discrepancies == ()
        assert verification.head == await store.head()
        assert verification.rollouts > KILLS
        for stored in (await store.rollouts(limit=1_000)).items:
            assert stored.value == replay(await store.history(stored.value.id))
    finally:
        await store.close()
