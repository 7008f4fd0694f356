"""Cursor pages: the query parameters that every listing takes, and pages of what is in memory already."""

from collections.abc import Callable, Iterable
from heapq import nsmallest
from itertools import islice
from typing import Annotated, TypeVar

from fastapi import Query

from croupier.server.api.wire import Page

T = TypeVar("T")

Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before; leave it out to begin.")]
Limit = Annotated[int, Query(ge=1, le=200, description="So many items at the most.")]


def page_of(items: Iterable[T], key: Callable[[T], str], cursor: str | None, limit: int) -> Page[T]:
    """The page after the cursor, of items sorted by ``key``; the cursor is the last key of the page before."""
    later = items if cursor is None else (item for item in items if key(item) > cursor)
    rest = nsmallest(limit + 1, later, key=key)  # sorting all of them for every page would be quadratic work
    return first_of(rest, key, limit)


def first_of(items: Iterable[T], key: Callable[[T], str], limit: int) -> Page[T]:
    """The page that these begin with; they are sorted by ``key``, and no more are looked at than it takes."""
    rest = list(islice(items, limit + 1))
    shown = rest[:limit]
    return Page(items=shown, next=key(shown[-1]) if len(rest) > limit else None)
