"""Every error as an RFC 9457 problem: one table from our errors to status and URN, one place that writes them.

``type`` is for programs and never changes. Nothing of the inside leaves: what we did not raise on purpose is a 500 with
a request id and no more.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from croupier import errors
from croupier.server.api.wire import Mistake, Problem

MEDIA_TYPE: Final = "application/problem+json"
_URN: Final = "urn:croupier:problem:"

log = logging.getLogger("croupier.server")


class Unauthenticated(errors.CroupierError):
    """Nobody we know."""


class Forbidden(errors.CroupierError):
    """Somebody we know, who may not do this."""


class TooManyRequests(errors.Transient):
    """Slow down."""


class Stale(errors.Conflict):
    """The version named in If-Match is not the present one any more."""


class Malformed(errors.Rejected):
    """The request cannot be read at all."""


class RejectedDocuments(errors.Rejected):
    """Documents of a request are wrong. The problems' paths start with ``documents`` and an index into ``labels``."""

    def __init__(self, message: str, *, problems: tuple[errors.Problem, ...], labels: Sequence[str]) -> None:
        super().__init__(message, hint="Nothing was applied.", problems=problems)
        self.labels = labels


class KeyReused(errors.Rejected):
    """The idempotency key belongs to another request."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of error is answered."""

    status: int
    slug: str
    title: str


_KINDS: Final[dict[type[errors.CroupierError], Kind]] = {
    Unauthenticated: Kind(401, "unauthenticated", "Who are you?"),
    Forbidden: Kind(403, "forbidden", "Not with this token"),
    TooManyRequests: Kind(429, "too-many-requests", "Slow down"),
    Stale: Kind(412, "precondition-failed", "It changed meanwhile"),
    Malformed: Kind(400, "malformed", "The request cannot be read"),
    KeyReused: Kind(422, "idempotency-key-reused", "The key belongs to another request"),
    errors.NotFound: Kind(404, "not-found", "There is no such thing"),
    errors.Rejected: Kind(422, "rejected", "The request is wrong"),
    errors.Conflict: Kind(409, "conflict", "Somebody else was faster"),
    errors.Transient: Kind(503, "unavailable", "Not possible just now"),
    errors.Corrupt: Kind(500, "corrupt", "The record contradicts itself"),
}
"""Looked up along the error's base classes, most special first."""

_BY_STATUS: Final[dict[int, Kind]] = {
    **{kind.status: kind for kind in (*_KINDS.values(),) if kind.slug not in ("idempotency-key-reused", "corrupt")},
    405: Kind(405, "method-not-allowed", "Not in this way"),
    408: Kind(408, "timeout", "The request took too long to arrive"),
    413: Kind(413, "too-large", "The request is too large"),
    415: Kind(415, "unsupported-media-type", "Send JSON"),
    421: Kind(421, "unknown-host", "No such host here"),
    500: Kind(500, "internal", "Our mistake"),
}

SLUGS: Final = tuple(sorted({kind.slug for kind in (*_KINDS.values(), *_BY_STATUS.values())}))
"""Every problem type there is; the reference lists them."""


def kind_of(error: errors.CroupierError) -> Kind:
    """How this error is answered."""
    return next(_KINDS[base] for base in type(error).__mro__ if base in _KINDS)


def kind_of_status(status: int) -> Kind:
    """How a refusal that has only a status is answered."""
    return _BY_STATUS.get(status) or Kind(status, f"http-{status}", HTTPStatus(status).phrase)


def respond(
    scope: Scope,
    kind: Kind,
    detail: str,
    *,
    hint: str = "",
    problems: Sequence[Mistake] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The problem as a response."""
    body = Problem(
        type=_URN + kind.slug,
        title=kind.title,
        status=kind.status,
        detail=detail,
        hint=hint,
        instance=str(scope.get("path", ""))[:500],
        request_id=str(scope.get("state", {}).get("request_id", "")),
        problems=list(problems),
    )
    shown = body.model_dump(mode="json", by_alias=True)
    return JSONResponse(
        {k: v for k, v in shown.items() if v or k == "status"}, kind.status, dict(headers or {}), MEDIA_TYPE
    )


def respond_status(
    scope: Scope, status: int, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem that has only a status."""
    return respond(scope, kind_of_status(status), detail, hint=hint, headers=headers)


def respond_error(scope: Scope, error: errors.CroupierError) -> JSONResponse:
    """One of our own errors."""
    kind = kind_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Transient):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="croupier"'
    if isinstance(error, errors.Corrupt):
        log.error("stored data contradicts itself: %s", error)
        return respond(scope, kind, "Stored data contradicts itself.", hint="Ask an operator: croupier journal verify")
    problems = error.problems if isinstance(error, errors.Rejected) else ()
    labels = error.labels if isinstance(error, RejectedDocuments) else ()
    mistakes = [mistake(found, labels) for found in problems]
    return respond(scope, kind, error.message, hint=error.hint, problems=mistakes, headers=headers)


def mistake(problem: errors.Problem, labels: Sequence[str] = ()) -> Mistake:
    """One mistake as the API says it; where its path leads into a document, that is named apart."""
    match problem.path:
        case ("documents", int(index), *rest) if index < len(labels):
            inside = errors.Problem("", tuple(rest)).field
            return Mistake(message=problem.message, field=inside, hint=problem.hint, document=labels[index])
        case _:
            return Mistake(message=problem.message, field=problem.field, hint=problem.hint)


def install(app: FastAPI) -> None:
    """Make every error that a route raises a problem."""
    app.add_exception_handler(errors.CroupierError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, on_http)


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.CroupierError)  # noqa: S101 - what it was registered for
    if isinstance(error, errors.Conflict) and not isinstance(error, Stale) and "if-match" in request.headers:
        return respond(request.scope, _KINDS[Stale], error.message, hint=error.hint)
    return respond_error(request.scope, error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return respond(
            request.scope, _KINDS[Malformed], "The body is no JSON.", hint=str(found[0]["ctx"].get("error", ""))
        )
    mistakes = [_of_pydantic(item) for item in found[:100]]
    many = f" and {len(mistakes) - 1} more" if len(mistakes) > 1 else ""
    detail = f"{mistakes[0].field}: {mistakes[0].message}{many}" if mistakes else "The request is wrong."
    return respond(request.scope, _KINDS[errors.Rejected], detail, problems=mistakes)


def _of_pydantic(item: Mapping[str, Any]) -> Mistake:
    where = tuple(part for part in item["loc"] if part not in ("body", "query", "path", "header"))
    known = "This field is unknown; remove it." if item["type"] == "extra_forbidden" else ""
    return Mistake(message=item["msg"], field=errors.Problem("", where).field, hint=known)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: paths and methods that there are not."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    detail, hint = explained(request, error)
    return respond_status(request.scope, error.status_code, detail, hint=hint, headers=error.headers)


def explained(request: Request, error: HTTPException) -> tuple[str, str]:
    """What is wrong, and what to do."""
    match error.status_code:
        case 404:
            return "There is nothing at this path.", "See /api/v1/openapi.json for what there is."
        case 405:
            allowed = (error.headers or {}).get("Allow", "another method")
            return f"{request.method} is not possible here.", f"Use {allowed}."
        case 400:
            return "The body cannot be read.", ""
        case _:
            return str(error.detail), ""
