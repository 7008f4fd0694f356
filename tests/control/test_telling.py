"""A receiver is told everything at least once and in order, whatever breaks in between: receiver, store, ourselves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from croupier.control.ports import Bookmark, Trouble, Wants
from croupier.control.rollouts import Ask
from croupier.control.telling import GIVEN_UP_S, LONGEST_PAUSE_S, REFUSED_S, Teller, after, pause_s
from croupier.core.rollout import events as e
from croupier.core.rollout.notices import Kind, Notice, Patience
from croupier.core.rollout.reasons import Hold
from croupier.errors import Transient
from croupier.server.api.record_views import decode

BOSS = Ask("anna", "enough")


@dataclass
class Inbox:
    """A receiver; ``troubles`` are what it answers first."""

    wants: Wants = field(default_factory=Wants)
    name: str = "on-call"
    where: str = "hooks.example"
    troubles: list[Trouble] = field(default_factory=list)
    down: Trouble | None = None
    got: list[Notice] = field(default_factory=list)
    tries: int = 0
    meanwhile: Callable[[], Any] = lambda: None
    afterwards: Callable[[], Any] = lambda: None

    async def send(self, notice: Notice) -> Trouble | None:
        self.tries += 1
        self.meanwhile()
        trouble = self._answer(notice)
        self.afterwards()
        return trouble

    def _answer(self, notice: Notice) -> Trouble | None:
        if self.troubles:
            return self.troubles.pop(0)
        if self.down is None:
            self.got.append(notice)
        return self.down

    async def close(self) -> None:
        pass

    @property
    def kinds(self) -> list[str]:
        return [notice.kind.value for notice in self.got]


@dataclass
class Desk:
    """A teller on the shop's store; ``acting`` says whether this control plane acts."""

    shop: Any
    inbox: Inbox = field(default_factory=Inbox)
    acting: bool = True

    def teller(self) -> Teller:
        """Anew, as after a restart."""
        site = self.shop.a
        ports = site.reconciler.ports
        return Teller(
            notifier=self.inbox,
            journal=ports.journal,
            store=ports.store,
            bookmarks=self.shop.store,
            clock=self.shop.clock,
            decode=decode,
            acting=lambda: self.acting,
        )

    async def mark(self) -> Bookmark:
        (mark,) = await self.shop.store.bookmarks()
        found: Bookmark = mark
        return found

    async def through(self, turn: Any, *, step: float = 1.0, limit: float = 200_000.0) -> None:
        """Let virtual time pass until this is done."""
        task, passed = asyncio.ensure_future(turn), 0.0
        while not task.done() and passed < limit:
            await self.shop.clock.advance(step)
            passed += step
            await asyncio.sleep(0.002)  # the store is on disk, not in virtual time
        await asyncio.wait_for(task, 120)


@pytest.fixture
def desk(shop: Any) -> Desk:
    return Desk(shop)


async def test_what_happens_is_told_once_and_in_order(desk: Desk) -> None:
    teller = desk.teller()
    await teller.turn()
    assert desk.inbox.got == []  # what was before it is no news
    rollout = await desk.shop.roll_out()
    await desk.shop.a.rollouts.abort(rollout, BOSS)
    await desk.shop.turn(3)
    for one in (teller, desk.teller(), desk.teller()):
        await one.turn()
    assert desk.inbox.kinds == ["rollout.started", "rollout.waiting", "rollout.aborting", "rollout.aborted"]
    assert [notice.actor for notice in desk.inbox.got] == ["anna", "croupier", "anna", "croupier"]
    assert len({notice.id for notice in desk.inbox.got}) == 4
    mark = await desk.mark()
    assert (mark.sent, mark.lost, mark.kind, mark.trouble) == (4, 0, "rollout.aborted", "")


async def test_a_receiver_that_is_down_is_tried_again_ever_more_rarely(desk: Desk) -> None:
    teller = desk.teller()
    await teller.turn()
    await desk.shop.roll_out()
    desk.inbox.troubles = [Trouble("it is down")] * 5
    marks: list[Bookmark] = []
    real = desk.shop.store.keep_bookmark

    async def keep(mark: Bookmark) -> None:
        marks.append(mark)
        await real(mark)

    desk.shop.store.keep_bookmark = keep
    await desk.through(teller.turn())
    assert [(mark.trouble, mark.sent) for mark in marks[:5]] == [("it is down", 0)] * 5
    assert desk.inbox.kinds == ["rollout.started", "rollout.waiting"]
    assert desk.inbox.tries == 7


