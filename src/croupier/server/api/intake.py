"""Documents on their way in: read, checked among each other and against what is stored, completed, recorded.

The one path for ``/apply`` and ``/releases``. Every mistake is collected before anything is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any

from croupier.adapters.manifests import Bundle, ReleaseDraft, agrees, complete_release, parse_objects
from croupier.control.catalog import Applied
from croupier.control.ports import Answer, Document
from croupier.core.releases import Release, Service
from croupier.errors import Conflict, Problem, Rejected
from croupier.server.api import models as m
from croupier.server.context import Context
from croupier.server.problems import RejectedDocuments, mistake

_TRIES = 3

Keep = Callable[[m.ApplyResult, Sequence[Release]], Answer | None]
"""Fixes the answer that is recorded with the change, from what will happen and the completed releases."""


async def declare(
    here: Context,
    objects: Sequence[dict[str, Any]],
    *,
    actor: str,
    reason: str,
    keep: Keep,
    dry_run: bool = False,
) -> m.ApplyResult:
    """Take the documents in, all or none. Raises ``Rejected`` with every problem, or ``Conflict``."""
    for attempt in range(_TRIES):
        try:
            async with here.catalog.turn:
                return await _declare(here, objects, actor=actor, reason=reason, keep=keep, dry_run=dry_run)
        except Conflict:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _declare(
    here: Context, objects: Sequence[dict[str, Any]], *, actor: str, reason: str, keep: Keep, dry_run: bool
) -> m.ApplyResult:
    known = [stored.value for stored in await here.ports.store.documents()]
    bundle = parse_objects(objects, known, at=("documents",))
    releases, problems = ([], []) if bundle.errors else await _completed(here, bundle, known, objects)
    problems = [*(found.problem for found in bundle.errors), *problems]
    labels = [_label(index, data) for index, data in enumerate(objects)]
    if problems:
        many = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise RejectedDocuments(f"{problems[0]}{many}", problems=tuple(problems), labels=labels)
    warnings = [mistake(found.problem, labels) for found in bundle.warnings]

    def result(applied: Sequence[Applied]) -> m.ApplyResult:
        shown = [m.AppliedObject(kind=item.kind, name=item.name, effect=item.effect) for item in applied]
        return m.ApplyResult(applied=shown, dry_run=dry_run, warnings=warnings)

    # The answer is recorded in the commit, so what will happen is found out first.
    planned = await here.catalog.apply(bundle.documents, releases, actor=actor, reason=reason, dry_run=True)
    if dry_run:
        return result(planned)
    answer = keep(result(planned), releases)
    return result(await here.catalog.apply(bundle.documents, releases, actor=actor, reason=reason, answer=answer))


async def _completed(
    here: Context, bundle: Bundle, known: Sequence[Document], objects: Sequence[dict[str, Any]]
) -> tuple[list[Release], list[Problem]]:
    """The releases with their services' processes; what is wrong with them where they cannot be completed.

    A release that is recorded stays as it is, whatever its service says by now, where the document still describes it.
    """
    specs = [document.spec for document in (*known, *bundle.documents)]
    services = {spec.name: spec for spec in specs if isinstance(spec, Service)}
    releases: list[Release] = []
    problems: list[Problem] = []
    for draft in bundle.releases:
        recorded = await here.ports.store.release(draft.service, draft.version)
        if recorded is not None and agrees(draft, recorded):
            releases.append(recorded)
            continue
        try:
            releases.append(complete_release(draft, services[draft.service]))
        except Rejected as refused:
            place = ("documents", _index(objects, draft))
            found = refused.problems or (Problem(refused.message, (), refused.hint),)
            problems += [Problem(item.message, (*place, *item.path), item.hint) for item in found]
    return releases, problems


def _index(objects: Sequence[dict[str, Any]], draft: ReleaseDraft) -> int:
    """Which document of the request the draft was read from."""
    what = (draft.service, draft.version)
    specs = [data.get("spec") for data in objects]
    return next(n for n, spec in enumerate(specs) if spec and (spec.get("service"), spec.get("version")) == what)


def _label(index: int, data: dict[str, Any]) -> str:
    """The document as people find it: its place in the request, and what it says it is."""
    metadata, spec = data.get("metadata"), data.get("spec")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name is None and isinstance(spec, dict) and "version" in spec:
        name = f"{spec.get('service')}-{spec['version']}"
    words = "/".join(str(word)[:100] for word in (data.get("kind"), name) if word is not None)
    return f"documents[{index}] {words}".rstrip()
