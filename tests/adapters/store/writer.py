"""Writes rollouts to a store until it is killed: the processes that ``test_crashes`` kills. Run by path: URL NAME.

The first process only begets: it imports once and forks a new writer whenever one died, until its own end. After each
commit the writer says its pid and the sequence number, so that the test knows what was promised to be on disk.
"""

import asyncio
import os
import sys
from dataclasses import asdict

from croupier.adapters.store.sql import open_store
from croupier.control.ports import Commit, Stored
from croupier.core.journal.entry import Entry
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.spec import Plan, SetWeight

PLAN = Plan(steps=(SetWeight(500), SetWeight(2_500)), guards=(), gates=())


async def write(url: str, name: str) -> None:
    store = await open_store(url)
    for number in range(1_000_000):
        created = e.Created(f"{name}-{number}", name, None, "1.0.0", "sha256:1", PLAN, 1.0)
        state = create(created)
        story: tuple[e.Event, ...] = (
            created,
            e.StepStarted(0, 2.0),
            e.WeightConfirmed(500, 3.0),
            e.StepStarted(1, 4.0),
        )
        for version, event in enumerate(story):
            state = state if event is created else evolve(state, event)
            entry = Entry(event.at, name, "act", f"rollout/{state.id}", (asdict(event),))
            (seq,) = await store.commit(Commit((entry,), now=event.at, rollouts=(Stored(state, version),)))
            os.write(1, f"{os.getpid()} {seq}\n".encode())


def beget(url: str, name: str) -> None:
    for generation in range(1_000):
        child = os.fork()
        if child == 0:
            asyncio.run(write(url, f"{name}x{generation}"))
        os.waitpid(child, 0)


beget(*sys.argv[1:])
