"""Sends what experiments want to hear of, in batches, in a thread of its own that exists only while one runs.

A batch that is not answered is sent again: the control plane counts nothing twice. Started and stopped by
``Background``.
"""

import logging
import random
import time
from collections.abc import Sequence
from typing import Final

from croupier.sdk.backoff import Backoff
from croupier.sdk.chores import Chores
from croupier.sdk.connection import Connection, Refused
from croupier.sdk.exposures import Exposures, Waiting, body_of

EVERY_S: Final = 2.0
"""Reports wait so long for others to go along, and up to twice that, so that processes spread out."""
MOST_SENT: Final = 1_000
"""Reports of one batch."""
_LAST_S: Final = 2.0
"""What a client that ends may wait for the control plane to take the rest."""
_log = logging.getLogger(__name__)


class Reporting:
    """One process's. ``begin`` may be called from any thread, at any time."""

    def __init__(self, connection: Connection, exposures: Exposures, chores: Chores) -> None:
        self._connection = connection
        self._exposures = exposures
        self._chores = chores
        self._backoff = Backoff(EVERY_S)
        self._told_lost = 0
        self._due = False

    def begin(self) -> None:
        """There is something to send."""
        if not self._due:
            self._due = True
            self._send_in(random.uniform(EVERY_S, 2 * EVERY_S))  # noqa: S311 -- spreads load, keeps no secret

    def finish(self) -> None:
        """Bring out the rest, once, without waiting for long."""
        rest = self._exposures.take(MOST_SENT)
        if rest or self._exposures.lost != self._told_lost:
            try:
                self._send(rest, _LAST_S)
            except Exception as error:  # noqa: BLE001 -- the end must come
                _log.info("%d reports of experiments were not taken at the end: %s", len(rest), error)

    def _send_in(self, delay_s: float) -> None:
        self._chores.after(delay_s, "report", self._work)

    def _work(self) -> None:
        self._due = False  # what comes from now on begins anew
        while reports := self._exposures.take(MOST_SENT):
            try:
                self._send(reports)
                self._backoff.succeeded()
            except Refused as refused:
                # Sent again it would be refused again; without an end it would keep out what comes later.
                _log.warning("the control plane refused %d reports of experiments: %s", len(reports), refused)
                if refused.status < 500 and refused.status != 429:
                    self._exposures.lost += len(reports)
                    continue
                self._later(reports)
                return
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is tried again
                _log.info("reports of experiments wait: %s", error)
                self._later(reports)
                return

    def _later(self, reports: Sequence[Waiting]) -> None:
        self._exposures.put_back(reports)
        self._due = True
        self._send_in(EVERY_S + self._backoff.next_s())

    def _send(self, reports: Sequence[Waiting], timeout_s: float = 10.0) -> None:
        lost = self._exposures.lost
        body = body_of(self._connection.name, reports, lost, time.monotonic())
        self._connection.report(body, timeout_s)
        self._told_lost = lost
