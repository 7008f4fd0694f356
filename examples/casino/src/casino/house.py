"""What one service process is made of: its settings, and the parts that its routes share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import semver

from casino.book import Book
from casino.database import Database
from casino.faults import Faults
from casino.flags import Flags, FlagSource
from casino.metrics import Metrics
from casino.psp import Terminal
from casino.tokens import SessionTokens
from croupier.sdk import Rounds

if TYPE_CHECKING:  # an extra that a casino without such an edge does not need
    from croupier.sdk.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service was started."""

    service: str
    host: str
    port: int
    version: semver.Version
    database: Path
    drain_s: float
    linger_s: float
    password_cost: int
    stuck_after_s: float
    flags: FlagSource
    secret_file: Path | None = None
    session_key_file: Path | None = None
    visitor_key_file: Path | None = None
    secure_cookies: bool = True
    rounds_url: str = ""
    rounds_token_file: Path | None = None
    newcomer_s: float = 600.0
    """So long a newcomer may take to the first deposit."""

    def since(self, version: str) -> bool:
        """Whether this process runs at least that version (pre-releases of it count)."""
        return self.version.replace(prerelease=None, build=None) >= semver.Version.parse(version)


@dataclass(slots=True)
class Drain:
    """Whether the process is on its way out, and what it still owes."""

    draining: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0
    sockets: int = 0
    last_request: float = 0.0

    @property
    def started(self) -> bool:
        """True from the first SIGTERM on."""
        return self.draining.is_set()

    async def finished(self, bound_s: float, linger_s: float) -> None:
        """Return when nothing is owed and no request has come for `linger_s`, or after `bound_s` at the latest.

        The lingering serves callers that have not noticed the failing health check yet.
        """
        self.last_request = begun = time.monotonic()
        while time.monotonic() - begun < bound_s:
            quiet_s = time.monotonic() - self.last_request
            if self.in_flight == 0 and self.sockets == 0 and quiet_s >= linger_s:
                return
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class House:
    """The parts of one running service."""

    settings: Settings
    database: Database
    metrics: Metrics
    faults: Faults
    tokens: SessionTokens
    flags: Flags
    drain: Drain = field(default_factory=Drain)
    terminal: Terminal = field(default_factory=Terminal)
    visitors: Visitors | None = None
    """Where the edge tells players apart before their login."""
    rounds: Rounds = field(default_factory=lambda: Rounds("", "", "", ""))
    """Names rounds of several requests, and reports those that are open."""

    @property
    def version(self) -> str:
        """This process's version, as it appears in headers and labels."""
        return self.metrics.version

    def book(self, tx: sqlite3.Connection) -> Book:
        """The ledger within a write transaction."""
        return Book(tx, self.version, self.metrics)
