"""What every ledger of open rounds must do. Run on SQLite and on a real PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports.pins import Moved, Opened, PinReport, VersionPins
from croupier.core.rollout.pins import PinnedId
from croupier.errors import Rejected

OLD, NEW = "1.0.0", "1.1.0"


def said(
    opened: str = "", closed: str = "", *, version: str = NEW, client: str = "a", now: float = 100.0, told: float = 99.0
) -> PinReport:
    rounds = [Opened("round", id_, "anna", now) for id_ in opened.split()]
    gone = [("round", id_) for id_ in closed.split()]
    return PinReport("games", client, version, rounds, gone, told, now, 600.0)


async def test_rounds_are_open_until_they_close(store: SqlStore) -> None:
    await store.report_pins([said("r1 r2 r3@1.1.0"), said("q1", version=OLD, client="b", told=98.0)])
    assert await store.open_pins(100.0, 30.0) == [
        VersionPins("games", OLD, 1, 700.0, 98.0, 1, 0, 1),
        VersionPins("games", NEW, 3, 700.0, 99.0, 3, 0, 2),
    ]
    assert await store.unnamed_pins("games", 100.0, 10) == [
        PinnedId("round", "q1", OLD),
        PinnedId("round", "r1", NEW),
        PinnedId("round", "r2", NEW),
    ]
    await store.report_pins([said(closed="r1 r3@1.1.0", now=101.0)])
    await store.report_pins([said("r2", closed="r1", now=102.0)])  # said again
    (_, new) = await store.open_pins(102.0, 30.0)
    assert new.count == 1
    assert [pin.id for pin in (await store.pins("games")).items] == ["q1", "r2"]
    assert await store.open_pins(9_000.0, 30.0) == []


async def test_a_close_that_comes_first_counts(store: SqlStore) -> None:
    await store.report_pins([said(closed="r1 r1", client="b")])
    await store.report_pins([said("r1")])
    assert [found.count for found in await store.open_pins(100.0, 30.0)] == [0]
    assert (await store.pins("games")).items == ()
    await store.forget_pins(9_000.0, 0.0)
    await store.report_pins([said("r1", now=9_000.0)])
    assert [found.count for found in await store.open_pins(9_000.0, 30.0)] == [1]


async def test_the_first_version_that_opened_a_round_has_it(store: SqlStore) -> None:
    await store.report_pins([said("r1", version=OLD), said("r1")])
    assert [(pin.id, pin.version) for pin in (await store.pins("games")).items] == [("r1", OLD)]


async def test_who_was_not_heard_of_lately_keeps_nobody_waiting(store: SqlStore) -> None:
    await store.report_pins([said(client="dead", now=10.0, told=1.0), said(client="b", told=99.5)])
    assert await store.open_pins(100.0, 30.0) == [VersionPins("games", NEW, 0, 0.0, 99.5)]
    await store.forget_pins(100.0, 50.0)
    assert await store.open_pins(100.0, 1_000.0) == [VersionPins("games", NEW, 0, 0.0, 99.5)]


async def test_a_version_that_was_left_has_so_long_and_no_longer(store: SqlStore) -> None:
    await store.report_pins([said("r1")])
    await store.leave_pins("games", NEW, 150.0)
    await store.report_pins([said("r2", now=101.0)])
    await store.leave_pins("games", NEW, 200.0)  # of the first, the first bound stays
    assert await store.open_pins(149.0, 1.0) == [VersionPins("games", NEW, 2, 200.0, None, 0, 0, 2)]
    assert await store.open_pins(150.0, 1.0) == [VersionPins("games", NEW, 1, 200.0, None, 0, 1, 1)]
    assert [pin.until for pin in (await store.pins("games")).items] == [150.0, 200.0]
    assert await store.move_pins("games", NEW, "games-7", "time is up", 150.0, due=True) == Moved(1, ("r1",))
    await store.leave_pins("games", NEW, None)
    assert await store.open_pins(300.0, 1.0) == [VersionPins("games", NEW, 1, 701.0, None, 1, 0, 1)]


async def test_moved_rounds_are_listed_and_stay_so(store: SqlStore) -> None:
    await store.report_pins([said("r1 r2"), said("q1", version=OLD)])
    moved = Moved(2, ("r1", "r2"))
    assert await store.move_pins("games", NEW, "games-7", "hard stop", 101.0, due=False) == moved
    await store.report_pins([said("r1", closed="r2", now=102.0)])
    assert await store.move_pins("games", NEW, "games-7", "hard stop", 103.0, due=False) == moved
    first = await store.pins("games", moved_by="games-7", limit=1)
    rest = await store.pins("games", moved_by="games-7", cursor=first.next)
    assert [(pin.id, pin.why, pin.moved_at) for pin in (*first.items, *rest.items)] == [
        ("r1", "hard stop", 101.0),
        ("r2", "hard stop", 101.0),
    ]
    assert rest.next is None
    assert [pin.id for pin in (await store.pins("games")).items] == ["q1"]
    await store.forget_pins(104.0, 102.0)
    assert (await store.pins("games", moved_by="games-7")).items == ()
    with pytest.raises(Rejected, match="cursor"):
        await store.pins("games", cursor="nonsense")


async def test_only_those_are_moved_that_were_begun_by_then(store: SqlStore) -> None:
    await store.report_pins([said("r1"), said("r2", now=110.0)])
    moved = await store.move_pins("games", NEW, "games-7", "hard stop", 111.0, due=False, begun_by=105.0)
    assert moved == Moved(1, ("r1",))
    assert [pin.id for pin in (await store.pins("games")).items] == ["r2"]


async def test_many_reporters_at_once(store: SqlStore) -> None:
    batches = [said(" ".join(f"r{n}-{i}" for i in range(200)), client=str(n)) for n in range(8)]
    await asyncio.gather(*(store.report_pins([batch]) for batch in batches))
    closing = [said(closed=" ".join(f"r{n}-{i}" for i in range(150)), client=str(n)) for n in range(8)]
    await asyncio.gather(*(store.report_pins([batch]) for batch in closing))
    assert [found.count for found in await store.open_pins(100.0, 30.0)] == [8 * 50]
    assert len(await store.unnamed_pins("games", 100.0, 30)) == 30


async def test_pins_survive_a_restart(store_url: str, store: SqlStore, open_another: object) -> None:
    await store.report_pins([said("r1")])
    await store.close()
    again = await open_another()  # type: ignore[operator]
    assert [pin.id for pin in (await again.pins("games")).items] == ["r1"]


async def test_a_round_that_another_version_closed_is_listed(store: SqlStore) -> None:
    def put_down(report: PinReport) -> PinReport:
        return replace(report, rollout="games-7")

    await store.report_pins([said("r1 r2"), put_down(said(closed="r1", version=OLD, client="b"))])
    await store.report_pins([put_down(said(closed="r3", version=OLD, client="b")), put_down(said("r3", now=101.0))])
    await store.report_pins([said(closed="r4", client="b"), said("r4")])  # of one version, in any order
    listed = (await store.pins("games", moved_by="games-7")).items
    assert [(pin.id, pin.version, pin.why) for pin in listed] == [
        ("r1", NEW, "it ended on 1.0.0"),
        ("r3", NEW, "it ended on 1.0.0"),
    ]
    assert [pin.id for pin in (await store.pins("games")).items] == ["r2"]
