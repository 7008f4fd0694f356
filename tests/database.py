"""A database as a new control plane makes it, copied: to make it anew for each of two thousand tests takes a minute.

Used by the control planes that tests of the server and of the command line run in their process.
"""

import os
import tempfile
from pathlib import Path

from sqlalchemy import make_url

from croupier.adapters.store.sql import migrate

_made: list[bytes] = []


async def place_database(store_url: str) -> None:
    """An empty database with today's schema, where the URL names a SQLite file that is not there yet."""
    url = make_url(store_url)
    if url.get_backend_name() != "sqlite":
        return
    if not _made:
        with tempfile.TemporaryDirectory() as folder:
            await migrate(f"sqlite:///{folder}/croupier.db")
            _made.append(_read(folder))
    _place(Path(url.database or ""))


def _read(folder: str) -> bytes:
    return (Path(folder) / "croupier.db").read_bytes()


def _place(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_made[0])
