"""Where open rounds are kept: what services say that they opened and closed. No record: journals do not grow by rounds.

Each call is one transaction. Times are epoch seconds by the control plane's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from croupier.control.ports.memory import Page
from croupier.core.rollout.pins import PinnedId


@dataclass(frozen=True, slots=True)
class Opened:
    """A round that was opened, of whom (empty: not said), at."""

    kind: str
    id: str
    player: str
    at: float


@dataclass(frozen=True, slots=True)
class PinReport:
    """What one process (``client``) of a version says: what it opened, what anybody closed (kind and id). With it, it
    has said all that it opened until ``complete_at``. A round that is closed on another version than it was opened on
    went there in the middle: ``rollout`` is the service's newest, which that is put down to.
    """

    service: str
    client: str
    version: str
    opened: Sequence[Opened]
    closed: Sequence[tuple[str, str]]
    complete_at: float
    now: float
    ttl_s: float
    rollout: str = "-"


@dataclass(frozen=True, slots=True)
class Pin:
    """A round that is open, or that was ``moved`` (empty: it was not) in the middle, at, by that rollout, and why."""

    service: str
    kind: str
    id: str
    version: str
    player: str
    opened_at: float
    until: float
    moved_by: str = ""
    moved_at: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class VersionPins:
    """Open rounds of a version: how many, and until when the last of them counts. ``told_at``: of everybody who opens
    rounds there and was heard of lately, who has said the least, until then (``None``: nobody was heard of).
    ``unbound`` of them have no time by which the version is left, those in ``due`` had one, and it is over; ``unnamed``
    do not name their version.
    """

    service: str
    version: str
    count: int
    until: float
    told_at: float | None = None
    unbound: int = 0
    due: int = 0
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """So many rounds, and the first of them by name."""

    count: int
    ids: tuple[str, ...]


class PinLedger(Protocol):
    """Open rounds. A round closes once and for all, in whatever order that is reported."""

    async def report_pins(self, reports: Sequence[PinReport]) -> None:
        """Take in what was opened and closed; what is known already stays as it is. A round that another version closed
        is kept as moved.
        """
        ...

    async def open_pins(self, now: float, heard_s: float) -> Sequence[VersionPins]:
        """What is open at ``now``; processes heard of within ``heard_s`` say whether all of it is known."""
        ...

    async def unnamed_pins(self, service: str, now: float, limit: int) -> Sequence[PinnedId]:
        """Open ids that do not name their version, the oldest first."""
        ...

    async def leave_pins(self, service: str, version: str, by: float | None) -> None:
        """The version was left: what is open there counts until ``by`` at the most, unless a time was set before.
        ``None``: it is not left any more.
        """
        ...

    async def move_pins(
        self,
        service: str,
        version: str,
        rollout: str,
        why: str,
        now: float,
        *,
        due: bool,
        begun_by: float | None = None,
    ) -> Moved:
        """Take all that is open on the version for moved, with ``due`` only what counted until now and no longer, with
        ``begun_by`` only what was begun until then. Returns what this rollout moved so far.
        """
        ...

    async def pins(
        self, service: str, *, moved_by: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[Pin]:
        """Open ones, the oldest first, or those that a rollout moved."""
        ...

    async def forget_pins(self, now: float, moved_before: float) -> None:
        """Forget those whose time is over, and moved ones of long ago."""
        ...
