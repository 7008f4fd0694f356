"""``/ofrep/v1``: the OpenFeature Remote Evaluation Protocol 0.3, so that any OpenFeature SDK can ask this server.

Errors are the protocol's own, not our problems: its clients read ``errorCode`` and ``errorDetails`` of every answer.
Which environment is asked: the token's, else the one of the header ``X-Croupier-Environment``, else the first.
"""

import asyncio
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from starlette.responses import JSONResponse

from croupier.core.flags.evaluate import Context as PlayerContext
from croupier.core.flags.line import SEGMENT
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.ruleset import Ruleset
from croupier.errors import CroupierError, NotFound, Transient
from croupier.server.auth import Principal, bearer_of
from croupier.server.context import Context, Here
from croupier.server.flags.door import REFETCH
from croupier.server.problems import Forbidden, kind_of

ENVIRONMENT: Final = "x-croupier-environment"

INACTIVITY_S: Final = 120
"""After so long in the background a client closes its stream."""

_AT_A_TIME: Final = 1_000

router = APIRouter(prefix="/ofrep/v1", tags=["OFREP"])


class Unusable(CroupierError):
    """The request's body is not what the protocol says; ``code`` is OpenFeature's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@router.post(
    "/evaluate/flags/{key}",
    operation_id="ofrep_evaluate_flag",
    summary="Evaluate a flag",
    response_class=JSONResponse,
)
async def evaluate(request: Request, here: Here, key: str) -> Response:
    """What this player gets of one flag."""
    try:
        _, environment = asking(here, request)
        ruleset = here.flags.rulesets.of(environment)
        outcome = ruleset.outcome(key, _context(await request.body()))
    except CroupierError as error:
        return _failure(error, {"key": key})
    if outcome.error is not None:
        status = 404 if outcome.error == "FLAG_NOT_FOUND" else 400
        return _json(status, _failed(key, outcome))
    return _json(200, _evaluated(key, outcome))


@router.post(
    "/evaluate/flags", operation_id="ofrep_evaluate_flags", summary="Evaluate all flags", response_class=JSONResponse
)
async def evaluate_all(request: Request, here: Here, if_none_match: Annotated[str, Header()] = "") -> Response:
    """What this player gets of every flag. The ETag covers the context and the flags."""
    try:
        who, environment = asking(here, request)
        ruleset = here.flags.rulesets.of(environment)
        context = _context(await request.body())
        found = await _all(ruleset, context)
    except CroupierError as error:
        return _failure(error)
    position = ruleset.snapshot.position
    flags = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    told = f"{position}\n{json.dumps(context, sort_keys=True)}\n{flags}"
    etag = f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'
    if etag in (part.strip().removeprefix("W/") for part in if_none_match.split(",")):
        return Response(status_code=304, headers={"ETag": etag})
    ticket = here.flags.tickets.issue(who.id, environment, here.ports.clock.now())
    streams = [
        {"type": "sse", "endpoint": {"requestUri": f"{REFETCH}?ticket={ticket}"}, "inactivityDelaySec": INACTIVITY_S}
    ]
    metadata = {"environment": environment, "version": ruleset.snapshot.version}
    rest = json.dumps({"metadata": metadata, "eventStreams": streams}, separators=(",", ":"))
    return Response(f'{{"flags":{flags},{rest[1:]}', headers={"ETag": etag}, media_type="application/json")


async def _all(ruleset: Ruleset, context: PlayerContext) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    keys = [key for key in ruleset.snapshot.lines if SEGMENT not in key]
    for start in range(0, len(keys), _AT_A_TIME):
        for key in keys[start : start + _AT_A_TIME]:
            outcome = ruleset.outcome(key, context)
            found.append(_evaluated(key, outcome) if outcome.error is None else _failed(key, outcome))
        await asyncio.sleep(0)  # others get their turn
    return found


def asking(here: Context, request: Request) -> tuple[Principal, str]:
    """Who asks, and for which environment's flags. Raises ``Unauthenticated``, ``Forbidden``, ``NotFound``."""
    text = bearer_of(request.headers.get("authorization", "")) or request.headers.get("x-api-key", "").strip()
    who = here.keyring.authenticate(text) if text else None
    if who is None:
        why = "The token is not known, or was revoked." if text else "A token is needed."
        raise here.doorman.refuse(request.client.host if request.client else "", why)
    request.state.actor = who.name
    environment = request.headers.get(ENVIRONMENT) or who.environment or here.flags.book.environments[0]
    if not who.may_read(environment):
        raise Forbidden(f"{who.name} {who.bounds}.")
    return who, environment


def _context(body: bytes) -> Mapping[str, Any]:
    """The player's context; empty where the body says none. Raises ``Unusable``."""
    if not body.strip():
        return {}
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Unusable("PARSE_ERROR", "The body is no JSON.") from None
    context = data.get("context") if isinstance(data, dict) else data
    if context is None:
        return {}
    if not isinstance(data, dict) or not isinstance(context, dict):
        raise Unusable("INVALID_CONTEXT", "The context is no JSON object.")
    return context


def _evaluated(key: str, outcome: Outcome) -> dict[str, Any]:
    metadata: dict[str, Any] = {"version": outcome.version}
    if outcome.rule is not None:
        metadata["rule"] = outcome.rule
    if outcome.detail:
        metadata["detail"] = outcome.detail
    return {
        "key": key,
        "value": outcome.value,
        "reason": outcome.reason.value,
        "variant": outcome.variant or "",
        "metadata": metadata,
    }


def _failed(key: str, outcome: Outcome) -> dict[str, Any]:
    return {"key": key, "errorCode": outcome.error, "errorDetails": outcome.detail}


def _failure(error: CroupierError, extra: Mapping[str, Any] | None = None) -> Response:
    said = {**(extra or {}), "errorCode": "GENERAL", "errorDetails": str(error)}
    if isinstance(error, Unusable):
        return _json(400, {**said, "errorCode": error.code})
    status = 400 if isinstance(error, NotFound) else kind_of(error).status
    headers: dict[str, str] = {}
    if isinstance(error, Transient):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="croupier"'
    return _json(status, said, headers)


def _json(status: int, data: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode(), status, dict(headers or {}), media_type="application/json")
