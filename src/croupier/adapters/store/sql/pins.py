"""Open rounds: a row each, taken away when it closes. Not worth an fsync: who gets no answer says it again.

One that closes before anybody said that it was opened leaves a row without a version for a while, so that it is not
opened afterwards: two processes may report in any order. The row says on which version it closed.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store.sql.tables import pin_reporters, pins
from croupier.control.ports import Page
from croupier.control.ports.pins import Moved, Pin, PinReport, VersionPins
from croupier.core.rollout.pins import PinnedId
from croupier.core.segments.named import version_in
from croupier.errors import Rejected

_AT_ONCE: Final = 400
_REMEMBERED_S: Final = 120.0
"""So long a close that came first waits for what it closes."""
_NAMED: Final = 1_000
"""Moved rounds that are told by name."""


def report(connection: Connection, reports: Sequence[PinReport]) -> None:
    """First what was opened, then what was closed, of each report in turn."""
    for each in reports:
        _open(connection, each)
        for start in range(0, len(each.closed), _AT_ONCE):
            _close(connection, each, each.closed[start : start + _AT_ONCE])
        fresh = _insert(connection, pin_reporters).values(
            service=each.service,
            client=each.client,
            version=each.version,
            told_at=each.complete_at,
            heard_at=each.now,
        )
        said = {name: fresh.excluded[name] for name in ("version", "told_at", "heard_at")}
        connection.execute(fresh.on_conflict_do_update(index_elements=["service", "client"], set_=said))


def standing(connection: Connection, now: float, heard_s: float) -> Sequence[VersionPins]:
    """By service and version; those with no open rounds too, where somebody reports for them."""
    # SQLite's two-sided "min" is PostgreSQL's "least"; with an absent side one is nothing, the other the rest.
    sooner = func.min if _is_sqlite(connection) else func.least
    until = func.max(func.coalesce(sooner(pins.c.until, pins.c.leave_by), pins.c.until))
    free = pins.c.leave_by.is_(None)
    over = and_(pins.c.leave_by.is_not(None), pins.c.leave_by <= now)
    query = select(
        pins.c.service,
        pins.c.version,
        func.sum(case((over, 0), else_=1)).label("many"),
        until.label("until"),
        func.sum(case((free, 1), else_=0)).label("free"),
        func.sum(case((over, 1), else_=0)).label("over"),
        func.sum(case((and_(pins.c.unnamed, not_(over)), 1), else_=0)).label("unnamed"),
    ).where(pins.c.moved_by == "", pins.c.version != "", pins.c.until > now)
    found = {
        (row.service, row.version): (int(row.many), float(row.until), int(row.free), int(row.over), int(row.unnamed))
        for row in connection.execute(query.group_by(pins.c.service, pins.c.version))
    }
    heard = select(pin_reporters.c.service, pin_reporters.c.version, func.min(pin_reporters.c.told_at).label("told_at"))
    heard = heard.where(pin_reporters.c.heard_at > now - heard_s)
    told = {
        (row.service, row.version): float(row.told_at)
        for row in connection.execute(heard.group_by(pin_reporters.c.service, pin_reporters.c.version))
    }
    keys = sorted(found.keys() | told.keys())
    nothing = (0, 0.0, 0, 0, 0)
    return [
        VersionPins(*key, many, end, told.get(key), free, due, bare)
        for key in keys
        for many, end, free, due, bare in (found.get(key, nothing),)
    ]


def unnamed(connection: Connection, service: str, now: float, limit: int) -> Sequence[PinnedId]:
    """The oldest first."""
    query = select(pins.c.kind, pins.c.id, pins.c.version).where(_open_at(now), pins.c.service == service)
    query = query.where(pins.c.unnamed).order_by(pins.c.opened_at, pins.c.kind, pins.c.id).limit(limit)
    return [PinnedId(row.kind, row.id, row.version) for row in connection.execute(query)]


def leave(connection: Connection, service: str, version: str, by: float | None) -> None:
    """A time that was set before stays."""
    unset = pins.c.leave_by.is_(None) if by is not None else pins.c.leave_by.is_not(None)
    here = and_(pins.c.service == service, pins.c.version == version, pins.c.moved_by == "")
    connection.execute(update(pins).where(here, unset).values(leave_by=by))


def move(
    connection: Connection,
    service: str,
    version: str,
    rollout: str,
    why: str,
    now: float,
    *,
    due: bool,
    begun_by: float | None,
) -> Moved:
    """Note it, and say what the rollout moved so far."""
    here = and_(pins.c.service == service, pins.c.version == version, pins.c.moved_by == "", pins.c.until > now)
    over = (pins.c.leave_by <= now) if due else or_(pins.c.leave_by.is_(None), pins.c.leave_by > now)
    begun = pins.c.opened_at <= begun_by if begun_by is not None else true()
    connection.execute(update(pins).where(here, over, begun).values(moved_by=rollout, moved_at=now, why=why))
    moved = and_(pins.c.service == service, pins.c.moved_by == rollout)
    count = connection.execute(select(func.count()).select_from(pins).where(moved)).scalar_one()
    first = select(pins.c.id).where(moved).order_by(pins.c.opened_at, pins.c.kind, pins.c.id).limit(_NAMED)
    return Moved(int(count), tuple(connection.execute(first).scalars()))


def listed(connection: Connection, service: str, *, moved_by: str | None, cursor: str | None, limit: int) -> Page[Pin]:
    """The oldest first; open ones have the time until which they count."""
    query = select(pins).where(pins.c.service == service, pins.c.moved_by == (moved_by or ""), pins.c.version != "")
    keys = (pins.c.opened_at, pins.c.kind, pins.c.id)
    if cursor is not None:
        query = query.where(tuple_(*keys) > tuple_(*_place(cursor)))
    rows = connection.execute(query.order_by(*keys).limit(limit + 1)).all()
    shown = rows[:limit]
    last = json.dumps([shown[-1].opened_at, shown[-1].kind, shown[-1].id]) if len(rows) > limit else None
    return Page(tuple(_pin(row) for row in shown), last)


def forget(connection: Connection, now: float, moved_before: float) -> None:
    """Also processes that were not heard of for long."""
    connection.execute(delete(pins).where(pins.c.moved_by == "", pins.c.until <= now))
    connection.execute(delete(pins).where(pins.c.moved_by != "", pins.c.moved_at <= moved_before))
    connection.execute(delete(pin_reporters).where(pin_reporters.c.heard_at <= moved_before))


def _open(connection: Connection, said: PinReport) -> None:
    if said.opened:
        rows = [
            _row(said, each.kind, each.id, each.at, said.version, said.now + said.ttl_s) | {"player": each.player}
            for each in said.opened
        ]
        connection.execute(_insert(connection, pins).on_conflict_do_nothing(), rows)
    for start in range(0, len(said.opened), _AT_ONCE):
        names = [(each.kind, each.id) for each in said.opened[start : start + _AT_ONCE]]
        early = and_(pins.c.service == said.service, tuple_(pins.c.kind, pins.c.id).in_(names), pins.c.version == "")
        elsewhere = update(pins).where(early, pins.c.why != said.version)
        ended = _ended_on(pins.c.why)
        connection.execute(elsewhere.values(version=said.version, **_moved(said), why=ended))


def _close(connection: Connection, said: PinReport, closed: Sequence[tuple[str, str]]) -> None:
    named = tuple_(pins.c.kind, pins.c.id).in_(list(closed))
    known = select(pins.c.kind, pins.c.id).where(pins.c.service == said.service, named)
    found = {(row.kind, row.id) for row in connection.execute(known)}
    open_ = and_(pins.c.service == said.service, named, pins.c.moved_by == "", pins.c.version != "")
    elsewhere = update(pins).where(open_, pins.c.version != said.version)
    connection.execute(elsewhere.values(**_moved(said), why=_ended_on(literal(said.version))))
    connection.execute(delete(pins).where(open_))
    if early := [each for each in dict.fromkeys(closed) if each not in found]:
        until = said.now + _REMEMBERED_S
        gone = {"player": "", "why": said.version}
        rows = [_row(said, kind, id_, said.now, "", until) | gone for kind, id_ in early]
        connection.execute(_insert(connection, pins).on_conflict_do_nothing(), rows)


def _moved(said: PinReport) -> dict[str, Any]:
    return {"moved_by": said.rollout, "moved_at": said.now}


def _ended_on(version: ColumnElement[str]) -> ColumnElement[str]:
    return literal("it ended on ") + version


def _row(said: PinReport, kind: str, id_: str, at: float, version: str, until: float) -> dict[str, Any]:
    return {
        "service": said.service,
        "kind": kind,
        "id": id_,
        "version": version,
        "unnamed": version_in(id_) != version,
        "opened_at": at,
        "until": until,
        "moved_by": "",
        "why": "",
    }


def _open_at(now: float) -> ColumnElement[bool]:
    in_time = and_(pins.c.until > now, or_(pins.c.leave_by.is_(None), pins.c.leave_by > now))
    return and_(pins.c.moved_by == "", pins.c.version != "", in_time)


def _pin(row: Any) -> Pin:
    until = row.until if row.leave_by is None else min(row.until, row.leave_by)
    return Pin(
        service=row.service,
        kind=row.kind,
        id=row.id,
        version=row.version,
        player=row.player,
        opened_at=row.opened_at,
        until=until,
        moved_by=row.moved_by,
        moved_at=row.moved_at,
        why=row.why,
    )


def _place(cursor: str) -> Iterable[Any]:
    try:
        at, kind, id_ = json.loads(cursor)
        return float(at), str(kind), str(id_)
    except (ValueError, TypeError):
        raise Rejected("The cursor is none of this listing.", hint="Take 'next' of the page before.") from None


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _insert(connection: Connection, table: Any) -> Any:
    dialect = sqlite if _is_sqlite(connection) else postgresql
    return dialect.insert(table)
