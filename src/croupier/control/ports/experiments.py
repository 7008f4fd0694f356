"""Where experiments' players are counted. Telemetry, not record: what a run found is recorded when it is stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from croupier.core.experiments import Report, Run, Tally


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports that are counted in one transaction. ``lost`` says for clients how many reports they left out so far."""

    reports: Sequence[Report]
    lost: Mapping[str, int]
    now: float


@dataclass(frozen=True, slots=True)
class Point:
    """What was counted at one time (epoch seconds), for the course of a result."""

    at: float
    tally: Tally


class RunLedger(Protocol):
    """Runs of experiments with their players. Each call is one transaction."""

    async def begin_run(self, run: Run) -> None:
        """Know the run; one that is known stays as it is."""
        ...

    async def runs(self, experiment: str | None = None, limit: int = 100) -> Sequence[Run]:
        """Those that are not over first, the newest first."""
        ...

    async def count(self, run_id: str, batch: Batch) -> Tally | None:
        """Count the batch, each player once whatever comes again; ``None`` for a run that is unknown or over."""
        ...

    async def points(self, run_id: str) -> Sequence[Point]:
        """The course of the run, oldest first: closer at the beginning, some hundred points in all."""
        ...

    async def end_run(self, run_id: str, at: float, by: str, withheld: str = "") -> Run | None:
        """It is over: its players are forgotten, its totals stay. ``None`` where there is no such run."""
        ...

    async def drop_run(self, run_id: str) -> None:
        """Forget a run that did not come about."""
        ...