async def test_a_dead_receiver_is_given_up_and_the_next_notice_is_not(desk: Desk) -> None:
    teller = desk.teller()
    await teller.turn()
    await desk.shop.roll_out()
    desk.inbox.down = Trouble("nobody there")
    await desk.through(teller.turn(), step=100.0)
    mark = await desk.mark()
    assert (mark.sent, mark.lost, mark.trouble) == (0, 2, "it was too old to be told")
    assert desk.inbox.tries < 2 * GIVEN_UP_S / (0.7 * LONGEST_PAUSE_S)
    desk.inbox.down = None
    (rollout,) = [stored.value.id for stored in await desk.shop.store.active()]
    await desk.shop.a.rollouts.abort(rollout, BOSS)
    await desk.teller().turn()
    assert desk.inbox.kinds == ["rollout.aborting"]


async def test_what_is_refused_holds_up_nobody_for_long(desk: Desk) -> None:
    teller = desk.teller()
    await teller.turn()
    await desk.shop.roll_out()
    desk.inbox.down = Trouble("it answers 404", refused=True)
    await desk.through(teller.turn(), step=5.0)
    assert (await desk.mark()).lost == 2
    assert desk.inbox.tries < 2 * (10 + REFUSED_S / (0.7 * LONGEST_PAUSE_S))


async def test_a_crash_between_two_notices_loses_none(desk: Desk) -> None:
    """What the receiver took just before the crash comes again under its name, and nothing else does."""
    await desk.teller().turn()
    rollout = await desk.shop.roll_out()
    await desk.shop.a.rollouts.abort(rollout, BOSS)
    await desk.shop.turn(3)

    class Killed(BaseException):
        pass

    def crash() -> None:
        if desk.inbox.tries % 2:
            raise Killed

    crashes, desk.inbox.afterwards = 0, crash
    while True:
        try:
            await desk.teller().turn()
            break
        except Killed:
            crashes += 1
    assert crashes >= 4
    ids = list(dict.fromkeys(notice.id for notice in desk.inbox.got))
    assert len(ids) == 4
    first = [next(notice.kind for notice in desk.inbox.got if notice.id == one) for one in ids]
    assert first == [Kind.STARTED, Kind.WAITING, Kind.ABORTING, Kind.ABORTED]


async def test_an_entry_of_several_events_goes_on_where_it_stopped(desk: Desk) -> None:
    teller = desk.teller()
    await teller.turn()
    rollout = await desk.shop.roll_out()
    await teller.turn()
    stored = await desk.shop.store.rollout(rollout)
    events = (e.Resumed(desk.shop.clock.now()), e.Paused(Hold.PERSON, desk.shop.clock.now()))
    seq = (await desk.shop.store.head()).size
    await _write(desk, stored, events)
    mark = await desk.mark()
    await desk.shop.store.keep_bookmark(replace(mark, seq=seq - 1, part=1))
    desk.inbox.got.clear()
    await desk.teller().turn()
    assert desk.inbox.kinds == ["rollout.paused"]


async def _write(desk: Desk, stored: Any, events: tuple[e.Event, ...]) -> None:
    from croupier.control.recording import Who, draft, record

    (delivery,) = await desk.shop.store.services()
    await record(desk.shop.store, draft(stored, delivery, events, Who("anna", "x"), desk.shop.clock.now()))


async def test_only_who_acts_tells(desk: Desk) -> None:
    teller = desk.teller()
    desk.acting = False
    await teller.turn()
    await desk.shop.roll_out()
    await teller.turn()
    assert desk.inbox.tries == 0
    desk.acting = True
    desk.inbox.troubles = [Trouble("down")]

    def lose() -> None:
        desk.acting = False

    desk.inbox.meanwhile = lose
    await desk.through(teller.turn())
    assert desk.inbox.got == []
    desk.acting, desk.inbox.meanwhile = True, lambda: None
    await teller.turn()
    assert desk.inbox.kinds == ["rollout.started", "rollout.waiting"]


async def test_who_ceases_to_act_stops_in_the_middle_of_what_lasts(desk: Desk) -> None:
    desk.inbox.wants = Wants(patience=Patience(blind_s=20.0))
    teller = desk.teller()
    await teller.turn()
    await _go_blind(desk)
    await teller.turn()
    desk.inbox.got.clear()
    desk.inbox.troubles = [Trouble("down")]

    def lose() -> None:
        desk.acting = False

    await desk.shop.wait(30.0)
    desk.inbox.meanwhile = lose
    await desk.through(teller.turn())
    assert desk.inbox.got == []
    desk.acting, desk.inbox.meanwhile = True, lambda: None
    await teller.turn()
    assert desk.inbox.kinds == ["gate.blind"]


async def _go_blind(desk: Desk) -> None:
    await desk.shop.roll_out()
    desk.shop.metrics.outage = "the metric source is away"
    await desk.shop.turn(3)


