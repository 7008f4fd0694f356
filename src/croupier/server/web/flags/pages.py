"""What people look at: ``/flags`` and ``/flags/{key}``, with the parts that live pages fetch again and again."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from croupier.core.flags.model import FlagType
from croupier.errors import Rejected
from croupier.server.context import Here
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.flags.actions import verbs
from croupier.server.web.flags.index import Only, Wish
from croupier.server.web.flags.reach import Reached
from croupier.server.web.flags.read import Cards, asked, past, sight
from croupier.server.web.flags.rows import marks, rows
from croupier.server.web.read import in_time
from croupier.server.web.session import Visitor

PAGE: Final = 50
ENTRIES: Final = 50

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Key = Annotated[str, Path(max_length=128)]
Word = TypeVar("Word", bound=StrEnum)


class Asked(BaseModel):
    """A list's address. ``after`` is the key that the page begins after."""

    model_config = ConfigDict(frozen=True)

    q: str = Field("", max_length=200)
    type: str = Field("", max_length=20)
    state: str = Field("", max_length=20)
    environment: str = Field("", max_length=60)
    after: str | None = Field(None, max_length=128)


@router.get("/flags")
async def flags(
    request: Request,
    here: Here,
    cards: Cards,
    reached: Reached,
    _who: Visitor,
    asked_for: Annotated[Asked, Query()],
) -> Response:
    """The flags that are wished for, a page at a time; the live part alone for a page that is open already."""
    book, now = here.flags.book, here.ports.clock.now()
    wish, after = _wish(asked_for, book.environments), asked_for.after
    found = await cards.find(wish, after=after, limit=PAGE, now=now)
    return render(
        request,
        "flags/list_live.html" if "hx-request" in request.headers else "flags/list.html",
        wish=wish,
        address=_address(wish, book.environments[0]),
        found=found,
        reached=reached,
        rows=rows(found.cards, wish.environment, book.unrecorded, now),
        after=after,
        environments=book.environments,
        ruleset=book.version,
        unrecorded=sorted(book.unrecorded),
    )


@router.get("/flags/{key}")
async def flag_page(request: Request, here: Here, reached: Reached, _who: Visitor, key: Key) -> Response:
    """One flag; the live part alone for a page that is open already."""
    found = await sight(here, key)
    return render(
        request,
        "flags/flag_live.html" if "hx-request" in request.headers else "flags/flag.html",
        sight=found,
        reached=reached,
        s=found.state,
        marks=marks(found.state, found.now),
        verbs=verbs(found.state),
        asked=asked(found.flag),
        environments=here.flags.book.environments,
    )


@router.get("/flags/{key}/history")
async def history(
    request: Request, here: Here, _who: Visitor, key: Key, after: Annotated[int, Query(ge=-1, le=2**53)] = -1
) -> Response:
    """Everything that happened to it, oldest first."""
    entries = await in_time(here.ports.journal.entries(after, ENTRIES + 1, f"flag/{key}"))
    shown = entries[:ENTRIES]
    items = tuple(reversed(past(tuple(reversed(shown)))))
    following = shown[-1].seq if len(entries) > ENTRIES else None
    return render(request, "flags/history.html", key=key, items=items, after=after, following=following)


def _wish(asked_for: Asked, environments: Sequence[str]) -> Wish:
    """Raises ``Rejected`` for what cannot be wished for."""
    environment = asked_for.environment or environments[0]
    if environment not in environments:
        raise Rejected(f"There is no environment '{environment}'.", hint=f"There are: {', '.join(environments)}.")
    kind = _word(FlagType, asked_for.type, "type") if asked_for.type else None
    return Wish(asked_for.q.strip(), kind, _word(Only, asked_for.state, "state"), environment)


def _word(words: type[Word], text: str, what: str) -> Word:
    try:
        return words(text)
    except ValueError:
        known = ", ".join(word for word in words if word)
        raise Rejected(f"'{text}' is no {what} of a flag.", hint=f"Choose one of: {known}.") from None


def _address(wish: Wish, first: str) -> str:
    """The list's own address, without what goes without saying."""
    said = {
        "q": wish.q,
        "type": wish.type or "",
        "state": wish.only,
        "environment": wish.environment if wish.environment != first else "",
    }
    query = urlencode({name: str(value) for name, value in said.items() if value})
    return f"/flags?{query}" if query else "/flags"
