"""What documents say of each other: names that must exist, names that must not exist twice.

Looks at a whole set of documents, together with those that the control plane has already. Called after reading, and
by the server before it applies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from croupier.adapters.manifests.calendars import of_nobody
from croupier.adapters.manifests.complaints import nearest
from croupier.adapters.manifests.convert import overridden
from croupier.adapters.manifests.flags import FlagDraft, PresetDraft
from croupier.adapters.manifests.located import Path, Severity
from croupier.adapters.manifests.release import ReleaseDraft, process_problems
from croupier.control.ports import Document
from croupier.core.experiments import Experiment
from croupier.core.experiments.fit import misnamed, undealt
from croupier.core.gates import Gate, KillFlag
from croupier.core.governance.calendar.model import Calendar
from croupier.core.releases import Service
from croupier.core.rollout.check_segments import compares_others, segment_uses, segments_written
from croupier.core.rollout.check_smoke import smoke_uses
from croupier.core.rollout.groups.check import labels_held, undistinguishing
from croupier.core.rollout.profile.fill import with_usual
from croupier.core.rollout.profile.lasting import to_write
from croupier.core.rollout.profile.loosened import unlasting
from croupier.core.rollout.resolve import (
    comparisons_alone,
    gate_uses,
    less_careful,
    unprovable,
    without_evidence,
)
from croupier.core.rollout.segments.narrowed import beside, unnarrowable
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.rollout.together import parts as together
from croupier.core.rollout.together.strict import less_careful_as_one
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import Problem

Item = Document | ReleaseDraft | FlagDraft | PresetDraft

_NOUNS: Final = {"SmokeCheck": "smoke check"}
_DRAFTS: Final = {ReleaseDraft: "Release", FlagDraft: "Flag", PresetDraft: "Preset"}


@dataclass(frozen=True, slots=True)
class Dangling:
    """A problem of the item at ``index``; ``first`` is the item that has the name already, if that is the problem."""

    index: int
    problem: Problem
    first: int | None = None
    severity: Severity = Severity.ERROR


def unresolved(
    items: Sequence[Item | None],
    known: Iterable[Document] = (),
    claimed: frozenset[tuple[str, str]] = frozenset(),
    *,
    partial: bool = False,
) -> tuple[Dangling, ...]:
    """Wrong references and duplicates among the items (``None``: one with mistakes), given what is known already.

    An item replaces what is known under its name. ``claimed`` are kinds and names of the items with mistakes: a
    reference to one of them is no further mistake. ``partial``: there may be more elsewhere, so that a reference to a
    kind of which nothing is here is only a warning.
    """
    names = _Names(claimed)
    for document in known:
        names.learn(document)
    for item in items:
        if isinstance(item, Document):
            names.learn(item)
            if item.kind == "Rollout":
                names.rollouts.pop(item.name, None)  # it speaks for itself
    drafts = {item.name: item for item in items if isinstance(item, FlagDraft)}
    flags = [*drafts]
    found: list[Dangling] = []
    seen: dict[tuple[str, str], int] = {}
    for index, item in enumerate(items):
        if item is not None:
            found += _twice(item, index, seen)
            found += [_unknown(index, *use, names, partial) for use in _uses(item) if names.missing(*use[:2])]
            found += _surprising(index, item, names)
            found += _unfit(index, item, drafts)
            found += (*_unswitched(index, item, flags), *_unmeasured(index, item, flags)) if partial else ()
            found += [Dangling(index, problem) for problem in (*_dangling(item, names), *_shared_prefixes(item, names))]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Names:
    """Everything there is, by name."""

    claimed: frozenset[tuple[str, str]]
    services: dict[str, Service] = field(default_factory=dict)
    prefixes: dict[str, dict[str, None]] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    segments: dict[str, Segment] = field(default_factory=dict)
    checks: dict[str, SmokeCheck] = field(default_factory=dict)
    rollouts: dict[str, RolloutSpec] = field(default_factory=dict)
    """Only those known before."""
    ways: dict[str, RolloutSpec] = field(default_factory=dict)
    """All rollouts."""

    def missing(self, kind: str, name: str) -> bool:
        """Whether nothing has the name, not even a document with mistakes."""
        return name not in self.of(kind) and (kind, name) not in self.claimed

    def of(self, kind: str) -> list[str]:
        """The names of this kind that are without mistakes."""
        known: dict[str, Mapping[str, object]] = {
            "Service": self.services,
            "Gate": self.gates,
            "Segment": self.segments,
            "SmokeCheck": self.checks,
        }
        return sorted(known[kind])

    def learn(self, document: Document) -> None:
        match document.spec:
            case Service() as service:
                self.services[document.name] = service
                for prefix in service.prefixes:
                    self.prefixes.setdefault(prefix, {})[document.name] = None
            case Gate() as gate:
                self.gates[document.name] = gate
            case Segment() as segment:
                self.segments[document.name] = segment
            case RolloutSpec() as rollout:
                self.rollouts[document.name] = self.ways[document.name] = rollout
            case SmokeCheck() as check:
                self.checks[document.name] = check
            case Experiment() | Calendar():
                pass  # nothing refers to one


def _twice(item: Item, index: int, seen: dict[tuple[str, str], int]) -> Iterator[Dangling]:
    """A second document of the same name; ``seen`` grows."""
    kind = item.kind if isinstance(item, Document) else _DRAFTS[type(item)]
    first = seen.setdefault((kind, item.name), index)
    if first == index:
        return
    if isinstance(item, ReleaseDraft):
        problem = f"release {item.version} of '{item.service}' is written twice."
        yield Dangling(index, Problem(problem, ("spec", "version"), "Remove one, or give it a new version."), first)
    else:
        problem = f"there are two {kind} documents named '{item.name}'."
        bare = isinstance(item, FlagDraft) and "feature" in item.source
        place = ("feature",) if bare else ("metadata", "name")
        yield Dangling(index, Problem(problem, place, "Rename or remove one."), first)


def _uses(item: Item) -> Iterator[tuple[str, str, Path]]:
    """Kind and name of what the item refers to, and where it does."""
    if isinstance(item, FlagDraft):
        yield from (("Segment", name, place) for name, place in item.segments)
    spec = item.spec if isinstance(item, Document) else item
    if isinstance(spec, ReleaseDraft) or (isinstance(spec, RolloutSpec) and not spec.services):
        yield "Service", spec.service, ("spec", "service")
    if isinstance(spec, RolloutSpec):
        usual = with_usual(spec, {})
        yield from (("Service", name, ("spec", "services", place)) for place, name in enumerate(spec.services))
        yield from (("Gate", name, at) for name, at in gate_uses(spec) if name not in usual)
        yield from (("Segment", name, at) for name, at in segment_uses(spec))
        yield from (("SmokeCheck", name, at) for name, at in smoke_uses(spec))


def _unknown(index: int, kind: str, name: str, at: Path, names: _Names, partial: bool) -> Dangling:
    """There is nothing of this name."""
    noun, known = _NOUNS.get(kind, kind.lower()), names.of(kind)
    if known:
        near = nearest(name, known)
        guess = f"; did you mean '{near}'?" if near else "."
        listed = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
        return Dangling(index, Problem(f"unknown {noun} '{name}'{guess}", at, f"There are: {listed}."))
    if partial and all(kind != claimed for claimed, _ in names.claimed):
        problem = f"{noun} '{name}' is not in these files, so it was not checked."
        hint = "'croupier apply --dry-run' checks it against the control plane."
        return Dangling(index, Problem(problem, at, hint), severity=Severity.WARNING)
    return Dangling(index, Problem(f"unknown {noun} '{name}'.", at, f"There is no {noun} yet: add a {kind} document."))


def _dangling(item: Item, names: _Names) -> Iterator[Problem]:
    if isinstance(item, ReleaseDraft):
        if item.service in names.services:
            yield from process_problems(overridden(names.services[item.service].process, item.process))
    elif not isinstance(item, Document):
        return
    elif isinstance(item.spec, RolloutSpec):
        uses = (name for name, _ in gate_uses(item.spec))
        yield from together.gates_held(item.spec, names.gates, uses)
        found = (problem for each in together.parts(item.spec) for problem in _unworkable(each, names))
        yield from dict.fromkeys(found)
    elif isinstance(item.spec, Service | Segment):
        yield from _left_without_header(item, names)


def _unworkable(spec: RolloutSpec, names: _Names) -> Iterator[Problem]:
    """What a rollout of one service, and of its gates, cannot do."""
    gates = with_usual(spec, names.gates)
    yield from comparisons_alone(spec, gates)
    yield from unnarrowable(spec, gates, names.segments)
    yield from unprovable(spec, gates)
    yield from without_evidence(spec, gates)
    yield from _without_header(spec, names)
    yield from _unheld(spec, names)


def _left_without_header(item: Document, names: _Names) -> Iterator[Problem]:
    """Rollouts known before that this service or segment leaves without a header that they need."""
    is_service = isinstance(item.spec, Service)
    place = ("spec", "attributes") if is_service else ("spec", "match")
    for rollout in (each for whole in names.rollouts.values() for each in together.parts(whole)):
        named = [rollout.service] if is_service else [name for name, _ in segment_uses(rollout)]
        if item.name in named:
            for problem in (*_without_header(rollout, names), *_unheld(rollout, names)):
                yield Problem(f"rollout '{rollout.name}' would not work: {problem.message}", place, problem.hint)


def _without_header(spec: RolloutSpec, names: _Names) -> Iterator[Problem]:
    """Attributes that the segments ask for and that no request of the service carries."""
    service = names.services.get(spec.service)
    if service is None:
        return
    headers = dict(service.attribute_headers)
    for segment, at in (*_named(spec, names), *segments_written(spec)):
        for match in segment.matches:
            if match.attribute not in headers:
                near = nearest(match.attribute, list(headers))
                guess = f"; did you mean '{near}'?" if near else "."
                yield Problem(
                    f"segment '{segment.name}' asks for '{match.attribute}', "
                    f"but service '{service.name}' has no header for it{guess}",
                    at,
                    f"Add it to the service: attributes: {{{match.attribute}: x-{match.attribute}}}.",
                )


def _named(spec: RolloutSpec, names: _Names) -> Iterator[tuple[Segment, Path]]:
    """The declared segments that the rollout names, each once."""
    places = {name: at for name, at in reversed(segment_uses(spec)) if name in names.segments}
    return ((names.segments[name], at) for name, at in places.items())


def _unheld(spec: RolloutSpec, names: _Names) -> Iterator[Problem]:
    """Labels by which a gate would hold players and that no request of the service carries."""
    service = names.services.get(spec.service)
    if service is None:
        return
    carried = dict(service.attribute_headers)
    places = {name: at for name, at in reversed(gate_uses(spec)) if name in names.gates}
    for name, at in places.items():
        for label in labels_held(names.gates[name]):
            if label not in carried:
                yield Problem(
                    f"gate '{name}' holds players by '{label}', but service '{service.name}' has no header for it.",
                    at,
                    f"Add it to the service: attributes: {{{label}: x-{label}}}; or let the gate kill a flag instead.",
                )


def _surprising(index: int, item: Item, names: _Names) -> Iterator[Dangling]:
    """What a rollout's gates would do to each other, or to what is open, which is allowed."""
    if isinstance(item, Document) and isinstance(item.spec, RolloutSpec):
        uses = [name for name, _ in gate_uses(item.spec)]
        for problem in (
            *undistinguishing(item.spec, names.gates, uses),
            *beside(item.spec, names.gates),
            *compares_others(item.spec, gate_uses(item.spec), names.gates, names.segments),
            *_less_careful(item.spec, names),
        ):
            yield Dangling(index, problem, severity=Severity.WARNING)
    elif isinstance(item, Document) and isinstance(item.spec, Service):
        for problem in _left_less_careful(item.spec, names):
            yield Dangling(index, problem, severity=Severity.WARNING)
    elif isinstance(item, Document) and isinstance(item.spec, Calendar):
        known = names.of("Service")
        for problem in of_nobody(item.spec, known, [name for kind, name in names.claimed if kind == "Service"]):
            yield Dangling(index, problem, severity=Severity.WARNING)