async def test_blindness_is_told_once_and_its_end(desk: Desk) -> None:
    desk.inbox.wants = Wants(patience=Patience(blind_s=20.0))
    teller = desk.teller()
    await teller.turn()
    await _go_blind(desk)
    await desk.shop.wait(30.0)
    for one in (teller, teller, desk.teller()):
        await one.turn()
    assert desk.inbox.kinds.count("gate.blind") == 1
    desk.shop.metrics.outage = None
    await desk.shop.turn(3)
    await desk.teller().turn()
    assert desk.inbox.kinds[-1] == "gate.sees"
    assert (await desk.mark()).told == frozenset()


async def test_a_receiver_gets_what_it_wants_and_nothing_else(desk: Desk) -> None:
    desk.inbox.wants = Wants(frozenset({Kind.WAITING}), frozenset({"shop"}), Patience(blind_s=1.0))
    teller = desk.teller()
    await teller.turn()
    await _go_blind(desk)
    await desk.shop.wait(30.0)
    await teller.turn()
    assert desk.inbox.kinds == ["rollout.waiting"]
    desk.inbox.wants = Wants(frozenset(Kind), frozenset({"other"}))
    await desk.shop.a.rollouts.abort("shop-2", BOSS)
    await teller.turn()
    assert desk.inbox.kinds == ["rollout.waiting"]


async def test_entries_of_no_rollout_and_of_later_versions_are_passed_over(desk: Desk) -> None:
    teller = replace(desk.teller(), decode=lambda event: None)
    await teller.turn()
    await desk.shop.roll_out()
    await desk.shop.declare(releases=("1.9.0",))
    await teller.turn()
    assert desk.inbox.got == []


async def test_far_along_it_keeps_where_it_is_now_and_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("croupier.control.telling._UNKEPT", 3)
    teller = desk.teller()
    await teller.turn()
    before = (await desk.mark()).seq
    for number in range(3):
        await desk.shop.declare(releases=(f"2.0.{number}",))
    await teller.turn()
    assert (await desk.mark()).seq >= before + 3


@pytest.mark.parametrize("trouble", [Transient("the database does not answer"), RuntimeError("surprise")])
async def test_trouble_ends_no_telling(desk: Desk, trouble: Exception) -> None:
    teller, failing, tries = desk.teller(), True, 0
    await teller.turn()

    def acting() -> bool:
        nonlocal tries
        tries += 1
        if failing:
            raise trouble
        return True

    teller.acting = acting
    running = asyncio.ensure_future(teller.run())
    await desk.shop.roll_out()
    async with asyncio.timeout(120):
        while tries < 3:
            await desk.shop.wait(1.0)
            await asyncio.sleep(0.002)
    assert desk.inbox.got == []
    failing = False
    async with asyncio.timeout(120):
        while desk.inbox.kinds != ["rollout.started", "rollout.waiting"]:
            await desk.shop.wait(1.0)
            await asyncio.sleep(0.002)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_gate_that_fails_is_told_with_the_abort(desk: Desk) -> None:
    teller = desk.teller()
    await teller.turn()
    await desk.shop.roll_out()
    desk.shop.metrics.break_version("1.1.0", 0.9)
    await desk.shop.turn(12)
    await teller.turn()
    assert desk.inbox.kinds[-3:] == ["gate.failed", "rollout.aborting", "rollout.aborted"]


def test_pauses_grow_differ_and_end() -> None:
    down = Trouble("down")
    pauses = [pause_s("msg_1", tries, down) for tries in range(1, 40)]
    assert 0.7 <= pauses[0] <= 1.0
    assert max(pauses) <= LONGEST_PAUSE_S
    assert min(pauses[10:]) >= 0.7 * LONGEST_PAUSE_S
    assert pause_s("msg_1", 3, down) != pause_s("msg_2", 3, down)
    assert pause_s("msg_1", 1, Trouble("busy", retry_after_s=60.0)) == 60.0
    assert pause_s("msg_1", 1, Trouble("busy", retry_after_s=1e9)) == LONGEST_PAUSE_S


def test_the_bookmark_says_how_the_last_try_went() -> None:
    notice = Notice("msg_1", Kind.ABORTED, 5.0, "over")
    mark = after(Bookmark("on-call", 7), notice, Trouble("down"), 9.0, given_up=True)
    assert mark == Bookmark("on-call", 7, sent=0, lost=1, tried_at=9.0, kind="rollout.aborted", trouble="down")


async def test_a_notice_that_breaks_its_sender_keeps_back_no_other(shop: Any) -> None:
    class Fragile(Inbox):
        async def send(self, notice: Notice) -> Trouble | None:
            if notice.kind is Kind.STARTED:
                raise KeyError("a kind without a sign")
            return await Inbox.send(self, notice)

    desk = Desk(shop, Fragile())
    teller = desk.teller()
    await teller.turn()
    await shop.roll_out()
    await desk.through(teller.turn(), step=30.0, limit=2 * REFUSED_S)
    assert (desk.inbox.kinds, (await desk.mark()).lost) == (["rollout.waiting"], 1)
