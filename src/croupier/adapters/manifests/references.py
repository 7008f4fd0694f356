"""What documents say of each other: names that must exist, names that must not exist twice.

Looks at a whole set of documents, together with those that the control plane has already. Called after reading, and
by the server before it applies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from croupier.adapters.manifests.complaints import nearest
from croupier.adapters.manifests.convert import overridden
from croupier.adapters.manifests.release import ReleaseDraft, process_problems
from croupier.control.ports import Document
from croupier.core.gates import Gate
from croupier.core.releases import Service
from croupier.core.rollout.resolve import comparisons_alone, gate_uses
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.segments import Segment
from croupier.errors import Problem

Item = Document | ReleaseDraft


@dataclass(frozen=True, slots=True)
class Dangling:
    """A problem of the item at ``index``."""

    index: int
    problem: Problem


def unresolved(items: Sequence[Item | None], known: Iterable[Document] = ()) -> tuple[Dangling, ...]:
    """Wrong references and duplicates among the items (``None``: unreadable), given what is known already.

    An item replaces what is known under its name. With unreadable items in the set, names that are missing may be
    theirs; the caller should say so by giving a placeholder for what it could read of them.
    """
    names = _Names({}, {}, {})
    for document in known:
        names.learn(document)
    for item in items:
        if isinstance(item, Document):
            names.learn(item)
    return tuple(
        Dangling(index, problem)
        for index, item in enumerate(items)
        if item is not None
        for problem in (*_twice(item, items[:index]), *_dangling(item, names), *_shared_prefixes(item, names))
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """Everything there is, by name."""

    services: dict[str, Service]
    gates: dict[str, Gate]
    segments: dict[str, Segment]

    def learn(self, document: Document) -> None:
        match document.spec:
            case Service() as service:
                self.services[document.name] = service
            case Gate() as gate:
                self.gates[document.name] = gate
            case Segment() as segment:
                self.segments[document.name] = segment
            case RolloutSpec():
                pass


def _twice(item: Item, before: Sequence[Item | None]) -> Iterator[Problem]:
    if isinstance(item, ReleaseDraft):
        if any(isinstance(other, ReleaseDraft) and other.name == item.name for other in before):
            yield Problem(
                f"release {item.version} of '{item.service}' is written twice.",
                ("spec", "version"),
                "Remove one, or give it a new version.",
            )
    elif any(isinstance(other, Document) and (other.kind, other.name) == (item.kind, item.name) for other in before):
        problem = f"there are two {item.kind} documents named '{item.name}'."
        yield Problem(problem, ("metadata", "name"), "Rename or remove one.")


def _dangling(item: Item, names: _Names) -> Iterator[Problem]:
    if isinstance(item, ReleaseDraft):
        service = names.services.get(item.service)
        if service is None:
            yield _no("service", item.service, names.services, ("spec", "service"))
        else:
            yield from process_problems(overridden(service.process, item.process))
    elif isinstance(item.spec, RolloutSpec):
        yield from _dangling_rollout(item.spec, names)


def _dangling_rollout(spec: RolloutSpec, names: _Names) -> Iterator[Problem]:
    service = names.services.get(spec.service)
    if service is None:
        yield _no("service", spec.service, names.services, ("spec", "service"))
    for name, at in gate_uses(spec):
        if name not in names.gates:
            yield _no("gate", name, names.gates, at)
    yield from comparisons_alone(spec, names.gates)
    if spec.segment is None:
        return
    segment = names.segments.get(spec.segment)
    if segment is None:
        yield _no("segment", spec.segment, names.segments, ("spec", "segment"))
    elif service is not None:
        headers = dict(service.attribute_headers)
        for match in segment.matches:
            if match.attribute not in headers:
                yield Problem(
                    f"segment '{segment.name}' asks for '{match.attribute}', "
                    f"but service '{service.name}' has no header for it.",
                    ("spec", "segment"),
                    f"Add it to the service: attributes: {{{match.attribute}: x-{match.attribute}}}.",
                )


def _shared_prefixes(item: Item, names: _Names) -> Iterator[Problem]:
    if isinstance(item, ReleaseDraft) or not isinstance(item.spec, Service):
        return
    for other in names.services.values():
        for position, prefix in enumerate(item.spec.prefixes):
            if other.name != item.name and prefix in other.prefixes:
                yield Problem(
                    f"service '{other.name}' has the prefix '{prefix}' too, so nobody could tell their requests apart.",
                    ("spec", "routes", position, "prefix"),
                    "Give each service its own prefix.",
                )


def _no(kind: str, name: str, known: Mapping[str, object], at: tuple[str | int, ...]) -> Problem:
    near = nearest(name, list(known))
    guess = f"; did you mean '{near}'?" if near else "."
    names = sorted(known)
    listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    hint = f"There are: {listed}." if names else f"There is no {kind} at all yet: add a {kind.capitalize()} document."
    return Problem(f"unknown {kind} '{name}'{guess}", at, hint)
