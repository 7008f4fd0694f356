"""Questions that are under way: asked once, answered once, and never waited for too long."""

import asyncio
from collections.abc import Hashable
from typing import Any

import pytest

from croupier.control.under_way import Answer, Due, UnderWay
from croupier.core.gates import Silence

NOW = 1_000.0


class Source:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.ended = 0
        self.speaks = asyncio.Event()

    async def ask(self) -> Answer:
        self.asked += 1
        try:
            await self.speaks.wait()
        finally:
            self.ended += 1
        return Silence(f"answer {self.asked}")

    def due(self, about: Hashable = 1, kept_for: Hashable = None, at: float = NOW, **more: Any) -> Due:
        return Due(about, self.ask, kept_for, at, **more)


def speaking() -> Source:
    source = Source()
    source.speaks.set()
    return source


async def test_who_answers_is_heard_whoever_does_not() -> None:
    under_way, slow, quick = UnderWay(patience_s=0.01), Source(), speaking()
    due = {"slow": slow.due(), "quick": quick.due()}
    assert await under_way.answers(due) == {"quick": Silence("answer 1")}
    assert under_way.late(NOW) == {"slow"}


async def test_a_late_answer_is_told_and_heard_once() -> None:
    under_way, slow = UnderWay(patience_s=0.01), Source()
    for _ in range(2):
        assert await under_way.answers({"slow": slow.due()}) == {}
    assert not under_way.answered.is_set()
    slow.speaks.set()
    async with asyncio.timeout(120):
        await under_way.answered.wait()
    assert await under_way.answers({"slow": slow.due()}) == {"slow": Silence("answer 1")}
    assert (slow.asked, under_way.late(NOW)) == (1, frozenset())
    assert await under_way.answers({"slow": slow.due()}) == {"slow": Silence("answer 2")}


async def test_only_what_is_asked_now_is_waited_for() -> None:
    under_way, slow = UnderWay(patience_s=0.01), Source()
    await under_way.answers({"slow": slow.due()})
    under_way.patience_s = 3_600.0
    async with asyncio.timeout(120):
        assert await under_way.answers({"slow": slow.due()}) == {}


async def test_what_is_about_something_else_is_asked_anew() -> None:
    under_way, slow = UnderWay(patience_s=0.01), Source()
    await under_way.answers({"slow": slow.due(1)})
    await under_way.answers({"slow": slow.due(2)})
    assert (slow.asked, slow.ended) == (2, 1)
    slow.speaks.set()
    async with asyncio.timeout(120):
        await under_way.answered.wait()
    assert await under_way.answers({"slow": slow.due(2)}) == {"slow": Silence("answer 2")}


@pytest.mark.parametrize("later", [76.0, -1.0], ids=["the loop stood by", "the clock was set back"])
async def test_an_answer_that_nobody_came_for_is_of_another_time(later: float) -> None:
    under_way, source = UnderWay(patience_s=0.01, within_s=30.0), Source()
    assert await under_way.answers({"slow": source.due(at=1_000.0)}) == {}
    source.speaks.set()
    async with asyncio.timeout(120):
        await under_way.answered.wait()
    assert await under_way.answers({"slow": source.due(at=1_000.0 + later)}) == {"slow": Silence("answer 2")}


async def test_what_is_not_wanted_any_more_is_dropped() -> None:
    under_way, slow = UnderWay(patience_s=0.01), Source()
    await under_way.answers({"slow": slow.due()})
    assert await under_way.answers({}) == {}
    await under_way.answers({"slow": slow.due()})
    under_way.drop_all()
    async with asyncio.timeout(120):
        while slow.ended < 2:
            await asyncio.sleep(0)
    assert (under_way.late(NOW), under_way.answered.is_set()) == (frozenset(), False)


async def test_an_answer_to_what_is_over_is_kept_for_who_wants_it() -> None:
    """The weight moved, and then nothing was due: both answers are heard, each once, and only of who is asked for."""
    under_way, slow = UnderWay(patience_s=0.01), Source()
    await under_way.answers({"slow": slow.due(1, kept_for="attempt 1")})
    await under_way.answers({"slow": slow.due(2, kept_for="attempt 1")})
    await under_way.answers({})
    assert under_way.overdue("attempt 1", {"slow"}) == {}
    assert under_way.late(NOW) == {"slow"}
    slow.speaks.set()
    async with asyncio.timeout(120):
        await under_way.answered.wait()
    assert under_way.overdue("attempt 1", {"other"}) == {}
    heard = [under_way.overdue("attempt 1", {"slow"}) for _ in range(3)]
    assert [len(each) for each in heard] == [1, 1, 0]
    assert (slow.asked, under_way.late(NOW)) == (2, frozenset())


