"""Documents on their way in: read, checked among each other and against what is stored, completed, recorded.

The one path for ``/apply`` and ``/releases``. Every mistake is collected before anything is refused.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from croupier.adapters.manifests import (
    Bundle,
    FlagDraft,
    PresetDraft,
    ReleaseDraft,
    agrees,
    complete_release,
    parse_objects,
)
from croupier.control.catalog import Applied
from croupier.control.flags.together import Placed, Together, together
from croupier.control.ports import Answer, Document
from croupier.core.experiments import Experiment
from croupier.core.experiments.fit import misnamed, undealt
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
    # Beside the event loop: each Rollout's gates are tried out, which may take seconds, and an abort must come through.
    bundle = await asyncio.to_thread(parse_objects, objects, known, at=("documents",))
    releases, problems = ([], []) if bundle.errors else await _completed(here, bundle, known, objects)
    problems = [*(found.problem for found in bundle.errors), *problems]
    labels = [_label(index, data) for index, data in enumerate(objects)]
    if problems:
        many = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise RejectedDocuments(f"{problems[0]}{many}", problems=tuple(problems), labels=labels)
    part = await _flags(here, bundle, objects, labels, actor=actor, reason=reason)
    doubts = (*(found.problem for found in bundle.warnings), *_unfit(here, bundle, objects))
    warnings = [mistake(item, labels) for item in (*doubts, *(part.warnings if part else ()))]

    def result(applied: Sequence[Applied]) -> m.ApplyResult:
        shown = [m.AppliedObject(kind=item.kind, name=item.name, effect=item.effect) for item in applied]
        return m.ApplyResult(applied=shown, dry_run=dry_run, warnings=warnings)

    # The answer is recorded in the commit, so what will happen is found out first.
    record = partial(here.catalog.apply, bundle.documents, releases, actor=actor, reason=reason, flags=part)
    planned = await record(dry_run=True)
    if dry_run:
        return result(planned)
    answer = keep(result(planned), releases)
    return result(await record(answer=answer))


async def _flags(
    here: Context, bundle: Bundle, objects: Sequence[dict[str, Any]], labels: Sequence[str], *, actor: str, reason: str
) -> Together | None:
    """The flags and presets among the documents, to be recorded with them; ``None`` where there are none."""
    if not (bundle.flags or bundle.presets):
        return None
    flags = zip(bundle.flags, _places(objects, "Flag"), strict=True)
    presets = zip(bundle.presets, _places(objects, "Preset"), strict=True)
    segments = [document.name for document in bundle.documents if document.kind == "Segment"]
    try:
        return await together(
            here.flags.changes,
            here.flags.presets,
            [Placed(draft.flag, partial(_at, draft, index)) for draft, index in flags],
            [Placed(draft.preset, partial(_at, draft, index)) for draft, index in presets],
            actor=actor,
            reason=reason,
            segments=segments,
        )
    except Rejected as refused:
        raise RejectedDocuments(str(refused), problems=refused.problems, labels=list(labels)) from None


def _unfit(here: Context, bundle: Bundle, objects: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    """Experiments that could not start on their flags as these are recorded. No mistake: the flags may be changed next,
    and the file of an experiment outlives its flag.
    """
    declared = {draft.name for draft in bundle.flags}  # looked at with the documents
    asked = [document.spec for document in bundle.documents if isinstance(document.spec, Experiment)]
    for spec, index in zip(asked, _places(objects, "Experiment"), strict=True):
        if spec.flag in declared:
            continue
        state = here.flags.book.recorded(spec.flag)
        if state is None or state.archived:
            text = f"there is no flag '{spec.flag}'."
            yield Problem(text, ("documents", index, "spec", "flag"), "Declare it before the experiment is started.")
            continue
        for found in misnamed(spec, state.flag) or undealt(spec, state.flag):
            yield Problem(found.message, ("documents", index, *found.path), found.hint)


def _places(objects: Sequence[dict[str, Any]], kind: str) -> list[int]:
    """Where the documents of the kind stand in the request; bare flags have none written."""
    return [index for index, data in enumerate(objects) if data.get("kind", "Flag") == kind]


def _at(draft: FlagDraft | PresetDraft, index: int, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return ("documents", index, *draft.at(path))


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
    name = metadata.get("name") if isinstance(metadata, dict) else data.get("feature")
    if name is None and isinstance(spec, dict) and "version" in spec:
        name = f"{spec.get('service')}-{spec['version']}"
    words = "/".join(str(word)[:100] for word in (data.get("kind"), name) if word is not None)
    return f"documents[{index}] {words}".rstrip()
