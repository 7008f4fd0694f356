"""Appends entries to the journal and their nodes to the tree, inside a commit's transaction; nothing else does."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, or_, select, update

from croupier.adapters.store.sql.tables import head, journal, nodes
from croupier.core.journal.entry import Entry
from croupier.core.journal.merkle import Frontier, Node, Position, TreeHead, frontier_positions, leaf_hash
from croupier.errors import Corrupt, Rejected

MOST_BYTES: Final = 1 << 20
"""An entry's canonical form may have so many bytes."""

_BATCH: Final = 500
"""Entries per statement: between two the event loop goes on."""


def lock_head(connection: Connection) -> TreeHead:
    """Take the place at the journal's end, waiting for the writer before. On SQLite the transaction has it already."""
    row = connection.execute(select(head.c.size, head.c.root).where(head.c.id == 1).with_for_update()).one()
    return TreeHead(row.size, row.root)


def append(connection: Connection, before: TreeHead, entries: Sequence[Entry]) -> list[int]:
    """Write the entries behind the locked head; their sequence numbers."""
    frontier = _frontier(connection, before)
    for start in range(0, len(entries), _BATCH):
        rows: list[dict[str, Any]] = []
        completed: list[Node] = []
        for entry in entries[start : start + _BATCH]:
            body = canonical_bytes(entry, frontier.size)
            rows.append(_row(frontier.size, entry, body))
            frontier, added = frontier.append(leaf_hash(body))
            completed.extend(added)
        connection.execute(insert(journal), rows)
        connection.execute(insert(nodes), [_node_row(node) for node in completed])
    after = frontier.head
    connection.execute(update(head).where(head.c.id == 1).values(size=after.size, root=after.root))
    return list(range(before.size, after.size))


def canonical_bytes(entry: Entry, seq: int) -> bytes:
    """The entry's leaf; ``Rejected`` where it has no canonical form, is too large, or holds what a column cannot."""
    try:
        body = entry.leaf(seq)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"this entry cannot be recorded: {error}.", hint="Use finite numbers and valid text.") from None
    if len(body) > MOST_BYTES:
        raise Rejected(f"this entry has {len(body)} bytes, {MOST_BYTES} are the most.", hint="Record a digest instead.")
    if any("\x00" in text for text in (entry.actor, entry.action, entry.subject, entry.reason)):
        raise Rejected("this entry cannot be recorded: its text holds a NUL character.", hint="Leave it out.")
    return body


def _row(seq: int, entry: Entry, body: bytes) -> dict[str, Any]:
    return {
        "seq": seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "body": body,
    }


def _node_row(node: Node) -> dict[str, Any]:
    return {"last_leaf": node.position.last_leaf, "level": node.position.level, "hash": node.hash}


def read_nodes(connection: Connection, wanted: Sequence[Position]) -> dict[Position, bytes]:
    """The stored nodes at these positions, by one query through the primary key; those that are missing are missing."""
    if not wanted:
        return {}
    # Not (last_leaf, level) IN (...): SQLite would scan the table for that.
    places = (and_(nodes.c.last_leaf == position.last_leaf, nodes.c.level == position.level) for position in wanted)
    rows = connection.execute(select(nodes).where(or_(*places)))
    found = {(row.last_leaf, row.level): bytes(row.hash) for row in rows}
    keys = ((position, (position.last_leaf, position.level)) for position in wanted)
    return {position: found[key] for position, key in keys if key in found}


def _frontier(connection: Connection, before: TreeHead) -> Frontier:
    """The frontier of the tree so far, from its stored nodes. It must give the stored root, to be built upon."""
    wanted = frontier_positions(before.size)
    found = read_nodes(connection, wanted)
    frontier = Frontier(before.size, tuple(found.get(position, b"") for position in wanted))
    if frontier.head != before:
        raise Corrupt(
            f"the journal's tree of {before.size} entries does not give its stored root.",
            hint="Run 'croupier journal verify'; restore a backup if it was tampered with.",
        )
    return frontier
