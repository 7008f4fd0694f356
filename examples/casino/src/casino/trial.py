"""Trial requests: smoke checks, which the edge marks. They move money of marked test accounts only, by the providers'
sandboxes, and count nowhere: nobody plays there.

Asked by the front, which knows the request, and wherever something is counted or paid.
"""

from __future__ import annotations

from contextvars import ContextVar

from starlette.requests import Request

from casino import identity
from casino.errors import Refusal
from casino.identity import Player
from casino.requests import house_of

MARK = (b"x-croupier-smoke", b"1")
"""Only the edge can say so: it takes such headers away from everybody else."""
TRIAL: ContextVar[bool] = ContextVar("trial", default=False)


async def require_tester(request: Request, player: Player) -> None:
    """Raise `Refusal` (403) where trial money would reach somebody who is no marked test account."""
    if TRIAL.get() and not await house_of(request).database.read(lambda tx: identity.is_tester(tx, player.id)):
        raise Refusal(403, "not_a_test_account", "trial money is for marked test accounts: python -m casino.testers")
