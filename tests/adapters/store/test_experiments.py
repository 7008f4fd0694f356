"""What every ledger of experiments must do. Run on SQLite and on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.core.experiments.conftest import EXPERIMENT, FLAG

from croupier.adapters.store.sql import SqlStore, experiments
from croupier.control.ports.experiments import Batch
from croupier.core.experiments import Plan, Report, Run, dealt

RUN = Run("0f" * 16, Plan(EXPERIMENT, dealt(FLAG, "production")), 1_000.0, "anna")


def batch(*reports: Report, now: float = 1_100.0, **lost: int) -> Batch:
    return Batch(reports, lost, now)


def seen(player: int, variant: str = "classic", at: float = 1_050.0) -> Report:
    return Report(f"{player:016x}", at, variant=variant)


def did(player: int, event: str = "bet", at: float = 1_060.0) -> Report:
    return Report(f"{player:016x}", at, event=event)


async def test_a_run_is_known_counted_and_over(store: SqlStore) -> None:
    await store.begin_run(RUN)
    await store.begin_run(replace(RUN, started_by="ben"))
    assert await store.runs() == [RUN]
    tally = await store.count(RUN.id, batch(seen(1), did(1), seen(2, "recent"), shop=3))
    assert tally is not None
    assert (tally.exposed, tally.converted, tally.lost) == ({"classic": 1, "recent": 1}, {"bet": {"classic": 1}}, 3)
    assert await store.count(RUN.id, batch(seen(1), did(1), seen(2, "recent"), now=1_105.0, shop=3)) == tally
    assert [point.at for point in await store.points(RUN.id)] == [1_100.0]
    ended = await store.end_run(RUN.id, 2_000.0, "ben", "its flag changed")
    assert ended == replace(RUN, tally=tally, stopped_at=2_000.0, stopped_by="ben", withheld="its flag changed")
    assert await store.end_run(RUN.id, 3_000.0, "cleo") == ended
    assert await store.runs("lobby-order") == [ended]
    assert await store.count(RUN.id, batch(seen(9))) is None
    assert [point.at for point in await store.points(RUN.id)] == [1_100.0, 2_000.0]
    assert await store.runs("another") == []


async def test_what_is_unknown_is_nothing(store: SqlStore) -> None:
    assert await store.count(RUN.id, batch(seen(1))) is None
    assert await store.end_run(RUN.id, 1.0, "ben") is None
    assert await store.points(RUN.id) == []
    await store.drop_run(RUN.id)
    assert await store.runs() == []


async def test_many_players_many_batches_any_order(store: SqlStore) -> None:
    await store.begin_run(RUN)
    reports = [seen(n, "recent" if n % 3 == 0 else "classic") for n in range(1_200)]
    events = [did(n) for n in range(0, 1_200, 2)]
    batches = [batch(*events[:300]), batch(*reports[::-1]), batch(*events), batch(*reports[:600])]
    await asyncio.gather(*(store.count(RUN.id, item) for item in batches))
    (run,) = await store.runs()
    assert run.tally.exposed == {"recent": 400, "classic": 800}
    assert run.tally.converted == {"bet": {"recent": 200, "classic": 400}}


async def test_open_runs_come_first(store: SqlStore) -> None:
    await store.begin_run(RUN)
    newer = replace(RUN, id="0a" * 16, started_at=2_000.0)
    await store.begin_run(newer)
    await store.end_run(newer.id, 3_000.0, "ben")
    assert [run.id for run in await store.runs()] == [RUN.id, newer.id]
    assert [run.id for run in await store.runs(limit=1)] == [RUN.id]


async def test_players_who_were_given_nothing_are_forgotten(store: SqlStore) -> None:
    await store.begin_run(RUN)
    await store.count(RUN.id, batch(did(7, at=1_090.0)))
    await store.count(RUN.id, batch(seen(8), now=1_100.0 + experiments.FORGET_AFTER_S + 60))
    tally = await store.count(RUN.id, batch(seen(7, at=1_080.0), now=2_100.0))
    assert tally is not None
    assert tally.converted == {}


async def test_a_run_that_is_full_goes_on_counting_whom_it_has(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "MOST_PLAYERS", 2)
    await store.begin_run(RUN)
    await store.count(RUN.id, batch(seen(1), seen(2)))
    tally: Any = await store.count(RUN.id, batch(seen(3), did(1)))
    assert (tally.players, tally.of("bet", "classic")) == (2, 1)


async def test_a_run_that_did_not_come_about_leaves_nothing(store: SqlStore) -> None:
    await store.begin_run(RUN)
    await store.count(RUN.id, batch(seen(1)))
    await store.drop_run(RUN.id)
    assert (await store.runs(), await store.points(RUN.id)) == ([], [])
