"""``/services/{service}/version-tokens``: tokens with which a request reaches one version, whatever players get.

For people and CI that look at a version before players have it; of several services that move as one, at all of them.
Each is recorded: who asked, for which versions, why.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from croupier.control.ports import Commit, VersionKey
from croupier.control.recorded import recorded_release
from croupier.control.smoking import moving_with
from croupier.core.journal.entry import Entry
from croupier.core.smoke.override import TOKEN_HEADER
from croupier.errors import Rejected
from croupier.server.api import models as m
from croupier.server.api.formats import moment
from croupier.server.api.idempotency import Kept
from croupier.server.auth import Operator
from croupier.server.context import Here

router = APIRouter(prefix="/services", tags=["services"])


@router.post(
    "/{service}/version-tokens",
    operation_id="create_version_token",
    status_code=201,
    response_model=m.VersionTokenView,
    summary="Make a token for one version",
)
async def create_version_token(
    request: Request,
    here: Here,
    who: Operator,
    service: Annotated[str, Path(max_length=63)],
    asked: m.VersionTokenRequest,
) -> Response:
    """Requests that carry it in the header it names reach this version through the edge, are marked, and count in no
    gate. It is no login. Its text is shown this once; a repeated answer to the same idempotency key has none.
    """
    overrides, store = here.ports.overrides, here.ports.store
    if overrides is None:
        raise Rejected("This control plane's data plane lets nobody ask for a version.")
    await recorded_release(store, service, asked.version)
    key = VersionKey(service, asked.version)
    others = await moving_with(store, key) if asked.together else ()
    together = {other.service: other.version for other in others}

    async def run(kept: Kept) -> Response:
        now = here.ports.clock.now()
        text = overrides.sign([key, *others], asked.seconds, who.name)
        shown = m.VersionTokenView(
            header=TOKEN_HEADER,
            token="",
            service=service,
            version=asked.version,
            together=together,
            expires_at=moment(now + asked.seconds),
        )
        event: dict[str, Any] = {
            "type": "version_token_created",
            "version": asked.version,
            "seconds": asked.seconds,
            **({"together": together} if together else {}),
        }
        entry = Entry(now, who.name, "create version token", f"version-token/{service}", (event,), asked.reason)
        await store.commit(Commit((entry,), now, answer=kept.keep(201, shown)))
        body = shown.model_copy(update={"token": text}).model_dump_json(by_alias=True)
        return Response(body, 201, {"Cache-Control": "no-store"}, media_type="application/json")

    return await here.answers.once(request, who, run)
