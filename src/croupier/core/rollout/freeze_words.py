"""Freezes in words: ``frozen by sports/final until 2026-05-30 21:30 UTC (the final)``. Pure; for the headline, the
history, refusals and plans.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from croupier.core.rollout.events import Freeze


def when(at: float) -> str:
    """A time to the minute: ``2026-05-30 21:30 UTC``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def until(end: float | None) -> str:
    """``until 2026-05-30 21:30 UTC``; nobody knows for how long where there is no end."""
    return "until further notice" if end is None else f"until {when(end)}"


def closed(freezes: Iterable[Freeze]) -> str:
    """All that is waited for."""
    return " and ".join(f"{each.words} {until(each.until)}{f' ({each.why})' if each.why else ''}" for each in freezes)
