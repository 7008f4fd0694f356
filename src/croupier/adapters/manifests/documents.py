"""One document: from plain data to the core's object, with every complaint about it.

Called for each tree and each API object.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from croupier.adapters.manifests import convert, shapes, smoking
from croupier.adapters.manifests.calendars import calendar
from croupier.adapters.manifests.complaints import complaints_of, nearest
from croupier.adapters.manifests.flags import (
    FlagDraft,
    PresetDraft,
    bare_flag,
    flag_document,
    is_bare,
    more_wrong,
    preset_document,
)
from croupier.adapters.manifests.located import Complaint, Mark, Path, Severity
from croupier.adapters.manifests.misread import described
from croupier.adapters.manifests.ready import misplaced
from croupier.adapters.manifests.release import ReleaseDraft, digest_of, draft, process_problems
from croupier.control.ports import Document
from croupier.core.experiments import Experiment
from croupier.core.experiments.model import check as check_experiment
from croupier.core.gates import Comparison, Gate, PopulationRule, RatioSli
from croupier.core.gates.check import advise_gate, check_gate
from croupier.core.gates.ready import POPULATION
from croupier.core.governance.calendar.check import check_calendar
from croupier.core.governance.calendar.model import Calendar
from croupier.core.releases import Service
from croupier.core.releases.affinity_problems import affinity_problems
from croupier.core.rollout.check import advise, check
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.smoke import SmokeCheck
from croupier.core.smoke.check import check_smoke
from croupier.errors import Problem


@dataclass(frozen=True, slots=True)
class Read:
    """What one document turned out to be; ``item`` is ``None`` when something is wrong with it.

    ``claims`` is the kind and the name that a document gives itself, so that others may refer to one with mistakes.
    """

    item: Document | ReleaseDraft | FlagDraft | PresetDraft | None
    complaints: tuple[Complaint, ...]
    claims: tuple[str, str] | None = None


def read_document(data: Any, marks: Mapping[Path, Mark]) -> Read:
    """The document in this data. Never raises; what is wrong is in the complaints, warnings included."""
    if is_bare(data):
        bare, wrong = bare_flag(data)
        return Read(bare, tuple(wrong), ("Flag", str(data["feature"])))
    shape, complaints = _kind(data)
    if shape is None:
        return Read(None, tuple(complaints))
    found, more = complaints_of(shape, data, marks)
    complaints += more
    if found is None:
        if shape is shapes.FlagShape:
            complaints += more_wrong(data, complaints)
        return Read(None, tuple(complaints), _claims(data))
    item: Document | ReleaseDraft | FlagDraft | PresetDraft | None
    if isinstance(found, shapes.ReleaseShape):
        complaints += _misnamed(found)
        item = draft(found, data)
    elif isinstance(found, shapes.FlagShape | shapes.PresetShape):
        item, more = flag_document(data) if isinstance(found, shapes.FlagShape) else preset_document(data)
        complaints += more
    else:
        if isinstance(found, shapes.GateShape) and found.spec.sli is not None and found.spec.sli.ready is not None:
            complaints += map(Complaint, misplaced(found.spec.sli.ready))
        item = _document(cast("shapes.AnyDocument", found), data)
        complaints += _senseless(item)
    broken = any(complaint.severity is Severity.ERROR for complaint in complaints)
    return Read(None if broken else item, tuple(complaints), _claims(data))


_NOTIFIER = "Notifiers are not applied: keep them in a file that CROUPIER_NOTIFIERS_FILE names to 'croupier serve'."


def _kind(data: Any) -> tuple[type[shapes.AnyDocument] | None, list[Complaint]]:
    """The shape that the document claims to have."""
    if not isinstance(data, dict):
        message = "the document is empty." if data is None else f"expected a document, found {described(data)}."
        hint = f"Start with: apiVersion: {shapes.API_VERSION}"
        return None, [Complaint(Problem(message.replace("{written}", str(data)[:60]), (), hint))]
    version, kind = data.get("apiVersion"), data.get("kind")
    known = ", ".join(shapes.KINDS)
    if version is not None and version != shapes.API_VERSION:
        return None, [_foreign(str(version)[:100], kind)]
    if kind is None:
        absent = [] if version else [_missing("apiVersion", f"Write apiVersion: {shapes.API_VERSION}.")]
        return None, [*absent, _missing("kind", f"Write one of {known}.")]
    if not isinstance(kind, str) or kind not in shapes.KINDS:
        near = nearest(kind, list(shapes.KINDS))
        guess = f"; did you mean '{near}'?" if near else "."
        hint = _NOTIFIER if kind == "Notifier" else f"Known are {known}."
        problem = Problem(f"unknown kind '{str(kind)[:60]}'{guess}", ("kind",), hint)
        return None, [Complaint(problem)]
    return shapes.KINDS[kind], []


def _claims(data: dict[str, Any]) -> tuple[str, str] | None:
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return (str(data["kind"]), name) if isinstance(name, str) else None


def _missing(field: str, hint: str) -> Complaint:
    return Complaint(Problem(f"'{field}' is missing.", (field,), hint))


def _foreign(version: str, kind: Any) -> Complaint:
    if version.startswith("argoproj.io/") and kind == "Rollout":
        hint = "Make our Rollout of it: croupier import argo FILE. Its spec.strategy pastes in by hand, too."
    elif version.startswith("argoproj.io/") and kind in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        hint = "Make a Gate of it: croupier import argo FILE."
    elif version.startswith("flagger.app/"):
        hint = "Make a Rollout of it: croupier import flagger FILE."
    elif version.startswith("croupier"):
        hint = f"Write {shapes.API_VERSION}."
    else:
        hint = f"Only {shapes.API_VERSION} belongs here; move other files out of this directory."
    return Complaint(Problem(f"unknown apiVersion '{version}'.", ("apiVersion",), hint))


def _misnamed(shape: shapes.ReleaseShape) -> Iterator[Complaint]:
    expected = f"{shape.spec.service}-{shape.spec.version}"
    name = shape.metadata.name if shape.metadata else None
    if name is not None and name != expected:
        problem = Problem(
            f"'{name}' does not agree with the service and the version.",
            ("metadata", "name"),
            f"Write {expected}, or remove the name.",
        )
        yield Complaint(problem)


def _document(shape: shapes.AnyDocument, data: dict[str, Any]) -> Document:
    match shape:
        case shapes.ServiceShape():
            return _declared(shape, convert.service(shape), data)
        case shapes.GateShape():
            return _declared(shape, convert.gate(shape), data)
        case shapes.SegmentShape():
            return _declared(shape, convert.segment(shape), data)
        case shapes.RolloutShape():
            spec = convert.rollout(shape)
            # With a newer edition of its profile it is another document: to apply it again then changes something.
            made_by = {"profile": spec.profile.profile.digest} if spec.profile is not None else {}
            return replace(_declared(shape, spec, data), digest=digest_of(data | made_by))
        case shapes.SmokeCheckShape():
            return _declared(shape, smoking.smoke_check(shape), data)
        case shapes.ExperimentShape():
            return _declared(shape, convert.experiment(shape), data)
        case shapes.CalendarShape():
            return _declared(shape, calendar(shape), data)
        case _:  # pragma: no cover - the others are drafts, not documents
            raise AssertionError(shape)


def _declared(
    shape: shapes.ServiceShape
    | shapes.GateShape
    | shapes.SegmentShape
    | shapes.RolloutShape
    | shapes.SmokeCheckShape
    | shapes.ExperimentShape
    | shapes.CalendarShape,
    spec: Any,
    data: dict[str, Any],
) -> Document:
    return Document(shape.kind, shape.metadata.name, digest_of(data), spec, data)


_GOOD_OF_A_POPULATION = Problem(
    "of a population everybody counts, good or not: 'good' has no effect.",
    ("spec", "sli", "ratio", "good"),
    "Write sli: {ready: sample-ratio} or {ready: {name: sample-ratio, metric: ...}}.",
)


_JUDGED_POPULATION = Problem(
    "'sample-ratio' counts a population, and has its own way to judge it.",
    ("spec", "sli"),
    "Remove the other rule (sequential, rule or burn); population: {...} says how sure it has to be.",
)


def _judged_population(document: Document) -> bool:
    """Whether a ready-made population is to be judged by a rule for what went well."""
    spec = document.source["spec"]
    ready = (spec.get("sli") or {}).get("ready")
    name = ready.get("name") if isinstance(ready, dict) else ready
    return name == POPULATION and any(rule in spec for rule in ("sequential", "rule", "burn"))


def _senseless(document: Document) -> Iterator[Complaint]:
    """Well-formed documents that make no sense."""
    spec = document.spec
    if isinstance(spec, Service):
        yield from map(Complaint, _wrong_service(spec))
    elif isinstance(spec, Gate):
        yield from _senseless_gate(spec, document)
    elif isinstance(spec, RolloutSpec):
        yield from map(Complaint, check(spec))
        for problem in advise(spec):
            yield Complaint(problem, severity=Severity.WARNING)
    elif isinstance(spec, SmokeCheck):
        yield from map(Complaint, check_smoke(spec))
    elif isinstance(spec, Experiment):
        yield from map(Complaint, check_experiment(spec))
    elif isinstance(spec, Calendar):
        yield from map(Complaint, check_calendar(spec))


def _senseless_gate(gate: Gate, document: Document) -> Iterator[Complaint]:
    if _judged_population(document):  # what else is wrong with it follows from that
        yield Complaint(_JUDGED_POPULATION)
        return
    yield from map(Complaint, check_gate(gate))
    for position, label in enumerate(gate.by):
        if label in gate.by[:position]:
            yield Complaint(Problem(f"'{label}' is named twice.", ("spec", "by", position), "Remove one."))
    if isinstance(gate.rule, PopulationRule) and isinstance(gate.sli, RatioSli) and gate.sli.good:
        yield Complaint(_GOOD_OF_A_POPULATION)
    yield from _senseless_samples(document)
    yield from _idle_source(document)
    yield from _idle_slack(gate, document)
    for problem in advise_gate(gate):
        yield Complaint(problem, severity=Severity.WARNING)


def _wrong_service(service: Service) -> Iterator[Problem]:
    yield from process_problems(service.process)
    yield from affinity_problems(service)
    for position, prefix in enumerate(service.prefixes):
        if prefix in service.prefixes[:position]:
            yield Problem(f"'{prefix}' is written twice.", ("spec", "routes", position, "prefix"), "Remove one.")
    if service.process.start_timeout_s <= 0:
        at = ("spec", "process", "health", "startTimeout")
        yield Problem("no process can start in 0 seconds.", at, "Write for example 30s.")


def _idle_slack(gate: Gate, document: Document) -> Iterator[Complaint]:
    """Evidence is weighed without it; only a hard stop by a share compares with it under every rule."""
    spec = document.source["spec"]
    stops = gate.hard_stop is not None and gate.hard_stop.failing is not None
    if "sequential" not in spec or gate.comparison is None or stops:
        return
    if "slack" in spec.get("comparison", {}):
        at = ("spec", "comparison", "slack")
        problem = Problem("'slack' has no effect with 'sequential'.", at, "Remove it: evidence needs no slack.")
        yield Complaint(problem, at_key=True, severity=Severity.WARNING)
    elif gate.comparison.slack != Comparison().slack:
        # Nobody wrote it, so it is that of a ready-made gate.
        ready = spec["sli"]["ready"]
        name = ready if isinstance(ready, str) else ready["name"]
        problem = Problem(
            f"the slack of {100 * gate.comparison.slack:g} % in '{name}' has no effect with 'sequential'.",
            ("spec", "sequential"),
            "Leave 'sequential' out to keep it, or write a larger comparison: {maxRatio: ...}.",
        )
        yield Complaint(problem, at_key=True, severity=Severity.WARNING)


_IDLE_BESIDE_ANALYSIS: Final = (
    ("source", "an analysis has no source.", "Remove it: each metric names its provider."),
    ("onGroupFail", "an analysis has no groups.", "Remove it, or count events by group in a gate of its own."),
)


def _idle_source(document: Document) -> Iterator[Complaint]:
    spec = document.source["spec"]
    for field, why, hint in _IDLE_BESIDE_ANALYSIS if "analysis" in spec else ():
        if field in spec:
            yield Complaint(Problem(why, ("spec", field), hint), at_key=True)


def _senseless_samples(document: Document) -> Iterator[Complaint]:
    stop = document.source["spec"].get("hardStop", {})
    if "samples" in stop and "failing" not in stop and "drop" not in stop:
        at = ("spec", "hardStop", "samples")
        problem = Problem("'samples' has no effect without 'failing' or 'drop'.", at, "Add failing: 50%, or remove it.")
        yield Complaint(problem, at_key=True)
