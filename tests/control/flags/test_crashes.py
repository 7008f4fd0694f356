"""``kill -9`` between a kill and its record: who was told that a flag is killed was told the truth."""

import asyncio
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from croupier.adapters.clock import SystemClock
from croupier.adapters.store.spool import FileKillSpool
from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.flags.flags import Flags
from croupier.core.flags.read import read_flag
from croupier.core.flags.ruleset import Ruleset

KILLER = Path(__file__).parent / "killer.py"
ROUNDS, FLAGS = 3, 10


@asynccontextmanager
async def killer(url: str, spool: Path, first: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(KILLER), url, str(spool), str(first), str(first + FLAGS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        yield process
        process.stdin.write(b"\n")  # the blow falls in the middle of one that nobody is told of
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the group is ours alone: start_new_session
        await process.wait()


async def said(process: asyncio.subprocess.Process, count: int) -> list[tuple[str, str]]:
    """What the process says of its next kills, which are asked of it now."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n" * count)
    lines = [await asyncio.wait_for(process.stdout.readline(), 120) for _ in range(count)]
    return [(key, how) for key, how in (line.decode().split() for line in lines)]


def flags_on(store: SqlStore, spool: Path) -> Flags:
    return Flags.of(store, store, FileKillSpool(spool), SystemClock(), ("production",))


def answers(flags: Flags, keys: list[str]) -> set[Any]:
    ruleset = Ruleset(flags.book.snapshot("production"), lambda: 0.0)
    return {ruleset.outcome(key, {}).variant for key in keys}


@pytest.mark.timeout(900)
async def test_what_was_killed_stays_killed_whenever_the_process_dies(tmp_path: Path) -> None:
    """The store is locked now and then by somebody else, so that kills are recorded, waiting, or both, at the blow."""
    chance = random.Random(13)
    file, spool = tmp_path / "croupier.db", tmp_path / "kills.jsonl"
    store = await open_store(f"sqlite:///{file}")
    try:
        keys = [f"flag-{number}" for number in range(ROUNDS * FLAGS)]
        first = flags_on(store, spool)
        await first.start()
        await first.changes.declare([read_flag({"feature": key, "default": "on"}) for key in keys], actor="anna")
        promised: list[tuple[str, str]] = []
        for number in range(ROUNDS):
            other = sqlite3.connect(file, isolation_level=None, timeout=120, check_same_thread=False)
            async with killer(f"sqlite:///{file}", spool, number * FLAGS) as process:
                promised += await said(process, chance.randint(1, 4))
                await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # the heir before may hold it, in this loop
                promised += await said(process, chance.randint(1, 4))
                if chance.random() < 0.5:
                    other.execute("ROLLBACK")
                    promised += await said(process, 1)
            other.close()
            heir = flags_on(store, spool)
            await heir.start()
            told = [key for key, _ in promised]
            assert answers(heir, told) == {"off"}, "before anything of it is recorded"
            await heir.changes.kills.settle()
            assert answers(heir, told) == {"off"}
            assert not FileKillSpool(spool).pending()
        assert {how for _, how in promised} == {"recorded", "early"}
        for key, _ in promised:
            events = [
                event["type"] for item in await store.entries(subject=f"flag/{key}") for event in item.entry.events
            ]
            assert events == ["flag_declared", "flag_killed"], key
        assert (await store.verify()).discrepancies == ()
    finally:
        await store.close()
