"""What clients report, on its way into the ledger: filtered, put together, written by one writer at a time.

While a transaction runs, whatever else arrives waits and goes into the next one: ten thousand clients make as many
transactions as the database can do, not ten thousand, and none is long. A client is answered when its reports are
counted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from croupier.control.experiments.experiments import Experiments
from croupier.control.ports.experiments import Batch
from croupier.core.experiments import Report, Run
from croupier.errors import Transient

MOST_WAITING: Final = 200_000
"""Reports that may wait; beyond, clients are told to come back."""
AT_ONCE: Final = 2_000
"""Reports of one transaction: the control loop writes into the same database, and waits for no more than that."""


@dataclass(slots=True)
class _Waiting:
    """What arrived since the writer last took everything."""

    reports: dict[str, list[Report]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    count: int = 0
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(slots=True)
class Intake:
    """One per process, on the event loop."""

    experiments: Experiments
    _waiting: _Waiting | None = None
    _writer: asyncio.Task[None] | None = None
    _runs: dict[str, Run] = field(default_factory=dict)

    async def take(self, environment: str, client: str, runs: Mapping[str, Sequence[Report]], lost: int) -> None:
        """Count what the client says, of the runs that there are in this environment. Raises ``Transient`` where too
        much waits, or the store is out of reach: then the client sends it again.
        """
        measured = self.experiments.measured()
        known = {run: reports for run, reports in runs.items() if measured.get(run) == environment}
        if not known:
            return
        waiting = self._waiting = self._waiting or _Waiting()
        if waiting.count > MOST_WAITING:
            raise Transient("Too many reports wait to be counted.", retry_after_s=5.0)
        for run, reports in known.items():
            waiting.reports.setdefault(run, []).extend(reports)
            waiting.count += len(reports)
        if lost:
            waiting.lost[client] = max(lost, waiting.lost.get(client, 0))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="experiments")
        await asyncio.shield(waiting.done)

    async def _write(self) -> None:
        while (waiting := self._waiting) is not None:
            self._waiting = None
            try:
                await self._count(waiting)
            except Exception as trouble:  # noqa: BLE001 -- each who waits gets to know it
                waiting.done.set_exception(trouble)
                waiting.done.exception()  # whoever waited may be gone
            else:
                waiting.done.set_result(None)

    async def _count(self, waiting: _Waiting) -> None:
        now = self.experiments.recorder.clock.now()
        if not self._runs.keys() >= waiting.reports.keys():  # what a run asks for never changes
            self._runs = {run.id: run for run in await self.experiments.running()}
        for run_id, reports in waiting.reports.items():
            run = self._runs.get(run_id)
            if run is not None:
                dealing = self.experiments.as_planned(run)
                wanted = [report for report in reports if _wanted(run, report, dealing=dealing)]
                for start in range(0, max(len(wanted), 1), AT_ONCE):
                    batch = Batch(wanted[start : start + AT_ONCE], waiting.lost, now)
                    await self.experiments.ledger.count(run_id, batch)


def _wanted(run: Run, report: Report, *, dealing: bool) -> bool:
    """Whether the plan asks for it: a variant that it compares, before its end, from a flag that is ``dealing`` as it
    did at the start; an event that it counts.
    """
    if report.variant:
        return dealing and report.at <= run.ends_at and any(arm.variant == report.variant for arm in run.plan.arms)
    return report.event in run.plan.experiment.events
