"""Any program as a smoke check: run without a shell, in a process group and a folder of its own; exit code 0 passes.

It sees a few variables only, and dies as a whole. Too late is no result, which says nothing about the version. Called
by the runner.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from croupier.adapters.smoke.junit import read_junit
from croupier.core.smoke import Command, Outcome, StepResult
from croupier.errors import Transient

TAIL: Final = 4_000
"""Characters of its output that are kept."""
_GRACE_S: Final = 2.0
_MOST: Final = 100_000_000
"""Bytes that it may print: reading them is work beside the loop's."""
_OWN: Final = "CROUPIER_SMOKE_DIR"
_PREFIX: Final = "croupier-smoke-"
_SWEEPS: Final = 5


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: why it failed (``None``: it passed), its tests, the end of what it printed."""

    failed: str | None
    tests: tuple[StepResult, ...]
    tail: str


async def run_command(
    command: Command,
    variables: Mapping[str, str],
    places: Mapping[str, str],
    within_s: float,
    told: Callable[[str], str] = str,
    run_dir: Path | None = None,
) -> Ran:
    """Run it. ``variables`` are its environment, ``places`` what ``{address}`` and the like stand for, ``told`` what
    may be told of what it printed. Its folder is made in ``run_dir``, where ``end_leftovers`` finds it again.

    Raises ``Transient`` where it cannot be started, has no result within ``within_s`` seconds, or prints without end.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=run_dir, ignore_cleanup_errors=True) as folder:
        known = {**places, "dir": folder}
        argv = [_filled(part, known) for part in command.argv]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": folder,
            "LANG": "C.UTF-8",
            **variables,
            _OWN: folder,
        }
        printed = _Printed()
        process, reading = await _started(argv, env, command.directory or folder, printed)
        try:
            async with asyncio.timeout(within_s):
                code = await process.wait()
        except TimeoutError:
            await _end(process)
            raise Transient(f"{argv[0]} had no result within {within_s:g} s.") from None
        finally:
            _kill(process)  # also what it left behind
            await asyncio.shield(asyncio.to_thread(_sweep, folder))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    await printed.ended.wait()
            reading.close()
        if printed.flood:
            raise Transient(f"{argv[0]} printed more than {_MOST:,} bytes.", hint="Let it write into a file.")
        tail = told(printed.text())[-TAIL:]
        return await asyncio.to_thread(_came_to, command, Path(folder), code, tail)


def end_leftovers(run_dir: Path) -> int:
    """End what a control plane that was killed left running, and forget it; how many processes that were. Who has a
    folder of ours in its environment is ours, whatever its pid: no other process has ever known that name. A folder
    that is not here is another's, in a container whose state directory has the same path.
    """
    ended: set[int] = set()
    folders = set(run_dir.glob(f"{_PREFIX}*"))
    for _ in range(_SWEEPS if folders else 0):  # while one is ended another one may begin a third
        found = [process for process in psutil.process_iter() if _folder_of(process) in folders]
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()  # which looks whether it is still the same
                ended.add(process.pid)
        if not found:
            break
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return len(ended)


def _folder_of(process: psutil.Process) -> Path:
    with contextlib.suppress(psutil.Error, OSError):
        return Path(process.environ().get(_OWN, "/"))
    return Path("/")


def _came_to(command: Command, folder: Path, code: int, tail: str) -> Ran:
    failed = None if code == 0 else f"exit code {code}" if code > 0 else f"ended by signal {-code}"
    tests: tuple[StepResult, ...] = ()
    if command.junit is not None:
        try:
            tests = read_junit(folder, command.junit)
        except ValueError as error:
            failed = failed or f"no report: {error}"
    bad = [test for test in tests if test.outcome is Outcome.FAILED]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        failed = f"{bad[0].name}: {bad[0].said or 'failed'}{more}"
    return Ran(failed, tests, tail)


class _Printed(asyncio.Protocol):
    """The end of what was printed. The pipe is ours and not the process's: what it left behind may hold the other end
    for ever.
    """

    def __init__(self) -> None:
        self.flood = False
        self.ended = asyncio.Event()
        self._kept = bytearray()
        self._count = 0
        self.stop: Callable[[], None] = lambda: None

    def data_received(self, data: bytes) -> None:
        self._kept += data
        self._count += len(data)
        del self._kept[: max(0, len(self._kept) - 8 * TAIL)]
        if self._count > _MOST and not self.flood:
            self.flood = True
            self.stop()

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()

    def text(self) -> str:
        """What is kept, from a line's beginning where something was dropped: half of a secret is one, too."""
        text = self._kept.decode(errors="replace")
        return text if self._count == len(self._kept) else text.partition("\n")[2]


async def _started(
    argv: list[str], env: dict[str, str], directory: str, printed: _Printed
) -> tuple[Process, asyncio.ReadTransport]:
    ours, theirs = os.pipe()
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: printed, os.fdopen(ours, "rb", 0))
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env, cwd=directory,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        reading.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Transient(f"{argv[0]} cannot be started: {why}.", hint="Is it installed where the check runs?") from None
    finally:
        os.close(theirs)
    printed.stop = lambda: _kill(process)
    return process, reading


async def _end(process: Process) -> None:
    _kill(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_S):
            await process.wait()


def _kill(process: Process, number: signal.Signals = signal.SIGKILL) -> None:
    """All of the group: it leads one of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _sweep(folder: str) -> None:
    """End what left the group (a daemon): it still has the folder in its environment."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(_OWN) == folder:
                process.kill()


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text
