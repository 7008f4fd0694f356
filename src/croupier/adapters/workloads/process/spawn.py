"""Starts one process in a session of its own, recorded before it runs. Called by an instance that has none."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from croupier.adapters.workloads.process.command import environment, filled, shell_command
from croupier.adapters.workloads.process.home import Home
from croupier.adapters.workloads.process.identity import mark_of
from croupier.adapters.workloads.process.log import size
from croupier.adapters.workloads.process.record import Record, save, template_digest
from croupier.control.ports import VersionKey
from croupier.core.releases import ProcessTemplate


class CannotStart(Exception):
    """This process could not be started, and why, for a person."""


def spawn(home: Home, key: VersionKey, instance: int, template: ProcessTemplate, port: int) -> Record:
    """Start one instance; its record is on disk when the program begins.

    Raises ``CannotStart`` when the template is at fault, ``OSError`` when the system is (no process, no disk).
    """
    values = {"port": str(port), "version": key.version, "service": key.service, "instance": str(instance)}
    command = tuple(filled(word, values) for word in template.command)
    env = environment(template, values, os.environ)
    folder = Path(template.directory) if template.directory else None
    _check_program(command[0], env, folder)
    log = home.log(key, instance)
    log_from = size(log)
    shell = _waiting_shell(shell_command(command, template.limits), env, folder, log)
    with _held(shell) as go:
        mark = mark_of(shell.pid)
        if mark is None:
            raise OSError(f"the new process {shell.pid} cannot be looked at")
        record = Record(key, instance, port, mark, template, template_digest(template), log_from)
        save(home.records, record)
        go.write(b"\n")
    return record


@contextmanager
def _held(shell: subprocess.Popen[bytes]) -> Iterator[IO[bytes]]:
    """What the shell waits for; if that is not written before an error it leaves by itself."""
    pipe = cast("IO[bytes]", shell.stdin)
    try:
        yield pipe
    except BaseException:
        pipe.close()
        shell.wait()
        raise
    pipe.close()
    # From here it is waited for by pid, as adopted ones are, which have no Popen; this one must not miss its wait.
    shell.returncode = 0


def _check_program(program: str, env: dict[str, str], folder: Path | None) -> None:
    if folder is not None and not folder.is_dir():
        raise CannotStart(f"the directory {str(folder)!r} does not exist")
    path = str(folder / program) if folder is not None and "/" in program else program
    if shutil.which(path, path=env.get("PATH", os.defpath)) is None:
        raise CannotStart(f"the program {program!r} does not exist or may not be executed")


def _waiting_shell(words: list[str], env: dict[str, str], folder: Path | None, log: Path) -> subprocess.Popen[bytes]:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder,
            env=env,
            start_new_session=True,
            close_fds=True,
            bufsize=0,
        )
    finally:
        os.close(descriptor)
