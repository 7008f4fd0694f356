"""What services say of their rounds, on its way into the store: put together, written by one writer at a time.

While a transaction runs, whatever else arrives waits and goes into the next one: a thousand processes make as many
transactions as the database can do, not ten thousand a second. Who reports is answered when it is written, and says it
again without an answer.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from croupier.control.ports import PinLedger
from croupier.control.ports.pins import PinReport
from croupier.errors import Transient

MOST_WAITING: Final = 100_000
"""Rounds that may wait; beyond, who reports is told to come back."""


@dataclass(slots=True)
class _Waiting:
    reports: list[tuple[PinReport, asyncio.Future[None]]] = field(default_factory=list)
    rounds: int = 0


@dataclass(slots=True)
class RoundReports:
    """One per process, on the event loop."""

    ledger: PinLedger
    _waiting: _Waiting | None = None
    _writer: asyncio.Task[None] | None = None

    async def take(self, report: PinReport) -> None:
        """Write it. Raises ``Transient`` where too much waits, or the store is out of reach."""
        waiting = self._waiting = self._waiting or _Waiting()
        if waiting.rounds > MOST_WAITING:
            raise Transient("Too many rounds wait to be written.", retry_after_s=1.0)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.reports.append((report, done))
        waiting.rounds += 1 + len(report.opened) + len(report.closed)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="rounds")
        await asyncio.shield(done)

    async def _write(self) -> None:
        while (waiting := self._waiting) is not None:
            self._waiting = None
            try:
                await self.ledger.report_pins([report for report, _ in waiting.reports])
            except Transient as trouble:
                for _, done in waiting.reports:
                    _failed(done, trouble)
            except Exception:  # noqa: BLE001 -- what nobody can write is in one of them, and is to cost no other one's
                for report, done in waiting.reports:
                    await self._write_alone(report, done)
            else:
                for _, done in waiting.reports:
                    done.set_result(None)

    async def _write_alone(self, report: PinReport, done: asyncio.Future[None]) -> None:
        try:
            await self.ledger.report_pins([report])
        except Exception as trouble:  # noqa: BLE001 -- who waits gets to know it
            _failed(done, trouble)
        else:
            done.set_result(None)


def _failed(done: asyncio.Future[None], trouble: Exception) -> None:
    done.set_exception(trouble)
    done.exception()  # whoever waited may be gone
