"""``/tokens``, ``/me``, ``/about``: who may talk to the server, who is asking, and what this is."""

from dataclasses import replace
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from croupier.control.ports import Commit
from croupier.core.journal.entry import Entry
from croupier.errors import NotFound, Rejected
from croupier.server.api import models as m
from croupier.server.api import views
from croupier.server.api.formats import moment
from croupier.server.api.idempotency import Kept
from croupier.server.api.paging import Cursor, Limit, page_of
from croupier.server.auth import Admin, Role, Viewer, mint
from croupier.server.context import Here

router = APIRouter(tags=["people"])


@router.get("/about", operation_id="about", summary="What is this?")
async def about(here: Here) -> m.About:
    """Version of the control plane, where players come in, and what time it is here."""
    return m.About(version=version("croupier"), edge=here.settings.edge_url, now=moment(here.ports.clock.now()))


@router.get("/me", operation_id="me", summary="Who am I?")
async def me(who: Viewer) -> m.Me:
    """The name and role of the token that asks."""
    return m.Me(name=who.name, role=who.role.value)


@router.get("/tokens", operation_id="list_tokens", summary="List tokens")
async def list_tokens(here: Here, _who: Admin, cursor: Cursor = None, limit: Limit = 50) -> m.Page[m.TokenView]:
    """Every token, revoked ones too; never a secret."""
    found = [views.token(token) for token in await here.tokens.tokens()]
    return page_of(found, lambda item: f"{item.created_at}/{item.id}", cursor, limit)


@router.post(
    "/tokens", operation_id="create_token", status_code=201, response_model=m.TokenCreated, summary="Make a token"
)
async def create_token(request: Request, here: Here, who: Admin, asked: m.TokenRequest) -> Response:
    """Make a token. Its text is shown this once; a repeated answer to the same idempotency key has none."""

    if asked.environment is not None:
        if asked.role != "client":
            raise Rejected("Only a client's token is for one environment.", hint="Leave environment out.")
        here.flags.book.snapshot(asked.environment)  # there is such an environment
    if asked.services and asked.role != "reporter":
        raise Rejected("Only a reporter's token is for services.", hint="Leave services out.")

    async def run(kept: Kept) -> Response:
        now = here.ports.clock.now()
        token, text = mint(asked.name, Role(asked.role), now, asked.environment, asked.services)
        shown = m.TokenCreated(**views.token(token).model_dump(), token=None)
        event = {"type": "token_created", "id": token.id, "name": token.name, "role": token.role}
        entry = Entry(now, who.name, "create token", f"token/{token.id}", (event,), asked.reason)
        await here.ports.store.commit(Commit((entry,), now, tokens=(token,), answer=kept.keep(201, shown)))
        here.keyring.learn(token)
        body = shown.model_copy(update={"token": text}).model_dump_json(by_alias=True)
        return Response(body, 201, {"Cache-Control": "no-store"}, media_type="application/json")

    return await here.answers.once(request, who, run)


@router.delete("/tokens/{token_id}", operation_id="revoke_token", summary="Revoke a token")
async def revoke_token(here: Here, who: Admin, token_id: Annotated[str, Path(max_length=40)]) -> m.TokenView:
    """From now on nobody gets in with it. Revoking it twice changes nothing."""
    known = next((token for token in await here.tokens.tokens() if token.id == token_id), None)
    if known is None:
        raise NotFound(f"There is no token '{token_id}'.", hint="See: GET /api/v1/tokens")
    if known.revoked_at is not None:
        return views.token(known)
    if known.id == who.id:
        raise Rejected("A token cannot revoke itself.", hint="Use another admin's, so that somebody can still get in.")
    now = here.ports.clock.now()
    event = {"type": "token_revoked", "id": known.id, "name": known.name, "role": known.role}
    entry = Entry(now, who.name, "revoke token", f"token/{known.id}", (event,))
    revoked = replace(known, revoked_at=now)
    await here.ports.store.commit(Commit((entry,), now, tokens=(revoked,)))
    here.keyring.learn(revoked)
    return views.token(revoked)
