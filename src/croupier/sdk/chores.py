"""What a client does beside listening, each at its time: acknowledge, fetch, write the cache, refill the decision log.

One daemon thread that sleeps until something is due. The clock is monotonic, so that clocks may jump.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from croupier.sdk.threads import start

Job: TypeAlias = Callable[[], None]

_log = logging.getLogger(__name__)


class Chores:
    """Jobs by name; a name waits once at most. A job that raises is logged, and the others go on."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, Job]] = {}
        self._turn = threading.Condition()
        self._stopped = False

    def after(self, delay_s: float, name: str, job: Job) -> None:
        """Do ``job`` in ``delay_s``; if the name waits already, whichever comes first."""
        due = time.monotonic() + delay_s
        with self._turn:
            if name not in self._due or due < self._due[name][0]:
                self._due[name] = (due, job)
                self._turn.notify()

    def start(self) -> None:
        start(self._work, "croupier-chores")

    def stop(self) -> None:
        """Drop what is not due yet, and end the thread after what it is doing."""
        with self._turn:
            self._stopped = True
            self._due.clear()
            self._turn.notify()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001 -- one chore's failure is no other's
                _log.exception("a chore of the flag client failed; it goes on")

    def _next(self) -> Job | None:
        with self._turn:
            while not self._stopped:
                name, (due, job) = min(
                    self._due.items(), key=lambda item: item[1][0], default=("", (float("inf"), _nothing))
                )
                wait_s = due - time.monotonic()
                if wait_s <= 0:
                    del self._due[name]
                    return job
                self._turn.wait(min(wait_s, threading.TIMEOUT_MAX))
        return None


def _nothing() -> None:
    """Never due."""
