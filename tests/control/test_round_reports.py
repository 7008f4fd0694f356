"""Reports of many processes make few transactions, and each who reports gets to know what became of it."""

import asyncio

import pytest

from croupier.control import round_reports
from croupier.control.ports.pins import Opened, PinReport
from croupier.control.round_reports import RoundReports
from croupier.errors import Rejected, Transient


class Ledger:
    """Writes when it is let."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.batches: list[list[str]] = []
        self.trouble: Exception | None = None

    async def report_pins(self, reports: list[PinReport]) -> None:
        await self.free.wait()
        if self.trouble is not None:
            raise self.trouble
        self.batches.append([report.client for report in reports])


def report(client: str, rounds: int = 1) -> PinReport:
    opened = [Opened("round", f"{client}-{number}", "", 1.0) for number in range(rounds)]
    return PinReport("games", client, "1.1.0", opened, (), 1.0, 1.0, 600.0)


async def test_what_arrives_while_one_is_written_goes_together() -> None:
    ledger = Ledger()
    desk = RoundReports(ledger)  # type: ignore[arg-type]
    first = asyncio.ensure_future(desk.take(report("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(desk.take(report(name))) for name in "bcd"]
    await asyncio.sleep(0)
    ledger.free.set()
    await asyncio.gather(first, *others)
    assert ledger.batches == [["a"], ["b", "c", "d"]]
    await desk.take(report("e"))
    assert ledger.batches[-1] == ["e"]


async def test_who_reports_gets_to_know_that_it_was_not_written() -> None:
    ledger = Ledger()
    ledger.free.set()
    ledger.trouble = Transient("the database does not answer")
    desk = RoundReports(ledger)  # type: ignore[arg-type]
    with pytest.raises(Transient, match="does not answer"):
        await desk.take(report("a"))
    ledger.trouble = None
    await desk.take(report("a"))
    assert ledger.batches == [["a"]]


async def test_what_cannot_be_written_costs_nobody_else_anything() -> None:
    """They went together by chance; who is refused does not say it again."""

    class Picky(Ledger):
        async def report_pins(self, reports: list[PinReport]) -> None:
            if any(report.client == "bad" for report in reports):
                raise Rejected("a value cannot be stored")
            await super().report_pins(reports)

    ledger = Picky()
    ledger.free.set()
    desk = RoundReports(ledger)  # type: ignore[arg-type]
    names = ["a", "bad", "c"]
    found = await asyncio.gather(*(desk.take(report(name)) for name in names), return_exceptions=True)
    assert [type(each) for each in found] == [type(None), Rejected, type(None)]
    assert ledger.batches == [["a"], ["c"]]


async def test_too_much_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_reports, "MOST_WAITING", 3)
    ledger = Ledger()
    desk = RoundReports(ledger)  # type: ignore[arg-type]
    waiting = [asyncio.ensure_future(desk.take(report("a")))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.append(asyncio.ensure_future(desk.take(report("b", 5))))
    await asyncio.sleep(0)
    with pytest.raises(Transient, match="Too many rounds wait"):
        await desk.take(report("c"))
    ledger.free.set()
    await asyncio.gather(*waiting)
