"""``Comparer`` as a process: started when a step first compares, told what to compare, started again when it dies.

A process of its own, so that bodies from outside cost the control loop neither time nor memory. Built by
``server.app``.
"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from croupier.adapters.comparing.wire import read_report, write_wanted
from croupier.control.ports.comparing import Comparison
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.shadow.tally import merged

_AGAIN_S: Final = 1.0
_LONGEST_LINE: Final = 4 * 1024 * 1024
_END_S: Final = 5.0

_log = structlog.get_logger(__name__)


class ProcessComparer:
    """Listens at ``socket``, where the data plane sends what is to be compared."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._wanted: tuple[Comparison, ...] = ()
        self._changed = asyncio.Event()
        self._before: dict[str, ShadowReport] = {}
        """Of processes that died."""
        self._now: dict[str, ShadowReport] = {}
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    def compare(self, wanted: Sequence[Comparison]) -> None:
        """As ``Comparer.compare``."""
        if tuple(wanted) == self._wanted:
            return
        self._wanted = tuple(wanted)
        self._changed.set()
        ids = {each.id for each in wanted}
        for known in (self._before, self._now):
            for gone in known.keys() - ids:
                del known[gone]
        if self._wanted and self._task is None:
            self._task = asyncio.create_task(self._supervise(), name="comparing")

    def found(self, id_: str) -> ShadowReport | None:
        """As ``Comparer.found``."""
        parts = [known[id_] for known in (self._before, self._now) if id_ in known]
        return merged(parts) if parts else None

    async def stop(self) -> None:
        """End the process."""
        self._wanted = ()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _supervise(self) -> None:
        """Keep the process running as long as there is something to compare; for ever."""
        while True:
            await self._changed.wait()
            while self._wanted:
                try:
                    await self._run()
                except (OSError, ValueError) as trouble:
                    _log.warning("answers are not compared", reason=str(trouble))
                if self._wanted:
                    self._keep()
                    _log.warning("the comparing process ended; starting it again")
                    await asyncio.sleep(_AGAIN_S)
            self._changed.clear()

    def _keep(self) -> None:
        """What a process counted before it died still counts."""
        for id_, report in self._now.items():
            known = [self._before[id_]] if id_ in self._before else []
            self._before[id_] = merged([*known, report])
        self._now = {}

    async def _run(self) -> None:
        """One process, until it ends or there is nothing more to compare."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "croupier.adapters.comparing.process", str(self._socket)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        self._process = process
        telling = asyncio.create_task(self._tell(process))
        try:
            if process.stdout is not None:
                while line := await process.stdout.readline():
                    id_, report = read_report(line)
                    if any(each.id == id_ for each in self._wanted):
                        self._now[id_] = report
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
            await _end(process)
            self._process = None

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        """Tell the process what to compare whenever that changes; nothing more: end its input."""
        if process.stdin is None:
            return
        with contextlib.suppress(ConnectionError):
            while True:
                self._changed.clear()
                process.stdin.write(write_wanted(self._wanted))
                await process.stdin.drain()
                if not self._wanted:
                    process.stdin.close()
                    return
                await self._changed.wait()


async def _end(process: asyncio.subprocess.Process) -> None:
    """By its input, and by force where that does not help."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
