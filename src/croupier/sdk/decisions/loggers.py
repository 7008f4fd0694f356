"""Decisions to the application's own log, by the standard library's logging or by structlog.

They are written in the thread that asked, so that what the application binds to its log lines (a request's id) is
there. Whoever must not wait for a slow log configures a queue there, as for all log lines.
"""

import json
import logging
from typing import Any, Final

from croupier.sdk.decisions.decision import Decision, Entry, LeftOut, Tracked

_EVENTS: Final = {Decision: "flag_decision", LeftOut: "flag_decisions_left_out", Tracked: "flag_tracking"}


class ToLogging:
    """As ``INFO`` records: the fields as JSON in the message, and by themselves in ``record.decision``."""

    def __init__(self, logger: logging.Logger | str = "croupier.decisions") -> None:
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger

    def write(self, entry: Entry) -> None:
        if self._logger.isEnabledFor(logging.INFO):
            fields = entry.fields()
            words = json.dumps(fields, ensure_ascii=False, default=str)
            self._logger.info("%s %s", _EVENTS[type(entry)], words, extra={"decision": fields})

    def flush(self) -> None:
        """Loggers flush themselves."""

    def forget(self) -> None:
        """Nothing waits here."""


class ToStructlog:
    """As structlog events; ``logger`` is any bound logger, the application's configured one if it is left out."""

    def __init__(self, logger: Any = None) -> None:
        if logger is None:
            import structlog

            logger = structlog.get_logger("croupier.decisions")
        self._logger = logger

    def write(self, entry: Entry) -> None:
        self._logger.info(_EVENTS[type(entry)], **entry.fields())

    def flush(self) -> None:
        """Loggers flush themselves."""

    def forget(self) -> None:
        """Nothing waits here."""
