"""``/journal`` and ``/events``: the record, its proofs, and a stream of what is added to it."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from croupier.errors import NotFound, Rejected
from croupier.server.api import models as m
from croupier.server.api import record_views
from croupier.server.api.paging import Limit
from croupier.server.auth import Viewer
from croupier.server.context import Context, Here
from croupier.server.problems import TooManyRequests, respond_error

router = APIRouter(tags=["journal"])

PING_S = 15
SEND_TIMEOUT_S = 10
"""A client that takes nothing for so long is dropped."""

Seq = Annotated[int, Path(ge=0, le=2**53)]
_SEQ: Final = re.compile(r"-?[0-9]{1,16}")


@router.get("/journal", operation_id="list_journal", summary="Read the journal")
async def list_entries(
    here: Here,
    after: Annotated[int, Query(ge=-1, le=2**53, description="Only entries with a higher number.")] = -1,
    limit: Limit = 100,
    subject: Annotated[str | None, Query(max_length=200, examples=["rollout/payments-7"])] = None,
    newest: Annotated[bool, Query(description="The last entries, newest first, instead; `after` is ignored.")] = False,
) -> m.Page[m.EntryView]:
    """Who did what, when and why, oldest first. `next` is the `after` of the following page."""
    if newest:
        latest = await here.ports.journal.latest(limit, subject)
        return m.Page(items=[record_views.entry(recorded) for recorded in latest])
    found = await here.ports.journal.entries(after, limit + 1, subject)
    shown = found[:limit]
    return m.Page(
        items=[record_views.entry(recorded) for recorded in shown],
        next=str(shown[-1].seq) if len(found) > limit else None,
    )


@router.get("/journal/head", operation_id="get_journal_head", summary="Read the tree's head")
async def get_head(here: Here) -> m.HeadView:
    """Size and root of the journal's Merkle tree. Keep it outside: it shows later that nothing was rewritten."""
    head = await here.ports.journal.head()
    return m.HeadView(size=head.size, root=head.root.hex())


@router.get("/journal/verify", operation_id="verify_journal", summary="Verify the journal")
async def verify(here: Here) -> m.VerificationView:
    """Read the whole record and check it against itself and against the stored states."""
    return record_views.verification(await here.ports.journal.verify())


@router.get("/journal/{seq}/proof", operation_id="prove_entry", summary="Prove that an entry is in the journal")
async def prove(
    here: Here,
    seq: Seq,
    size: Annotated[int | None, Query(ge=1, le=2**53, description="Of the tree; by default the present one.")] = None,
) -> m.ProofView:
    """The inclusion proof of RFC 9162: anyone can check it offline against a root that they kept."""
    found = await here.ports.journal.entries(seq - 1, 1)
    if not found or found[0].seq != seq:
        raise NotFound(f"The journal has no entry {seq}.", hint="See: GET /api/v1/journal/head")
    head = await here.ports.journal.head()
    wanted = head.size if size is None else size
    if wanted > head.size:
        raise Rejected(f"The journal has {head.size} entries, not {wanted}.", hint="Name a size up to that.")
    proof = await here.ports.journal.inclusion_proof(seq, wanted)
    return m.ProofView(
        seq=seq,
        size=wanted,
        body=found[0].body.decode(),
        leaf_hash=found[0].leaf_hash.hex(),
        proof=[step.hex() for step in proof],
        root=head.root.hex() if wanted == head.size else None,
    )


@router.get(
    "/events",
    operation_id="stream_events",
    summary="Follow the journal",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "`id` is the entry's number, `data` an EntryView."}
    },
)
async def stream_events(
    here: Here,
    who: Viewer,
    rollout: Annotated[str | None, Query(max_length=100, description="Only this rollout's entries.")] = None,
    after: Annotated[int | None, Query(ge=-1, le=2**53, description="Begin after this entry; by default now.")] = None,
    last_event_id: Annotated[str | None, Header(max_length=30)] = None,
) -> EventSourceResponse:
    """Every new entry as a server-sent event named `entry`. A browser resumes by itself (`Last-Event-ID`)."""
    return await event_stream(here, rollout=rollout, after=after, last_event_id=last_event_id, reader=who.id)


async def event_stream(
    here: Context,
    *,
    rollout: str | None = None,
    after: int | None = None,
    last_event_id: str | None = None,
    reader: str | None = None,
) -> EventSourceResponse:
    """The stream; the page offers the same one to its sessions. It ends once the token ``reader`` is revoked."""
    if last_event_id is not None and _SEQ.fullmatch(last_event_id.strip()):
        after = int(last_event_id)
    start = await here.streams.position() if after is None else after
    subject = f"rollout/{rollout}" if rollout else None
    return _Seated(here, _events(here, start, subject, reader))


class _Seated(EventSourceResponse):
    """A stream that counts from its first byte to its last, or is refused: many may ask at the same moment."""

    def __init__(self, here: Context, events: AsyncIterator[ServerSentEvent]) -> None:
        super().__init__(events, ping=PING_S, send_timeout=SEND_TIMEOUT_S, sep="\n")
        self._streams = here.streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._streams.seat():
                await super().__call__(scope, receive, send)
        except TooManyRequests as full:
            await respond_error(scope, full)(scope, receive, send)


async def _events(here: Context, after: int, subject: str | None, reader: str | None) -> AsyncIterator[ServerSentEvent]:
    # Tells the client at once that it is heard, and from where it goes on.
    yield ServerSentEvent(comment=f"after {after}")
    async for recorded in here.streams.follow(after, subject):
        if reader is not None and here.keyring.holder(reader) is None:
            return
        yield ServerSentEvent(
            record_views.entry(recorded).model_dump_json(by_alias=True),
            event="entry",
            id=str(recorded.seq),
            retry=1_000,
        )
