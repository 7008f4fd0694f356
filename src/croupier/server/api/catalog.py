"""``/apply``, ``/documents``, ``/releases``: what people declare comes in here and can be read back."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from croupier.control.ports import Answer
from croupier.control.recorded import recorded_release
from croupier.control.removing import Wish, remove, uses
from croupier.core.releases import Release
from croupier.errors import NotFound
from croupier.server.api import document_views, views
from croupier.server.api import models as m
from croupier.server.api.etag import Expected, etag
from croupier.server.api.idempotency import Kept
from croupier.server.api.intake import declare
from croupier.server.api.paging import Cursor, Limit, page_of
from croupier.server.auth import Operator
from croupier.server.context import Context, Here

router = APIRouter(tags=["documents and releases"])

NamePath = Annotated[str, Path(max_length=100)]
Why = Annotated[str, Query(min_length=1, max_length=1_000, description="Why; kept in the journal.")]


@router.post("/apply", operation_id="apply", response_model=m.ApplyResult, summary="Apply documents")
async def apply(request: Request, here: Here, who: Operator, asked: m.ApplyRequest) -> Response:
    """Take in Services, Gates, Segments, Rollouts and Releases: all of them or, where anything is wrong, none.

    Everything that is wrong is said at once, unknown references included. What is unchanged is left alone.
    """

    async def run(kept: Kept) -> Response:
        result = await declare(
            here,
            asked.documents,
            actor=who.name,
            reason=asked.reason,
            dry_run=asked.dry_run,
            keep=lambda planned, _: kept.keep(200, planned),
        )
        if kept.answer is None:  # a dry run
            kept.keep(200, result)
        return kept.response()

    return await here.answers.once(request, who, run)


@router.get("/documents", operation_id="list_documents", summary="List documents")
async def list_documents(
    here: Here,
    kind: Annotated[str | None, Query(max_length=50, description="Service, Gate, Segment or Rollout.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> m.Page[m.DocumentView]:
    """What is declared now, by kind and name."""
    found = [document_views.document(stored) for stored in await here.ports.store.documents(kind)]
    return page_of(found, lambda item: f"{item.kind}/{item.name}", cursor, limit)


@router.get("/documents/{kind}/{name}", operation_id="get_document", summary="Read a document")
async def get_document(here: Here, kind: NamePath, name: NamePath, response: Response) -> m.DocumentView:
    """One document as it was applied."""
    for stored in await here.ports.store.documents(kind):
        if stored.value.name == name:
            response.headers.update(etag(stored.version))
            return document_views.document(
                stored, (*await uses(here.ports, stored.value), *await _runs(here, kind, name))
            )
    raise NotFound(f"There is no {kind} '{name}'.", hint="See: GET /api/v1/documents")


@router.delete(
    "/documents/{kind}/{name}",
    operation_id="delete_document",
    response_model=m.DocumentView,
    summary="Take a document out",
)
async def delete_document(
    request: Request, here: Here, who: Operator, kind: NamePath, name: NamePath, *, expected: Expected, reason: Why
) -> Response:
    """Take out what was declared and is used by nothing; 409 says by what it is. Needs a reason, which is kept in the
    journal with the document; the answer, applied again, brings it back. Segments, releases, flags and presets stay.
    """

    async def run(kept: Kept) -> Response:
        wish = Wish(kind, name, who.name, reason, expected, held=await _runs(here, kind, name))
        await remove(here.catalog, wish, lambda gone: kept.keep(200, document_views.document(gone, ())))
        return kept.response()

    return await here.answers.once(request, who, run)


async def _runs(here: Context, kind: str, name: str) -> tuple[str, ...]:
    """What an experiment found is asked for by its name, so one that ever ran stays."""
    runs = await here.experiments.runs(name) if kind == "Experiment" else ()
    return ("it has run, and its results go by its name",) if runs else ()


@router.post(
    "/releases", operation_id="add_release", status_code=201, response_model=m.ReleaseView, summary="Add a release"
)
async def add_release(request: Request, here: Here, who: Operator, asked: m.ReleaseRequest) -> Response:
    """Register a version of a service. A version is bound to its content for ever; the same again changes nothing."""

    async def run(kept: Kept) -> Response:
        uses = await _uses(here)

        def keep(_: m.ApplyResult, added: Sequence[Release]) -> Answer | None:
            return kept.keep(201, views.release(added[0], uses.get((asked.service, asked.version), "known")))

        await declare(here, [_document(asked)], actor=who.name, reason=asked.reason, keep=keep)
        response = kept.response()
        response.headers["Location"] = f"/api/v1/releases/{asked.service}/{asked.version}"
        return response

    return await here.answers.once(request, who, run)


@router.get("/releases", operation_id="list_releases", summary="List releases")
async def list_releases(
    here: Here,
    service: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> m.Page[m.ReleaseView]:
    """Releases, the newest first."""
    page = await here.ports.store.releases(service=service, cursor=cursor, limit=limit)
    uses = await _uses(here)
    items = [views.release(item, uses.get((item.service, item.version), "known")) for item in page.items]
    return m.Page(items=items, next=page.next)


@router.get("/releases/{service}/{version}", operation_id="get_release", summary="Read a release")
async def get_release(here: Here, service: NamePath, version: NamePath) -> m.ReleaseView:
    """One release."""
    return await _release(here, service, version)


async def _release(here: Context, service: str, version: str) -> m.ReleaseView:
    found = await recorded_release(here.ports.store, service, version)
    uses = await _uses(here)
    return views.release(found, uses.get((service, version), "known"))


async def _uses(here: Context) -> dict[tuple[str, str], m.ReleaseUse]:
    """What each service does with a version now: serves everybody, or rolls it out."""
    uses: dict[tuple[str, str], m.ReleaseUse] = {}
    for stored in await here.ports.store.services():
        if stored.value.stable:
            uses[stored.value.service, stored.value.stable] = "stable"
    for active in await here.ports.store.active():
        uses[active.value.service, active.value.canary] = "rolling out"
    return uses


def _document(asked: m.ReleaseRequest) -> dict[str, Any]:
    spec: dict[str, Any] = {"service": asked.service, "version": asked.version}
    if asked.notes:
        spec["notes"] = asked.notes
    if asked.process is not None:
        spec["process"] = asked.process
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}
