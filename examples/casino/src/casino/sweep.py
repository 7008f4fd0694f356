"""Finishing what a dead process has left: looked for again and again, by every process that lives."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from casino.errors import Refusal

EVERY_S = 2.0

T = TypeVar("T")


async def sweep(
    look: Callable[[], Awaitable[Iterable[T]]], finish: Callable[[T], Awaitable[object]], log: logging.Logger
) -> None:
    """Finish each thing that is found, for as long as this process lives."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            found = await look()
        except sqlite3.Error as error:
            log.warning("what was left unfinished cannot be looked for, will try again: %s", error)
            continue
        for each in found:  # each by itself: one that cannot be finished must not hold up those behind it
            try:
                await finish(each)
            except (sqlite3.Error, Refusal) as error:
                log.warning("what was left unfinished could not be finished, will try again: %s", error)
