"""The store on SQL as one object: the ports ``Store``, ``Journal``, ``Changes``, ``Tokens`` and ``Bookmarks``, and
``leases`` beside.

Each method is one transaction; what it does is a function in the module of its name.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, text

from croupier.adapters.store.sql import bookmarks, commit, experiments, flags, journal, leases, listings, pins, samples
from croupier.adapters.store.sql.changes import Changes, Subscription
from croupier.adapters.store.sql.database import Database, parse_url
from croupier.adapters.store.sql.schema import migrate_database
from croupier.control.ports import (
    Answer,
    Bookmark,
    Commit,
    Document,
    FlagRecord,
    Lease,
    Page,
    Recorded,
    Sample,
    ServiceState,
    Stored,
    Token,
    TreeHead,
    Verification,
)
from croupier.control.ports.experiments import Batch, Point
from croupier.control.ports.pins import Moved, Pin, PinReport, VersionPins
from croupier.core.experiments import Run, Tally
from croupier.core.flags.preset import PresetState
from croupier.core.releases import Release
from croupier.core.rollout.events import Event
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.pins import PinnedId
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt


async def open_store(url: str) -> "SqlStore":
    """The store at a URL (``sqlite:///PATH``, ``sqlite:///:memory:``, ``postgresql://...``), its schema up to date.

    Raises ``Rejected`` for a URL or a schema that this version cannot use, ``Transient`` where nothing answers.
    """
    database = Database(parse_url(url))
    try:
        await migrate_database(database)
        if database.sqlite:
            await database.read(_require_sound)
    except BaseException:
        await database.close()
        raise
    return SqlStore(database)


def _require_sound(connection: Connection) -> None:
    """SQLite reads what it can of a damaged file without a word; better not to start than to decide on half of it."""
    found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise Corrupt(
            f"The database is damaged: {found}", hint="Bring a good copy back; nothing was changed. Traffic goes on."
        )


class SqlLeases:
    """``Leases`` on the store's database; an object of its own, since ``release`` is a read of ``Store``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, name: str, holder: str, ttl_s: float, now: float) -> Lease | None:
        return await self._database.write(partial(leases.acquire, name=name, holder=holder, ttl_s=ttl_s, now=now))

    async def release(self, lease: Lease) -> None:
        await self._database.write(partial(leases.release, lease=lease))


class SqlStore:
    """The control plane's memory on one database. Safe for many tasks at once; ``close`` it at the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = Changes(database, self._newest)
        self.leases = SqlLeases(database)

    async def close(self) -> None:
        """End subscriptions and close every connection."""
        await self._changes.close()
        await self._database.close()

    # --- Store -------------------------------------------------------------------------------------------------------

    async def commit(self, change: Commit) -> Sequence[int]:
        seqs = await self._database.write(partial(commit.record, change=change))
        self._changes.tell(seqs[-1])
        return seqs

    async def rollout(self, rollout_id: str) -> Stored[RolloutState] | None:
        return await self._database.read(partial(listings.rollout, rollout_id=rollout_id))

    async def rollouts(
        self,
        *,
        service: str | None = None,
        phases: Sequence[Phase] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Stored[RolloutState]]:
        work = partial(listings.list_rollouts, service=service, phases=phases, cursor=cursor, limit=limit)
        return await self._database.read(work)

    async def active(self) -> Sequence[Stored[RolloutState]]:
        return await self._database.read(listings.active)

    async def services(self) -> Sequence[Stored[ServiceState]]:
        return await self._database.read(listings.list_services)

    async def documents(self, kind: str | None = None) -> Sequence[Stored[Document]]:
        return await self._database.read(partial(listings.list_documents, kind=kind))

    async def release(self, service: str, version: str) -> Release | None:
        return await self._database.read(partial(listings.release, service=service, version=version))

    async def releases(
        self, *, service: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Release]:
        return await self._database.read(partial(listings.list_releases, service=service, cursor=cursor, limit=limit))

    async def history(self, rollout_id: str) -> Sequence[Event]:
        return await self._database.read(partial(journal.history, rollout_id=rollout_id))

    async def flags(self, after: int = -1) -> FlagRecord:
        return await self._database.read(partial(flags.read_record, after=after), snapshot=True)

    async def presets(self) -> Sequence[Stored[PresetState]]:
        return await self._database.read(flags.list_presets)

    async def answer(self, key: str) -> Answer | None:
        return await self._database.read(partial(listings.answer, key=key))

    async def add_samples(self, new: Sequence[Sample]) -> None:
        await self._database.write(partial(samples.add, new=new), durable=False)

    async def samples(self, rollout_id: str, *, since: float = 0.0) -> Sequence[Sample]:
        return await self._database.read(partial(samples.read, rollout=rollout_id, since=since))

    # --- Journal -----------------------------------------------------------------------------------------------------

    async def entries(self, after: int = -1, limit: int = 100, subject: str | None = None) -> Sequence[Recorded]:
        return await self._database.read(partial(journal.entries, after=after, limit=limit, subject=subject))

    async def latest(self, limit: int = 100, subject: str | None = None) -> Sequence[Recorded]:
        return await self._database.read(partial(journal.latest, limit=limit, subject=subject))

    async def head(self) -> TreeHead:
        return await self._database.read(journal.tree_head)

    async def inclusion_proof(self, seq: int, size: int) -> Sequence[bytes]:
        return await self._database.read(partial(journal.prove_inclusion, seq=seq, size=size))

    async def consistency_proof(self, first: int, second: int) -> Sequence[bytes]:
        return await self._database.read(partial(journal.prove_consistency, first=first, second=second))

    async def verify(self) -> Verification:
        return await self._database.read(journal.verify_all, snapshot=True)

    # --- Changes -----------------------------------------------------------------------------------------------------

    def subscribe(self) -> Subscription:
        return self._changes.subscribe()

    async def _newest(self) -> int:
        return (await self.head()).size - 1

    # --- RunLedger ---------------------------------------------------------------------------------------------------

    async def begin_run(self, run: Run) -> None:
        await self._database.write(partial(experiments.begin, run=run))

    async def runs(self, experiment: str | None = None, limit: int = 100) -> Sequence[Run]:
        return await self._database.read(partial(experiments.listed, experiment=experiment, limit=limit))

    async def count(self, run_id: str, batch: Batch) -> Tally | None:
        return await self._database.write(partial(experiments.count, run_id=run_id, batch=batch), durable=False)

    async def points(self, run_id: str) -> Sequence[Point]:
        return await self._database.read(partial(experiments.course, run_id=run_id))

    async def end_run(self, run_id: str, at: float, by: str, withheld: str = "") -> Run | None:
        return await self._database.write(partial(experiments.end, run_id=run_id, at=at, by=by, withheld=withheld))

    async def drop_run(self, run_id: str) -> None:
        await self._database.write(partial(experiments.drop, run_id=run_id))

    # --- PinLedger ---------------------------------------------------------------------------------------------------

    async def report_pins(self, reports: Sequence[PinReport]) -> None:
        await self._database.write(partial(pins.report, reports=reports), durable=False)

    async def open_pins(self, now: float, heard_s: float) -> Sequence[VersionPins]:
        return await self._database.read(partial(pins.standing, now=now, heard_s=heard_s))

    async def unnamed_pins(self, service: str, now: float, limit: int) -> Sequence[PinnedId]:
        return await self._database.read(partial(pins.unnamed, service=service, now=now, limit=limit))

    async def leave_pins(self, service: str, version: str, by: float | None) -> None:
        await self._database.write(partial(pins.leave, service=service, version=version, by=by))

    async def move_pins(
        self,
        service: str,
        version: str,
        rollout: str,
        why: str,
        now: float,
        *,
        due: bool,
        begun_by: float | None = None,
    ) -> Moved:
        work = partial(
            pins.move, service=service, version=version, rollout=rollout, why=why, now=now, due=due, begun_by=begun_by
        )
        return await self._database.write(work)

    async def pins(
        self, service: str, *, moved_by: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[Pin]:
        work = partial(pins.listed, service=service, moved_by=moved_by, cursor=cursor, limit=limit)
        return await self._database.read(work)

    async def forget_pins(self, now: float, moved_before: float) -> None:
        await self._database.write(partial(pins.forget, now=now, moved_before=moved_before), durable=False)

    # --- Tokens ------------------------------------------------------------------------------------------------------

    async def tokens(self) -> Sequence[Token]:
        return await self._database.read(listings.list_tokens)

    # --- Bookmarks ---------------------------------------------------------------------------------------------------

    async def bookmarks(self) -> Sequence[Bookmark]:
        return await self._database.read(bookmarks.read)

    async def keep_bookmark(self, bookmark: Bookmark) -> None:
        await self._database.write(partial(bookmarks.keep, bookmark=bookmark))
