"""Flags in the database: the ruleset's version, the states that count in it, and presets.

Writes happen inside a commit's transaction, behind the journal's lock: so versions follow one another without a gap.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store import codec, flag_codec
from croupier.adapters.store.sql.paging import paged
from croupier.adapters.store.sql.tables import documents, flag_segments, flags, presets, ruleset
from croupier.control.ports import Commit, Document, FlagRecord, Stored
from croupier.core.flags.preset import PresetState
from croupier.core.flags.state import FlagState
from croupier.core.journal.flags import FLAG
from croupier.core.segments import Segment
from croupier.errors import Conflict, Corrupt, Rejected

_BATCH: Final = 500
"""Flags per statement: between two the event loop goes on."""


def put_flags(connection: Connection, change: Commit) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Write the flags and note the segments under the ruleset's next version; the other rows that this writes."""
    segments = [item.value for item in change.documents if isinstance(item.value.spec, Segment)]
    if not (change.flags or segments or change.ruleset is not None):
        return
    row = connection.execute(select(ruleset).where(ruleset.c.id == 1)).one()
    if change.ruleset not in (None, row.version):
        raise Conflict(
            f"the flags are at version {row.version}, not at {change.ruleset}.", hint="Read them again, then decide."
        )
    version = row.version + 1
    _check(change, version)
    _write(connection, change.flags)
    for segment in segments:
        yield flag_segments, _note(connection, segment, version)
    connection.execute(update(ruleset).where(ruleset.c.id == 1).values(version=version))
    yield ruleset, {"id": 1, "lineage": row.lineage, "version": version}


def _check(change: Commit, version: int) -> None:
    """Each flag stands under the version that it is written at, and has its own entry, where ``verify`` looks."""
    subjects = {entry.subject for entry in change.entries}
    for state in change.flags:
        if change.ruleset is None or state.version != version:
            raise Rejected(f"flag {state.key} is to be written under version {version}, not {state.version}.")
        if f"{FLAG}{state.key}" not in subjects:
            raise Rejected(
                f"flag {state.key} changes without an entry of its own.",
                hint=f"Add one with the subject '{FLAG}{state.key}' and the events.",
            )


def _write(connection: Connection, states: Sequence[FlagState]) -> None:
    fresh = _dialect(connection).insert(flags)
    written = {name: fresh.excluded[name] for name in ("version", "state")}
    statement = fresh.on_conflict_do_update(index_elements=["key"], set_=written)
    for start in range(0, len(states), _BATCH):
        some = states[start : start + _BATCH]
        rows = [{"key": state.key, "version": state.version, "state": flag_codec.encode_flag(state)} for state in some]
        connection.execute(statement, rows)


def _note(connection: Connection, segment: Document, version: int) -> dict[str, Any]:
    row = {"name": segment.name, "version": version}
    fresh = _dialect(connection).insert(flag_segments).values(row)
    connection.execute(fresh.on_conflict_do_update(index_elements=["name"], set_={"version": version}))
    return row


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def read_record(connection: Connection, after: int) -> FlagRecord:
    """The flags and segments that changed after the version."""
    row = connection.execute(select(ruleset).where(ruleset.c.id == 1)).one()
    if row.version <= after:
        return FlagRecord(row.lineage, row.version)
    query = select(flags).where(flags.c.version > after)
    states = [_state(item) for item in paged(connection, query, flags.c.version, flags.c.key)]
    return FlagRecord(row.lineage, row.version, states, _segments(connection, after))


def all_states(connection: Connection) -> Iterator[tuple[str, FlagState | Corrupt]]:
    """Every flag's row, for the check of the record: its key, and the state or why it cannot be read."""
    for row in paged(connection, select(flags), flags.c.key):
        try:
            state = _state(row)
        except Corrupt as damage:
            yield row.key, damage
            continue
        if (row.key, row.version) == (state.key, state.version):
            yield row.key, state
        else:
            yield row.key, Corrupt("the columns of its row are not those of its state.")


def _state(row: Any) -> FlagState:
    return flag_codec.decode_flag(row.state, f"flag {row.key}")


def _segments(connection: Connection, after: int) -> list[tuple[Segment, int]]:
    """Segments are few: those that are older than flags count from version 0."""
    noted = {row.name: row.version for row in connection.execute(select(flag_segments))}
    rows = connection.execute(select(documents).where(documents.c.kind == "Segment").order_by(documents.c.name))
    found = ((codec.decode_document(row.document, f"Segment {row.name}").spec, noted.get(row.name, 0)) for row in rows)
    return [(spec, version) for spec, version in found if isinstance(spec, Segment) and version > after]


def list_presets(connection: Connection) -> Sequence[Stored[PresetState]]:
    """Every preset, by name."""
    rows = connection.execute(select(presets).order_by(presets.c.name))
    return [Stored(flag_codec.PRESET.decode(row.state, f"preset {row.name}"), row.version) for row in rows]
