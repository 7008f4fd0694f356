"""Waiting for only so long, without cancelling what is waited for: a database connection dislikes being cut off."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger("croupier.server")


async def soon(asked: Awaitable[T], seconds: float) -> T | None:
    """What it says within this time, else ``None``. It goes on in the background."""
    task = asyncio.ensure_future(asked)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        return await task
    task.add_done_callback(told)
    return None


def told(task: "asyncio.Future[T]") -> None:
    """Nobody waits for this any more; its failure is only worth a line."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("given up waiting, and it failed: %s", error)
