"""Releases: what a file says of one, completed with its service's process and bound to a digest.

A release file holds only what differs from the service. It is completed once, when it is added; changing the service
later does not change releases that exist.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import rfc8785

from croupier.adapters.manifests import convert, shapes
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.errors import Problem, Rejected

PLACEHOLDERS: Final = ("port", "version", "service", "instance")
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KNOWN_PLACEHOLDERS: Final = f"Known are {', '.join(f'{{{word}}}' for word in PLACEHOLDERS)}."
_PROCESS: Final = ("spec", "process")


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A ``Release`` document: everything but what its service says.

    ``source`` is the canonical JSON of the document.
    """

    service: str
    version: str
    notes: str
    process: shapes.ProcessOverrides | None
    source: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.service}-{self.version}"


def draft(shape: shapes.ReleaseShape, source: Mapping[str, Any]) -> ReleaseDraft:
    """The draft that the document describes."""
    spec = shape.spec
    return ReleaseDraft(spec.service, spec.version, spec.notes or "", spec.process, source)


def complete_release(wanted: ReleaseDraft, service: Service) -> Release:
    """The release with its whole process, and the digest over all of it.

    Raises ``Rejected`` when the draft is of another service or its process could not be reached.
    """
    if wanted.service != service.name:
        raise Rejected(f"release {wanted.name} is not of service '{service.name}'.")
    process = convert.overridden(service.process, wanted.process)
    problems = tuple(process_problems(process))
    if problems:
        raise Rejected(f"release {wanted.name} cannot run: {problems[0]}", problems=problems)
    content = {
        "service": wanted.service,
        "version": wanted.version,
        "notes": wanted.notes,
        "process": {**asdict(process), "env": dict(process.env)},
    }
    return Release(wanted.service, wanted.version, process, digest_of(content), wanted.notes)


def agrees(wanted: ReleaseDraft, recorded: Release) -> bool:
    """Whether a release that exists is what the draft describes, whatever its service has become since.

    A draft says only what differs from the service, so applying its changes to the recorded process must change
    nothing. Call it before ``complete_release``, so that a file may stay where it is when its service changes.
    """
    same = (wanted.service, wanted.version, wanted.notes) == (recorded.service, recorded.version, recorded.notes)
    return same and convert.overridden(recorded.process, wanted.process) == recorded.process


def digest_of(content: Mapping[str, Any]) -> str:
    """``sha256:`` and the hash of the content's canonical JSON (RFC 8785)."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(dict(content))).hexdigest()


def process_problems(process: ProcessTemplate) -> list[Problem]:
    """What keeps a process from being started or reached."""
    texts: list[tuple[tuple[str | int, ...], str]] = [
        ((*_PROCESS, "command", position), word) for position, word in enumerate(process.command)
    ]
    texts += [((*_PROCESS, "env", name), value) for name, value in process.env]
    problems = [
        Problem(f"the placeholder {{{name}}} is unknown.", at, _KNOWN_PLACEHOLDERS)
        for at, text in texts
        for name in _PLACEHOLDER.findall(text)
        if name not in PLACEHOLDERS
    ]
    if not problems and not any("{port}" in text for _, text in texts):
        at = (*_PROCESS, "command")
        problems.append(
            Problem("the process is never told its port.", at, 'Add "{port}" to the command or to a variable in env.')
        )
    return problems