def _less_careful(spec: RolloutSpec, names: _Names) -> Iterator[Problem]:
    known = (names.gates, names.segments, names.services, names.checks.values())
    yield from less_careful(spec, *known)
    yield from less_careful_as_one(spec, tuple(names.ways.values()), *known)
    for whole in names.rollouts.values() if spec.profile is not None else ():
        for each in less_careful_as_one(whole, (spec,), *known):
            yield Problem(f"rollout '{whole.name}' is {each.message}", ("spec", "profile"), each.hint)


def _left_less_careful(service: Service, names: _Names) -> Iterator[Problem]:
    """Rollouts known before whose profile asks for more affinity than the service has."""
    for rollout in names.rollouts.values():
        if rollout.service != service.name or rollout.profile is None:
            continue
        profile = rollout.profile.profile
        if found := "; ".join(each.text for each in unlasting(service, profile)):
            yield Problem(
                f"rollout '{rollout.name}' is less careful than the profile {profile.name}: {found}.",
                ("spec", "affinity"),
                f"{to_write(service, profile)}; or each start waits for somebody to approve it.",
            )


def _unswitched(index: int, item: Item, flags: Sequence[str]) -> Iterator[Dangling]:
    """Flags that a gate would turn off and that these files do not declare; the control plane may know them."""
    on_fail = item.spec.on_group_fail if isinstance(item, Document) and isinstance(item.spec, Gate) else None
    for position, action in enumerate(on_fail.actions if on_fail is not None else ()):
        if isinstance(action, KillFlag) and not any(action.matches(flag) for flag in flags):
            problem = f"no flag like '{action.flag}' is in these files, so it was not checked."
            hint = "The start of a rollout checks that there is one for each group."
            at = ("spec", "onGroupFail", "actions", position, "kill")
            yield Dangling(index, Problem(problem, at, hint), severity=Severity.WARNING)


