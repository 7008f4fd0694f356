"""Reads of the record: entries, proofs, a rollout's history, and the check of everything against everything."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Select, select

from croupier.adapters.store import codec, flag_codec
from croupier.adapters.store.sql.append import read_nodes
from croupier.adapters.store.sql.fingerprint import stored_rows
from croupier.adapters.store.sql.flags import all_states as all_flags
from croupier.adapters.store.sql.listings import checked
from croupier.adapters.store.sql.paging import paged
from croupier.adapters.store.sql.tables import head, journal, nodes, rollouts
from croupier.core.journal.entry import Entry, Recorded
from croupier.core.journal.merkle import Node, Position, Read, TreeHead
from croupier.core.journal.proof import consistency_proof, inclusion_proof
from croupier.core.journal.verify import ROLLOUT, Discrepancy, Held, Verification, verify
from croupier.core.rollout.events import Event
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt, Rejected

T = TypeVar("T")

_SLICE: Final = 8
"""Entries per query of a long read. A gate's look is tens of kilobytes, which take a millisecond and more to read: so
many hold the event loop up for little, and with it the control loop and every abort.
"""
_LEVELS: Final = 63
"""A tree of 64-bit sequence numbers has no more levels."""

_ENTRIES: Final = select(journal, nodes.c.hash.label("leaf_hash")).outerjoin(
    nodes, (nodes.c.last_leaf == journal.c.seq) & (nodes.c.level == 0)
)


def entries(connection: Connection, after: int, limit: int, subject: str | None) -> Sequence[Recorded]:
    """Entries with ``seq > after``, oldest first."""
    query = _of_subject(subject).where(journal.c.seq > after)
    rows = paged(connection, query, journal.c.seq, size=min(checked(limit), _SLICE))
    return [_recorded(row) for row in islice(rows, limit)]


def latest(connection: Connection, limit: int, subject: str | None) -> Sequence[Recorded]:
    """The newest entries, newest first."""
    query = _of_subject(subject).order_by(journal.c.seq.desc())
    return [_recorded(row) for row in connection.execute(query.limit(checked(limit)))]


def tree_head(connection: Connection) -> TreeHead:
    """Size and root as the last commit left them."""
    row = connection.execute(select(head.c.size, head.c.root).where(head.c.id == 1)).one()
    return TreeHead(row.size, row.root)


def prove_inclusion(connection: Connection, seq: int, size: int) -> Sequence[bytes]:
    """The proof that entry ``seq`` is in the tree of the first ``size`` entries."""
    _check_size(connection, size)
    return _built(connection, lambda read: inclusion_proof(seq, size, read))


def prove_consistency(connection: Connection, first: int, second: int) -> Sequence[bytes]:
    """The proof that the tree of ``second`` entries starts with that of ``first``."""
    _check_size(connection, second)
    return _built(connection, lambda read: consistency_proof(first, second, read))


def history(connection: Connection, rollout_id: str) -> Sequence[Event]:
    """The rollout's events, oldest first."""
    query = select(journal.c.seq, journal.c.body).where(journal.c.subject == f"{ROLLOUT}{rollout_id}")
    return [
        codec.EVENT.load(event, f"entry {row.seq}")
        for row in paged(connection, query, journal.c.seq, size=_SLICE)
        for event in _said(row.body, row.seq)[0]
    ]


def verify_all(connection: Connection) -> Verification:
    """Check the whole record, as one snapshot sees it."""
    unreadable: list[Discrepancy] = []
    held = Held(
        tree_head(connection), _all_states(connection, unreadable), all_flags(connection), stored_rows(connection)
    )
    nodes_in_order = _all_nodes(connection, unreadable)
    checked_record = verify(
        _all_entries(connection), nodes_in_order, held, codec.EVENT.load, flag_codec.FLAG_EVENT.load
    )
    return replace(checked_record, discrepancies=(*checked_record.discrepancies, *unreadable))


