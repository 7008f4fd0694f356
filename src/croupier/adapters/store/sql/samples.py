"""Telemetry for charts: kept while there is room, the oldest forgotten. No part of the record, not worth an fsync."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from croupier.adapters.store.sql.tables import samples
from croupier.control.ports import Sample

MOST_SAMPLES: Final = 500_000
"""The table keeps the newest so many: about three days of ten gates that look every ten seconds."""

MOST_READ: Final = 20_000
"""A reader gets the newest so many."""


def add(connection: Connection, new: Sequence[Sample], *, keep: int = MOST_SAMPLES) -> None:
    """Keep the samples and forget what no longer fits: a step along the primary key, whatever the table's size."""
    if not new:
        return
    connection.execute(insert(samples), [asdict(sample) for sample in new])
    newest = connection.execute(select(func.max(samples.c.id))).scalar_one()
    connection.execute(delete(samples).where(samples.c.id <= newest - keep))


def read(connection: Connection, rollout: str, since: float) -> Sequence[Sample]:
    """The rollout's samples from ``since`` on, oldest first; the newest ``MOST_READ`` where there are more."""
    query = (
        select(samples)
        .where(samples.c.rollout == rollout, samples.c.at >= since)
        .order_by(samples.c.at.desc(), samples.c.id.desc())
        .limit(MOST_READ)
    )
    rows = connection.execute(query).all()
    return [
        Sample(row.rollout, row.gate, row.version, row.canary, row.at, row.good, row.total) for row in reversed(rows)
    ]
