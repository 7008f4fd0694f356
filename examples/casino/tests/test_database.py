"""Services share one database file, and start together."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from casino.database import connect


def test_services_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    together = Barrier(4)

    def open_it(path: Path) -> None:
        together.wait()
        connect(path).close()

    with ThreadPoolExecutor(4) as services:
        for attempt in range(40):
            list(services.map(open_it, [tmp_path / f"{attempt}.db"] * 4))
