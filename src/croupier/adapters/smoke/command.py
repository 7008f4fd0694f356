"""Any program as a smoke check: run without a shell, in a process group and a folder of its own; exit code 0 passes.

It sees a few variables only, and dies as a whole. Too late is no result, which says nothing about the version. Called
by the runner.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from croupier.adapters.smoke.junit import read_junit
from croupier.core.smoke import Command, Outcome, StepResult
from croupier.errors import Transient

TAIL: Final = 4_000
"""Characters of its output that are kept."""
_GRACE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: why it failed (``None``: it passed), its tests, the end of what it printed."""

    failed: str | None
    tests: tuple[StepResult, ...]
    tail: str


async def run_command(
    command: Command, variables: Mapping[str, str], places: Mapping[str, str], within_s: float
) -> Ran:
    """Run it. ``variables`` are its environment, ``places`` what ``{address}`` and the like stand for. Raises
    ``Transient`` where it cannot be started, or has no result within ``within_s`` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="croupier-smoke-") as folder:
        known = {**places, "dir": folder}
        argv = [_filled(part, known) for part in command.argv]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": folder,
            "LANG": "C.UTF-8",
            **variables,
            "CROUPIER_SMOKE_DIR": folder,
        }
        process = await _started(argv, env, command.directory or folder)
        printed = bytearray()
        try:
            async with asyncio.timeout(within_s):
                await _printed(process, printed)
                code = await process.wait()
        except TimeoutError:
            await _end(process)
            raise Transient(f"{argv[0]} had no result within {within_s:g} s.") from None
        finally:
            _kill(process)  # also what it left behind
        tail = printed.decode(errors="replace")[-TAIL:]
        return _came_to(command, Path(folder), code, tail)


def _came_to(command: Command, folder: Path, code: int, tail: str) -> Ran:
    failed = None if code == 0 else f"exit code {code}" if code > 0 else f"ended by signal {-code}"
    tests: tuple[StepResult, ...] = ()
    if command.junit is not None:
        try:
            tests = read_junit(folder / command.junit)
        except ValueError as error:
            failed = failed or f"no report: {error}"
    bad = [test for test in tests if test.outcome is Outcome.FAILED]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        failed = f"{bad[0].name}: {bad[0].said or 'failed'}{more}"
    return Ran(failed, tests, tail)


async def _started(argv: list[str], env: dict[str, str], directory: str) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT, env=env, cwd=directory,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Transient(f"{argv[0]} cannot be started: {why}.", hint="Is it installed where the check runs?") from None


async def _printed(process: Process, kept: bytearray) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while part := await process.stdout.read(65_536):
        kept += part
        del kept[: max(0, len(kept) - 4 * TAIL)]


async def _end(process: Process) -> None:
    _kill(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_S):
            await process.wait()


def _kill(process: Process, number: signal.Signals = signal.SIGKILL) -> None:
    """All of the group: it leads one of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text
