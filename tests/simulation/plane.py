"""A line of control planes that die: the processes of ``test_killed_planes``. Run by path: URL FOLDER NAME SEED.

The first process only begets: it imports once and forks another plane whenever one died. A plane is the real loop on
the real store; what it moves (traffic, workloads) lies in the folder, where it outlives everybody. Some end before or
after a chosen call of a port, others at any moment, by SIGKILL of their own, until a file ``calm`` is there. What they
committed and served is noted in the folder, a line each.
"""

import asyncio
import logging
import math
import os
import pickle
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from croupier.adapters.calendar import Recurrences
from croupier.adapters.clock import SystemClock
from croupier.adapters.store.spool import FileSpool
from croupier.adapters.store.sql import SqlStore, open_store
from croupier.adapters.store.sql.tables import leases
from croupier.control.ports import (
    Commit,
    Endpoint,
    Health,
    Ports,
    Query,
    ScrapeTarget,
    TrafficTable,
    VersionKey,
    WorkloadStatus,
)
from croupier.control.reconcile import Reconciler
from croupier.core.gates import EMBEDDED, Counts, Group, Reading, Sli
from croupier.core.releases import ProcessTemplate
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.smoke import CheckResult, Outcome, SmokeCheck
from croupier.testing import Moments, exposed

BROKEN = "6.6.6"
"""The version that fails whatever is asked of it."""
LEASE_S, TICK_S = 0.5, 0.05
Noted = tuple[str, Any]


class Traffic:
    """A data plane that serves what was handed over last, whoever did that."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def apply(self, table: TrafficTable) -> None:
        if table != self.table():
            note(self._folder, "served", {item.service.name: item.routes for item in table.services})
            replace(self._folder / "table", pickle.dumps(table))

    async def served(self) -> Mapping[str, ServiceRoutes]:
        return {item.service.name: item.routes for item in self.table().services}

    async def previewed(self) -> Mapping[str, str]:
        return {item.service.name: item.preview for item in self.table().services if item.preview is not None}

    def table(self) -> TrafficTable:
        with suppress(FileNotFoundError):
            found: TrafficTable = unpacked((self._folder / "table").read_bytes())
            return found
        return TrafficTable((), ())


class Running:
    """Whatever is wanted runs, at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "running"

    async def apply(self, wanted: Mapping[VersionKey, ProcessTemplate]) -> None:
        replace(self._path, pickle.dumps(frozenset(wanted)))

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        ready = WorkloadStatus(Health.READY, (Endpoint("127.0.0.1", 20_000),))
        return dict.fromkeys(self.versions(), ready)

    def versions(self) -> frozenset[VersionKey]:
        with suppress(FileNotFoundError):
            found: frozenset[VersionKey] = unpacked(self._path.read_bytes())
            return found
        return frozenset()


class Counting:
    """Every version answers everybody, but for the broken one."""

    async def read(self, query: Query) -> Reading:
        return Reading(query.since, query.until, _counted(query.canary), _counted(query.baseline))

    async def probe(
        self, sli: Sli, by: tuple[str, ...], service: str, version: str, source: str = EMBEDDED
    ) -> str | None: ...

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None: ...


def _counted(version: str | None) -> dict[Group, Counts]:
    return {(): Counts(0 if version == BROKEN else 500, 500)}


class Trying:
    """Smoke checks that pass, after a while in which one may die."""

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        await asyncio.sleep(0.05)
        return CheckResult(check.name, Outcome.PASSED)


class Noting:
    """The store; notes under which lease each commit was made."""

    def __init__(self, store: SqlStore, folder: Path) -> None:
        self._store, self._folder = store, folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, change: Commit) -> Sequence[int]:
        acts = await self._store._database.read(_newest) if change.lease is not None else 0
        seqs = await self._store.commit(change)
        if change.lease is not None:
            note(self._folder, "committed", (seqs[-1], change.lease.token, change.lease.holder, acts))
        return seqs


def _newest(connection: Connection) -> int:
    """The token of who holds, or held last, the lease."""
    return int(connection.execute(select(leases.c.token)).scalar_one())


class Last(Moments):
    """The plane ends at the moment with this number, unless it is calm by then. Before the commit with the number
    ``stalls`` it stands still, until another one acts.
    """

    def __init__(self, number: float, stalls: float, folder: Path) -> None:
        super().__init__()
        self._number, self._stalls, self._calm = number, stalls, folder / "calm"

    async def pass_one(self, name: str) -> None:
        self.passed += 1
        self._stalls -= name == "before commit"
        if self._stalls == 0:
            self._stalls = math.inf
            time.sleep(1.5 * LEASE_S)  # noqa: ASYNC251 - all of it stands still, as a virtual machine that is moved
        if self.passed >= self._number:
            die(self._calm)


def die(calm: Path) -> None:
    if not calm.exists():
        os.kill(os.getpid(), signal.SIGKILL)


def replace(path: Path, content: bytes) -> None:
    """The old or the new one, whenever somebody dies."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.rename(path)


def note(folder: Path, kind: str, what: object) -> None:
    descriptor = os.open(folder / "noted", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, pickle.dumps((kind, what)).hex().encode() + b"\n")
    os.close(descriptor)


def noted(folder: Path) -> Iterator[Noted]:
    for line in (folder / "noted").read_text().splitlines():
        yield unpacked(bytes.fromhex(line))


def unpacked(content: bytes) -> Any:
    return pickle.loads(content)  # noqa: S301 - we wrote it


def ports(store: SqlStore, folder: Path, spool: str, moments: Moments) -> Ports:
    seen = partial(exposed, moments=moments)
    own: Any = seen(Noting(store, folder))
    return Ports(
        store=own,
        leases=seen(store.leases),
        journal=own,
        spool=FileSpool(folder / f"{spool}.jsonl"),
        router=seen(Traffic(folder)),
        workloads=seen(Running(folder)),
        metrics=seen(Counting()),
        clock=SystemClock(),
        pins=own,
        almanac=Recurrences(frozenset({"production"})),
        smoke=Trying(),
    )


async def live(url: str, folder: Path, name: str, moments: Moments) -> None:
    logging.basicConfig(filename=folder / "log", level=logging.ERROR)
    store = await open_store(url)
    loop = Reconciler(ports(store, folder, name, moments), holder=f"{name}-{os.getpid()}", lease_ttl_s=LEASE_S)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await loop.run(TICK_S, stop)
    await store.close()


def beget(url: str, place: str, name: str, seed: str) -> None:
    folder, parent = Path(place), os.getppid()
    for generation in range(100_000):
        child = os.fork()
        if child == 0:
            chance = random.Random(f"{seed}.{name}.{generation}")
            at = math.exp(chance.uniform(math.log(8), math.log(600)))
            stalls = chance.randint(1, 3) if chance.random() < 0.3 else math.inf
            if chance.random() < 0.4:  # at any time, in the middle of a commit, too
                timer = threading.Timer(chance.uniform(0.05, 1.5), die, (folder / "calm",))
                timer.daemon = True
                timer.start()
                at = math.inf
            asyncio.run(live(url, folder, name, Last(at, stalls, folder)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        note(folder, "died", (name, time.time(), os.waitstatus_to_exitcode(status)))
        if (folder / "calm").exists() or os.getppid() != parent:
            return


if __name__ == "__main__":
    beget(*sys.argv[1:])
