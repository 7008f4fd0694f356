"""Copies of real requests, which the edge marks while a new version is tried on them: they move nothing and count
nowhere.

Guarded where money and records are reached, not where requests come in: whatever path somebody allows by mistake, the
provider is not asked and the database is not written to. `Front` notes the mark; everything that the request runs, also
on the database's thread, has it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from prometheus_client import Counter, Histogram

from casino.errors import Refusal

MARK = b"x-croupier-shadow"
"""Only the edge sets it: it removes every `x-croupier-` header that clients send."""

marked: ContextVar[bool] = ContextVar("casino-shadow", default=False)
"""Whether what runs now is a copy."""


def refuse_copies(what: str) -> None:
    """Raises `Refusal` (409) in a copy."""
    if marked.get():
        raise Refusal(409, "shadow", f"a copied request must not {what}; nothing was done")


class _Nowhere:
    """Where copies are counted."""

    def inc(self, amount: float = 1) -> None:
        """Nothing."""

    def observe(self, amount: float) -> None:
        """Nothing."""


class PlayersCounter(Counter):
    """Counts what players do, and no copies of it."""

    def labels(self, *labelvalues: Any, **labelkwargs: Any) -> Any:
        """The series, or none for a copy."""
        return _Nowhere() if marked.get() else super().labels(*labelvalues, **labelkwargs)


class PlayersHistogram(Histogram):
    """Observes what players meet, and no copies of it."""

    def labels(self, *labelvalues: Any, **labelkwargs: Any) -> Any:
        """The series, or none for a copy."""
        return _Nowhere() if marked.get() else super().labels(*labelvalues, **labelkwargs)