async def test_what_is_kept_for_nobody_any_more_is_dropped() -> None:
    under_way, slow, other = UnderWay(patience_s=0.01), Source(), Source()
    await under_way.answers({"slow": slow.due(1, kept_for="attempt 1"), "other": other.due(1, kept_for="attempt 2")})
    await under_way.answers({})
    assert under_way.overdue("attempt 2", {"slow", "other"}) == {}
    assert under_way.late(NOW) == {"other"}
    under_way.drop_all()
    async with asyncio.timeout(120):
        while slow.ended + other.ended < 2:
            await asyncio.sleep(0)
    assert (under_way.late(NOW), under_way.answered.is_set()) == (frozenset(), False)


async def test_a_source_that_hangs_says_nothing_in_the_end() -> None:
    under_way, slow = UnderWay(patience_s=10.0, within_s=0.01), Source()
    said = await under_way.answers({"slow": slow.due()})
    assert said == {"slow": Silence("the metric source did not answer within 0.01 s")}


async def test_waiting_for_its_turn_is_no_silence_of_the_source() -> None:
    turn, slow, next_one = asyncio.Semaphore(1), Source(), Source()
    under_way, loop = UnderWay(patience_s=10.0, within_s=0.3), asyncio.get_running_loop()
    await turn.acquire()
    loop.call_soon(loop.call_soon, turn.release)  # as soon as it is waited for
    said = await under_way.answers({"slow": slow.due(turn=turn)})
    assert said == {"slow": Silence("the metric source did not answer within 0.3 s")}
    assert not turn.locked()
    await turn.acquire()
    said = await under_way.answers({"next": next_one.due(turn=turn)})
    assert said == {"next": Silence("the metric source was busy with other questions for 0.3 s")}
    assert next_one.asked == 0


async def test_what_was_said_counts_for_a_while_without_the_next_answer() -> None:
    under_way, slow = UnderWay(patience_s=0.01), Source()
    due = {"slow": slow.due(fresh_until=NOW + 10.0)}
    await under_way.answers(due)
    assert under_way.late(NOW) == under_way.late(NOW + 10.0) == set()
    assert under_way.late(NOW + 10.5) == {"slow"}
    slow.speaks.set()
    async with asyncio.timeout(120):
        while not await under_way.answers(due):
            await asyncio.sleep(0)
    assert under_way.late(NOW + 10.5) == set()


@pytest.mark.parametrize("back_to", [NOW + 9.0, NOW - 1.0, NOW - 3_600.0])
async def test_a_clock_that_is_set_back_forgets_no_answer_that_is_late(back_to: float) -> None:
    """Neither where the question goes on, nor where it is put again, nor where the gate is not due by that clock."""
    under_way, slow = UnderWay(patience_s=0.01), Source()
    await under_way.answers({"slow": slow.due(fresh_until=NOW + 10.0)})
    assert under_way.late(NOW + 11.0) == {"slow"}
    assert under_way.late(back_to) == {"slow"}
    await under_way.answers({})
    assert under_way.late(back_to) == {"slow"}
    await under_way.answers({"slow": slow.due(at=back_to, fresh_until=back_to + 10.0)})
    assert under_way.late(back_to) == {"slow"}
    slow.speaks.set()
    async with asyncio.timeout(120):
        while not await under_way.answers({"slow": slow.due(at=back_to)}):
            await asyncio.sleep(0)
    assert under_way.late(back_to) == set()


async def test_a_clock_set_back_to_before_a_question_makes_it_late() -> None:
    under_way, slow = UnderWay(patience_s=0.01), Source()
    await under_way.answers({"slow": slow.due(fresh_until=NOW + 10.0)})
    assert under_way.late(NOW - 1.0) == {"slow"}
    await under_way.answers({})
    assert under_way.late(NOW - 1.0) == {"slow"}
    assert under_way.late(NOW) == set()


async def test_a_surprise_is_no_answer_and_takes_none_with_it() -> None:
    async def surprise() -> Answer:
        raise LookupError("nobody foresaw it")

    due = {"quick": speaking().due(), "odd": Due(1, surprise, None, 1_000.0)}
    assert await UnderWay().answers(due) == {
        "quick": Silence("answer 1"),
        "odd": Silence("asking failed: LookupError: nobody foresaw it"),
    }
