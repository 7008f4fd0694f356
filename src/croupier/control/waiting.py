"""Waiting for the outside, but not at any price: something more urgent ends it, or that it takes too long.

Used by the reconciler, which has players to move while a database or a data plane says nothing.
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Patient(Protocol):
    """Waits for the store, and raises ``Transient`` where that takes too long."""

    def __call__(self, asked: Awaitable[T], /) -> Awaitable[T]: ...


class Interrupted(Exception):
    """What was waited for did not come first. Whether it comes later is not known."""


async def unless(asked: Awaitable[T], event: asyncio.Event, *, for_s: float | None = None) -> T:
    """What ``asked`` gives or raises. ``Interrupted`` where the event comes before it, or ``for_s`` seconds pass: then
    it is cancelled, and not waited for.
    """
    task = asyncio.ensure_future(asked)
    happens = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({task, happens}, timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Interrupted
    finally:
        task.cancel()
        happens.cancel()
