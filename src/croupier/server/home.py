"""The state directory: made private, taken by one control plane at a time, and home of the first admin token's file."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from croupier.adapters.private_file import replace_private
from croupier.errors import Conflict, Rejected


@contextmanager
def taken(state_dir: Path) -> Iterator[None]:
    """Hold the directory. Raises ``Conflict`` where another control plane has it, ``Rejected`` where it is not ours."""
    _make_private(state_dir)
    try:
        descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(state_dir, error) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            raise Conflict(
                f"Another control plane{f' (process {holder})' if holder else ''} runs on {state_dir}.",
                hint="Stop it, or use another directory: CROUPIER_STATE_DIR.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def identity(state_dir: Path) -> str:
    """The name under which a control plane on this directory holds leases.

    It outlives the process: since ``taken`` lets one process in at a time, a successor after a crash is the same holder
    and acts at once, instead of waiting until its dead predecessor's lease expires.
    """
    path = state_dir / "identity"
    if not path.exists():
        write_secret(path, token_hex(8))
    # The file's own number tells a copy of the directory from the directory.
    return f"{socket.gethostname()}:{path.read_text(encoding='utf-8').strip()}:{path.stat().st_ino}"


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    replace_private(path, f"{text}\n".encode())


def _make_private(state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = state_dir.stat()
    except OSError as error:
        raise _unusable(state_dir, error) from None
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        raise Rejected(
            f"The state directory {state_dir} belongs to somebody else or is shared.",
            hint="Choose one of your own: CROUPIER_STATE_DIR.",
        )
    if found.st_mode & 0o077:
        state_dir.chmod(0o700)


def _unusable(state_dir: Path, error: OSError) -> Rejected:
    return Rejected(
        f"The state directory {state_dir} cannot be used: {error.strerror}.",
        hint="Make it writable, or choose another one: CROUPIER_STATE_DIR.",
    )
