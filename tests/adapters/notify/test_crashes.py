"""``kill -9`` of the process that tells, and a receiver that fails: every notice arrives all the same."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from tests.adapters.notify.receiver import Receiver

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.ports import Commit, Stored
from croupier.core.journal.entry import Entry
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Plan, SetWeight

TELLER = Path(__file__).parent / "teller.py"
ROLLOUTS = 30
PATIENCE_S = 120.0


@asynccontextmanager
async def telling(store_url: str, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TELLER), store_url, url), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE_S) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()


async def test_no_notice_is_lost(tmp_path: Path, receiver: Receiver) -> None:
    chance = random.Random(7)
    receiver.status = 200
    url = f"sqlite:///{tmp_path}/croupier.db"
    store = await open_store(url)
    wanted: set[str] = set()
    try:
        async with telling(url, receiver.url):
            pass  # its bookmark stands at the beginning
        for _ in range(6):
            async with telling(url, receiver.url):
                for _ in range(ROLLOUTS // 6):
                    number = len(wanted) // 2 + 1
                    await _story(store, f"shop-{number}")
                    wanted |= {f"shop-{number} asked", f"shop-{number} given"}
                    receiver.status = chance.choice((200, 200, 200, 500))
                await asyncio.sleep(chance.uniform(0, 0.05))  # waits for nothing: where the blow falls is chance
        receiver.status = 200
        async with telling(url, receiver.url):
            async with asyncio.timeout(PATIENCE_S):
                while not wanted <= _heard(receiver):
                    await asyncio.sleep(0.02)
    finally:
        await store.close()
    order = [one for one in dict.fromkeys(_told(receiver)) if one.endswith("given")]
    assert order == sorted(order, key=lambda one: int(one.split()[0].removeprefix("shop-")))


def _heard(receiver: Receiver) -> set[str]:
    return set(_told(receiver))


def _told(receiver: Receiver) -> list[str]:
    texts = [json.loads(got.body)["text"].split() for got in list(receiver.got)]
    return [f"{text[1]} {'asked' if 'asked' in text else 'given'}" for text in texts]


async def _story(store: SqlStore, rollout: str) -> None:
    """A rollout that begins and is given up."""
    now = time.time()
    created = e.Created(rollout, "shop", "1.0.0", "1.1.0", "sha256:1", Plan((SetWeight(500),), (), ()), now)
    given_up = e.AbortStarted(Cause.PERSON, "enough", now)
    state = create(created)
    entry = Entry(now, "anna", "start", f"rollout/{rollout}", (asdict(created),))
    await store.commit(Commit((entry,), now, rollouts=(Stored(state, 0),)))
    entry = Entry(now, "anna", "abort", f"rollout/{rollout}", (asdict(given_up),))
    await store.commit(Commit((entry,), now, rollouts=(Stored(evolve(state, given_up), 1),)))
