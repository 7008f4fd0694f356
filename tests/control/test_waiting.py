"""Whatever comes first: the answer, an error, something urgent, or the end of patience."""

import asyncio
from collections.abc import Awaitable

import pytest

from croupier.control.waiting import Interrupted, unless


async def at_once(event: asyncio.Event | None = None) -> str:
    if event is not None:
        event.set()
    return "here"


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_what_comes_first_counts_and_beside_the_event_it_wins() -> None:
    event = asyncio.Event()
    assert await unless(at_once(), event) == "here"
    assert await unless(at_once(event), event) == "here"


async def test_what_it_raises_is_raised() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await unless(fails(), asyncio.Event())


@pytest.mark.parametrize("urgent", [False, True])
async def test_what_does_not_come_is_cancelled(urgent: bool) -> None:
    event, asked = asyncio.Event(), asyncio.ensure_future(never())
    if urgent:
        event.set()
    waited: Awaitable[str] = asked
    with pytest.raises(Interrupted):
        await unless(waited, event, for_s=None if urgent else 0.001)
    with pytest.raises(asyncio.CancelledError):
        await asked
