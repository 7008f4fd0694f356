"""``/otlp/v1/metrics``: OTLP/HTTP for metrics, in protobuf or JSON, plain or gzipped.

Who pushes needs a token of the role reporter: it moves verdicts, so no application that merely asks for flags may.
Errors are the protocol's own (``google.rpc.Status``), with the statuses by which its senders know what to send again.
"""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from croupier.errors import CroupierError, NotFound
from croupier.server.auth import Principal, Role, bearer_of
from croupier.server.context import Context, Here
from croupier.server.guards import PUSHES
from croupier.server.otlp.answers import JSON, PROTOBUF, failed, taken
from croupier.server.otlp.unpack import TooLarge, unpack
from croupier.server.problems import Forbidden, Malformed

_BODY: Final[dict[str, Any]] = {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}, JSON: {}}

router = APIRouter(tags=["OTLP"])


@router.post(
    PUSHES,
    operation_id="otlp_metrics",
    summary="Push metrics",
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
async def metrics(request: Request, here: Here) -> Response:
    """An OTLP ``ExportMetricsServiceRequest``, in protobuf or JSON, plain or gzipped. Needs the role reporter."""
    form = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = form == JSON
    try:
        who = _asking(here, request)
        if form not in (JSON, PROTOBUF):
            raise Malformed(f"{form[:100] or 'No Content-Type'} is not read here.", hint=f"Send {PROTOBUF} or {JSON}.")
        if here.pushed is None:
            raise NotFound("This control plane takes no pushed metrics.")
        here.allowance.spend(who.id, here.ports.clock.now())
        body = await _whole(request, here.settings.max_otlp_bytes)
        found = await here.pushed.push(body, is_json=is_json, services=who.services)
        if found.strange:
            raise Forbidden(
                f"Nothing was taken: {found.why}.",
                hint="Make a token for it: croupier token create NAME --role reporter --service SERVICE",
            )
        if found.whole:  # senders show errors, and seldom what was partly taken
            raise Malformed(f"Nothing was taken: {found.why}.")
    except CroupierError as error:
        return failed(error, is_json=is_json)
    return taken(found.refused, found.why, is_json=is_json)


async def _whole(request: Request, limit: int) -> bytes:
    body, encoding = await request.body(), request.headers.get("content-encoding", "")
    whole = await asyncio.to_thread(unpack, body, encoding, limit) if encoding else body
    if len(whole) > limit:
        raise TooLarge(f"A push may have {limit:,} bytes.", hint="Send less at a time.")
    return whole


def _asking(here: Context, request: Request) -> Principal:
    text = bearer_of(request.headers.get("authorization", ""))
    who = here.keyring.authenticate(text) if text else None
    if who is None:
        why = "The token is not known, or was revoked." if text else "A token is needed."
        raise here.doorman.refuse(request.client.host if request.client else "", why)
    request.state.actor = who.name
    if not who.role.may(Role.REPORTER):
        raise Forbidden(
            f"{who.name} is {who.role}; this takes {Role.REPORTER}.",
            hint="Make a token for it: croupier token create NAME --role reporter",
        )
    return who
