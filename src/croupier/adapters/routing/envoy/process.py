"""One Envoy process: found running, or started so that it outlives us. Called by the supervisor.

A running Envoy is ours when its command line is exactly the one that we would start it with; the bootstrap file's name
carries a digest of its content, so the same command line means the same configuration.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from croupier.adapters.routing.envoy.files import open_private
from croupier.errors import Rejected, Transient

_POLL_S: Final = 0.02


class EnvoyProcess:
    """A process identified by pid and start time, whether we started it or found it."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def command(self) -> list[str]:
        """Empty once it is gone."""
        with contextlib.suppress(psutil.Error):
            return self._process.cmdline()
        return []

    def alive(self) -> bool:
        """Until its last thread has ended, and with it the hold on its port."""
        try:
            ended = self._process.status() == psutil.STATUS_ZOMBIE and self._process.num_threads() <= 1
            return self._process.is_running() and not ended
        except psutil.NoSuchProcess:
            return False

    def reap(self) -> None:
        """Collect a dead child, so that no zombie stays."""
        with contextlib.suppress(psutil.Error):
            self._process.wait(timeout=0)

    async def end(self, patience_s: float = 5.0) -> None:
        """SIGTERM, then SIGKILL."""
        for act in (self._process.terminate, self._process.kill):
            with contextlib.suppress(psutil.NoSuchProcess):
                act()
            if await self._gone(patience_s):
                return

    async def _gone(self, patience_s: float) -> bool:
        deadline = asyncio.get_running_loop().time() + patience_s
        while self.alive():
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_POLL_S)
        self.reap()
        return True


def start_process(command: Sequence[str], log: Path) -> EnvoyProcess:
    """Start Envoy in a session of its own: a signal to us, or our death, does not touch it. It gets no environment."""
    try:
        with open_private(log, "ab") as output:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={}, start_new_session=True
            )
    except OSError as error:
        raise Transient(f"{command[0]} cannot be started: {error.strerror}.") from error
    process = EnvoyProcess(psutil.Process(child.pid))
    # psutil follows it from here, as it does an adopted one; Popen would complain when we leave it serving.
    child.returncode = 0
    return process


def find_process(run_dir: Path) -> EnvoyProcess | None:
    """The live Envoy of this run directory, if any; by command line, so that no pid file can be stale or missing."""
    bootstrap = str(run_dir / "bootstrap-")
    for process in psutil.process_iter(["cmdline", "status", "uids"]):
        found = process.info  # values are None where another user's process may not be looked at
        command, user = found["cmdline"] or [], found["uids"]
        runs = len(command) > 2 and command[1] == "-c" and command[2].startswith(bootstrap)
        if runs and user and user.real == os.getuid() and found["status"] != psutil.STATUS_ZOMBIE:
            return EnvoyProcess(process)
    return None


async def validate(binary: Path, bootstrap: Path) -> None:
    """Let Envoy itself check the bootstrap. Raises ``Rejected`` with its reason."""
    child = await asyncio.create_subprocess_exec(
        binary, "--mode", "validate", "-c", bootstrap, "--log-level", "error", "--disable-hot-restart",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={},
    )  # fmt: skip
    _, output = await child.communicate()
    if child.returncode != 0:
        reason = output.decode(errors="replace").strip()[-500:]
        raise Rejected(f"Envoy refuses its bootstrap {bootstrap}: {reason}", hint="Check the edge's settings.")


def check_port(host: str, port: int) -> None:
    """Raises ``Transient`` when somebody listens there, and names them if it can be seen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        owner = _listener_on(port)
        raise Transient(
            f"Envoy cannot listen on {host}:{port}: {error.strerror}{f', held by {owner}' if owner else ''}.",
            hint="Stop what uses the port, or choose another for the edge.",
            retry_after_s=5.0,
        ) from error


async def accepts(host: str, port: int, patience_s: float = 1.0) -> bool:
    """Whether somebody takes connections there."""
    try:
        async with asyncio.timeout(patience_s):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _listener_on(port: int) -> str | None:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return None
