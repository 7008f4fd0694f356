"""Players of experiments and what they did. A batch reads and writes the players that it names, and no others; totals
stand beside them. Not worth an fsync: clients that get no answer send again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store.codec import Codec
from croupier.adapters.store.sql.tables import experiment_players, experiment_points, experiment_runs
from croupier.control.ports.experiments import Batch, Point
from croupier.core.experiments import Player, Run, Tally, counted

FORGET_AFTER_S: Final = 900.0
"""A player who did something and was not given a variant within this time is none of the experiment's."""
MOST_PLAYERS: Final = 20_000_000
"""A run takes in so many."""
_AT_ONCE: Final = 500
_STEP_S: Final = 10.0
_STEP: Final = 0.02
"""Points of the course are so far apart, or by this part of the run's age."""

_RUN: Final[Codec[Run]] = Codec("run of an experiment", TypeAdapter(Run))
_TALLY: Final[Codec[Tally]] = Codec("tally of an experiment", TypeAdapter(Tally))
_PLAYER: Final[Codec[Player]] = Codec("player of an experiment", TypeAdapter(Player))


def begin(connection: Connection, run: Run) -> None:
    """Know the run."""
    values = {
        "id": run.id,
        "experiment": run.plan.experiment.name,
        "started_at": run.started_at,
        "ended": False,
        "run": _RUN.encode(replace(run, tally=Tally())),
        "tally": _TALLY.encode(run.tally),
        "point_at": 0.0,
    }
    connection.execute(_dialect(connection).insert(experiment_runs).values(**values).on_conflict_do_nothing())


def listed(connection: Connection, experiment: str | None, limit: int) -> Sequence[Run]:
    """Those that are not over first, the newest first."""
    order = (experiment_runs.c.ended, experiment_runs.c.started_at.desc(), experiment_runs.c.id)
    query = select(experiment_runs).order_by(*order).limit(limit)
    if experiment is not None:
        query = query.where(experiment_runs.c.experiment == experiment)
    return [_run(row) for row in connection.execute(query)]


def count(connection: Connection, run_id: str, batch: Batch) -> Tally | None:
    """Count the batch. The run's row is locked, so that others who count for it wait."""
    query = select(experiment_runs).where(experiment_runs.c.id == run_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.ended:
        return None
    run = _run(row)
    known = _known(connection, run_id, {report.player for report in batch.reports})
    reports = batch.reports
    if run.tally.players >= MOST_PLAYERS:
        reports = [report for report in reports if report.player in known]
    changed, tally = counted(reports, known, run.tally, within_s=run.plan.experiment.within_s)
    for client, lost in batch.lost.items():
        tally = tally.losing(client, lost)
    _write(connection, run_id, changed, batch.now)
    values: dict[str, Any] = {"tally": _TALLY.encode(tally)}
    if batch.now - row.point_at >= max(_STEP_S, _STEP * (batch.now - run.started_at)):
        _note(connection, run_id, batch.now, values["tally"])
        values["point_at"] = batch.now
        gone = experiment_players.c.waiting_since < batch.now - FORGET_AFTER_S
        connection.execute(delete(experiment_players).where(experiment_players.c.run == run_id, gone))
    connection.execute(update(experiment_runs).where(experiment_runs.c.id == run_id).values(**values))
    return tally


def course(connection: Connection, run_id: str) -> Sequence[Point]:
    """The points, oldest first."""
    query = select(experiment_points).where(experiment_points.c.run == run_id).order_by(experiment_points.c.at)
    return [Point(row.at, _TALLY.decode(row.tally, run_id)) for row in connection.execute(query)]


def end(connection: Connection, run_id: str, at: float, by: str, withheld: str = "") -> Run | None:
    """Keep the totals, forget the players. One that is over stays as it is."""
    query = select(experiment_runs).where(experiment_runs.c.id == run_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    run = _run(row)
    if not row.ended:
        run = replace(run, stopped_at=at, stopped_by=by, withheld=withheld)
        values = {"ended": True, "run": _RUN.encode(replace(run, tally=Tally()))}
        connection.execute(update(experiment_runs).where(experiment_runs.c.id == run_id).values(**values))
        _note(connection, run_id, at, row.tally)
        connection.execute(delete(experiment_players).where(experiment_players.c.run == run_id))
    return run


def drop(connection: Connection, run_id: str) -> None:
    """As if there had never been one."""
    for table, column in (
        (experiment_players, experiment_players.c.run),
        (experiment_points, experiment_points.c.run),
        (experiment_runs, experiment_runs.c.id),
    ):
        connection.execute(delete(table).where(column == run_id))


def _run(row: Any) -> Run:
    place = f"run {row.id}"
    return replace(_RUN.decode(row.run, place), tally=_TALLY.decode(row.tally, place))


def _known(connection: Connection, run_id: str, players: Iterable[str]) -> dict[str, Player]:
    found: dict[str, Player] = {}
    names = sorted(players)
    for start in range(0, len(names), _AT_ONCE):
        some = experiment_players.c.player.in_(names[start : start + _AT_ONCE])
        query = select(experiment_players.c.player, experiment_players.c.state)
        for row in connection.execute(query.where(experiment_players.c.run == run_id, some)):
            found[row.player] = _PLAYER.decode(row.state, f"run {run_id}")
    return found


def _write(connection: Connection, run_id: str, changed: Mapping[str, Player], now: float) -> None:
    if not changed:
        return
    fresh = _dialect(connection).insert(experiment_players)
    written = {name: fresh.excluded[name] for name in ("state", "waiting_since")}
    statement = fresh.on_conflict_do_update(index_elements=["run", "player"], set_=written)
    rows = [
        {
            "run": run_id,
            "player": name,
            "state": json.dumps(_lean(player), separators=(",", ":")),
            "waiting_since": None if player.variant else now,
        }
        for name, player in sorted(changed.items())
    ]
    connection.execute(statement, rows)


def _note(connection: Connection, run_id: str, at: float, tally: str) -> None:
    """A point of the course; there is one for each time."""
    fresh = _dialect(connection).insert(experiment_points).values(run=run_id, at=at, tally=tally)
    places = ["run", "at"]
    connection.execute(fresh.on_conflict_do_update(index_elements=places, set_={"tally": fresh.excluded.tally}))


def _lean(player: Player) -> dict[str, Any]:
    """Without what is empty: there are millions of them."""
    return {name: value for name, value in asdict(player).items() if value}


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