def _unfit(index: int, item: Item, drafts: Mapping[str, FlagDraft]) -> Iterator[Dangling]:
    """An experiment and its flag, declared together, that do not fit: a variant that there is not is a slip, a rule
    that does not deal it (yet) may be meant.
    """
    spec = item.spec if isinstance(item, Document) else None
    if isinstance(spec, Experiment) and spec.flag in drafts:
        flag = drafts[spec.flag].flag
        slips = misnamed(spec, flag)
        yield from (Dangling(index, problem) for problem in slips)
        if not slips:
            yield from (Dangling(index, each, severity=Severity.WARNING) for each in undealt(spec, flag))


def _unmeasured(index: int, item: Item, flags: Sequence[str]) -> Iterator[Dangling]:
    """The flag of an experiment, where these files do not declare it; the control plane may know it."""
    spec = item.spec if isinstance(item, Document) else None
    if isinstance(spec, Experiment) and spec.flag not in flags:
        near = nearest(spec.flag, list(flags))
        problem = f"flag '{spec.flag}' is not in these files, so it was not checked"
        hint = "'croupier experiment start' checks it, and the variants, against the control plane."
        guess = f"; did you mean '{near}'?" if near else "."
        yield Dangling(index, Problem(problem + guess, ("spec", "flag"), hint), severity=Severity.WARNING)


def _shared_prefixes(item: Item, names: _Names) -> Iterator[Problem]:
    if not isinstance(item, Document) or not isinstance(item.spec, Service):
        return
    for position, prefix in enumerate(item.spec.prefixes):
        others = [
            name for name in names.prefixes[prefix] if name != item.name and prefix in names.services[name].prefixes
        ]
        if others:
            yield Problem(
                f"service '{others[0]}' has the prefix '{prefix}' too, so nobody could tell their requests apart.",
                ("spec", "routes", position, "prefix"),
                "Give each service its own prefix.",
            )