def _of_subject(subject: str | None) -> Select[Any]:
    return _ENTRIES if subject is None else _ENTRIES.where(journal.c.subject == subject)


def _recorded(row: Row[Any]) -> Recorded:
    if row.leaf_hash is None:
        raise Corrupt(f"entry {row.seq} of the journal has no leaf in the tree.", hint="Run 'croupier journal verify'.")
    return Recorded(row.seq, _entry(row, *_said(row.body, row.seq)), row.body, row.leaf_hash)


def _entry(row: Row[Any], events: tuple[dict[str, Any], ...], rows: dict[str, str]) -> Entry:
    return Entry(row.at, row.actor, row.action, row.subject, events, row.reason, rows)


def _said(body: bytes, seq: int) -> tuple[tuple[dict[str, Any], ...], dict[str, str]]:
    """The events and the rows' digests of an entry's bytes."""
    whole = codec.parse(body, "entry", f"journal {seq}")
    events, rows = whole.get("events"), whole.get("rows", {})
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Corrupt(f"entry {seq} of the journal has no list of events.", hint="Run 'croupier journal verify'.")
    if not isinstance(rows, dict):
        raise Corrupt(f"entry {seq} of the journal has no digests of rows.", hint="Run 'croupier journal verify'.")
    return tuple(events), rows


def _check_size(connection: Connection, size: int) -> None:
    present = tree_head(connection).size
    if size > present:
        raise Rejected(f"the journal has {present} entries, not {size}.", hint="Ask for a size that it has had.")


def _built(connection: Connection, build: Callable[[Read], T]) -> T:
    """Build a proof. Which nodes it reads does not depend on what they are: so a dry run names them for one query."""
    wanted: list[Position] = []

    def note(level: int, index: int) -> bytes:
        wanted.append(Position(level, index))
        return b""

    build(note)
    found = read_nodes(connection, wanted)

    def read(level: int, index: int) -> bytes:
        node = found.get(Position(level, index))
        if node is None:
            raise Corrupt(f"node {level}/{index} of the journal's tree is missing.", hint="Restore a backup.")
        return node

    return build(read)


def _all_entries(connection: Connection) -> Iterator[Recorded]:
    """Every row as it is, be it as odd as it may: what does not fit is for the check to say."""
    for row in paged(connection, _ENTRIES, journal.c.seq, size=_SLICE):
        try:
            events, rows = _said(row.body, row.seq)
        except Corrupt:
            events, rows = (), {}
        yield Recorded(row.seq, _entry(row, events, rows), row.body, row.leaf_hash or b"")


def _all_nodes(connection: Connection, unreadable: list[Discrepancy]) -> Iterator[Node]:
    """In the order of completion, which is that of the primary key."""
    for row in paged(connection, select(nodes), nodes.c.last_leaf, nodes.c.level):
        if 0 <= row.level < _LEVELS and (row.last_leaf + 1) % (1 << row.level) == 0:
            yield Node(Position(row.level, ((row.last_leaf + 1) >> row.level) - 1), row.hash)
        else:
            text = "no subtree of that level ends at that leaf."
            unreadable.append(Discrepancy(f"node of level {row.level} at leaf {row.last_leaf}", text))


def _all_states(connection: Connection, unreadable: list[Discrepancy]) -> Iterator[RolloutState]:
    """States that can be read; those whose other columns say something else are reported, too."""
    for row in paged(connection, select(rollouts), rollouts.c.id):
        place = f"rollout {row.id}"
        try:
            state = codec.STATE.decode(row.state, place)
        except Corrupt as error:
            unreadable.append(Discrepancy(place, str(error)))
            continue
        said = (row.id, row.service, row.phase, row.active, row.created_at)
        if said != (state.id, state.service, state.phase, state.phase.active, state.created_at):
            unreadable.append(Discrepancy(place, "the columns of its row are not those of its state."))
        yield state
