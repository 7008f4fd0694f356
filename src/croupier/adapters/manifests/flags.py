"""Flags and presets as files have them: ``kind: Flag``, ``kind: Preset``, and the bare ``{"feature": ...}``.

What they mean is read by ``core.flags``; here days become points in time, fields get their written names, and every
mistake its place. Called for each document.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from croupier.adapters.manifests import flag_words
from croupier.adapters.manifests.located import Complaint, Path, Severity
from croupier.adapters.manifests.misread import Misread
from croupier.core.flags import cel
from croupier.core.flags.check import Surroundings, advise, rules_of
from croupier.core.flags.model import Flag, FlagType
from croupier.core.flags.preset import Preset, read_preset
from croupier.core.flags.read import read_flag
from croupier.errors import Problem, Rejected

_NAMES: Final = {"killSwitch": "kill_switch", "onExpiry": "on_expiry", "expires": "expires_at"}
_WRITTEN: Final = {name: written for written, name in _NAMES.items()}
_DUTIFUL: Final = (FlagType.RELEASE, FlagType.EXPERIMENT)


@dataclass(frozen=True, slots=True)
class FlagDraft:
    """A declared flag. ``source`` is the document as it was written; ``segments`` are the segments that its conditions
    name, with their places.
    """

    flag: Flag
    source: Mapping[str, Any]
    segments: tuple[tuple[str, Path], ...] = ()

    @property
    def name(self) -> str:
        return self.flag.key

    def at(self, path: Path) -> Path:
        """Where a field of the flag, as the core names it, stands in the document."""
        return _bare_place(self.source, path) if is_bare(self.source) else _place(path)


@dataclass(frozen=True, slots=True)
class PresetDraft:
    """A declared preset. ``source`` is the document as it was written."""

    preset: Preset
    source: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.preset.name

    def at(self, path: Path) -> Path:
        """Where a field of the preset, as the core names it, stands in the document."""
        return ("spec", *path)


def is_bare(data: Any) -> TypeGuard[dict[str, Any]]:
    """Whether the data is a flag without an envelope."""
    return isinstance(data, dict) and "feature" in data and "apiVersion" not in data


def bare_flag(data: dict[str, Any]) -> tuple[FlagDraft | None, list[Complaint]]:
    """The flag of ``{"feature": ..., "rules": [...]}``; ``expires`` may be written as a day. An owner and an expiry
    that are missing are filled in when it is declared.
    """
    fields = dict(data)
    if "expires" in fields and "expires_at" in fields:
        problem = Problem("'expires' and 'expires_at' together.", ("expires_at",), "Write one of them.")
        return None, [Complaint(problem, at_key=True)]
    complaints = _timed(fields, ("expires",))
    return _draft(fields, data, complaints, lambda path: _bare_place(data, path))


def more_wrong(data: dict[str, Any], told: Sequence[Complaint]) -> list[Complaint]:
    """What else is wrong with a ``kind: Flag`` of whose shape some things were ``told``: all at other places."""
    spec, metadata = data.get("spec"), data.get("metadata")
    if not isinstance(spec, dict) or not isinstance(metadata, dict) or "name" not in metadata:
        return []
    places = {complaint.problem.path for complaint in told}
    _, found = flag_document(data)
    return [item for item in found if not any(_meet(item.problem.path, place) for place in places)]


def _meet(one: Path, other: Path) -> bool:
    """Whether one place lies within the other."""
    return all(mine == theirs for mine, theirs in zip(one, other, strict=False))


def flag_document(data: dict[str, Any]) -> tuple[FlagDraft | None, list[Complaint]]:
    """The flag of a ``kind: Flag``; of one whose shape is not right, what is wrong beside that."""
    spec = data["spec"]
    fields = {_NAMES.get(name, name): _bucketed(value) for name, value in spec.items() if name != "expires"}
    fields |= {"feature": data["metadata"]["name"]} | ({"expires": spec["expires"]} if "expires" in spec else {})
    complaints = _timed(fields, ("spec", "expires"))
    draft, more = _draft(fields, data, complaints, _place)
    if draft is not None:
        more += map(Complaint, _missing(draft.flag))
    return (None if more else draft), more


def preset_document(data: dict[str, Any]) -> tuple[PresetDraft | None, list[Complaint]]:
    """The preset of a ``kind: Preset`` whose shape is right."""
    spec = data["spec"]
    changes = [{name: _bucketed(value) for name, value in change.items()} for change in spec["changes"]]
    fields = {"name": data["metadata"]["name"], "changes": changes, "description": spec.get("description", "")}
    try:
        return PresetDraft(read_preset(fields), data), []
    except Rejected as refused:
        return None, [Complaint(_moved(problem, ("spec", *problem.path))) for problem in refused.problems]


def advice(draft: FlagDraft, now: float) -> list[Complaint]:
    """What is allowed but rarely meant, as far as the file alone shows it; which environments there are, it does not.
    ``now`` is in epoch seconds.
    """
    around = Surroundings(environments=tuple(draft.flag.environments))
    found = advise(draft.flag, around, now)
    return [Complaint(_moved(item, draft.at(item.path)), severity=Severity.WARNING) for item in found]


def _draft(
    fields: dict[str, Any], data: dict[str, Any], complaints: list[Complaint], place: Callable[[Path], Path]
) -> tuple[FlagDraft | None, list[Complaint]]:
    try:
        flag = read_flag(fields)
    except Rejected as refused:
        complaints += (Complaint(_moved(item, place(item.path))) for item in refused.problems)
        # What its conditions say wrong is told in the same breath: a flag is mended once.
        return None, complaints + _segments(_written_conditions(fields), place)[1]
    conditions = (((*path, "if"), rule.condition) for path, rule in rules_of(flag) if rule.condition)
    segments, wrong = _segments(conditions, place)
    complaints += wrong
    return (None if complaints else FlagDraft(flag, data, tuple(segments))), complaints


def _segments(
    conditions: Iterable[tuple[Path, str]], place: Callable[[Path], Path]
) -> tuple[list[tuple[str, Path]], list[Complaint]]:
    """The segments that these conditions name, with their places, and what is wrong with the conditions."""
    segments: list[tuple[str, Path]] = []
    wrong: list[Complaint] = []
    for path, text in conditions:
        try:
            segments += ((name, place(path)) for name, _ in cel.segments_in(cel.parse(text)))
        except cel.CelError as refused:
            said = f"column {refused.column}: {refused.message}"
            wrong.append(Complaint(Problem(said, place(path), refused.hint)))
    return segments, wrong


def _written_conditions(fields: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The conditions of a declaration that could not be read, as far as they stand where conditions do."""
    there = fields.get("environments")
    overrides = there.items() if isinstance(there, Mapping) else ()
    lists: list[tuple[Path, Any]] = [(("rules",), fields.get("rules"))]
    lists += [
        (("environments", name, "rules"), item.get("rules")) for name, item in overrides if isinstance(item, dict)
    ]
    for path, rules in lists:
        for index, rule in enumerate(rules) if isinstance(rules, list) else ():
            condition = rule.get("if") if isinstance(rule, dict) else None
            if isinstance(condition, str) and condition.strip():
                yield (*path, index, "if"), condition


def _timed(fields: dict[str, Any], path: Path) -> list[Complaint]:
    """Turn the day into a point in time."""
    if "expires" not in fields:
        return []
    try:
        fields["expires_at"] = flag_words.read_day(fields.pop("expires"))
    except Misread as misread:
        return [Complaint(Problem(misread.message, path, misread.hint))]
    return []


def _missing(flag: Flag) -> Iterator[Problem]:
    """What a file must say that is meant to stay."""
    if flag.type not in _DUTIFUL:
        return
    if not flag.owner:
        hint = "Write who answers for it: owner: payments."
        yield Problem(f"flags of type {flag.type} need an owner.", ("spec", "owner"), hint)
    if flag.expires_at is None:
        hint = "Write until when it is needed: expires: 2027-01-31."
        yield Problem(f"flags of type {flag.type} need an expiry.", ("spec", "expires"), hint)


def _bucketed(value: Any) -> Any:
    """The value with ``variantSalt`` spelled as the core does, wherever a bucketing stands in it."""
    if isinstance(value, list):
        return [_bucketed(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {("variant_salt" if name == "variantSalt" else name): item for name, item in value.items()}
    return {name: _bucketed(item) if name in ("rules", "bucketing") else item for name, item in named.items()}


def _place(path: Path) -> Path:
    """Where the core's field is written in a ``kind: Flag``."""
    if path[:1] == ("feature",):
        return ("metadata", "name")
    first = (_WRITTEN.get(str(path[0]), path[0]),) if path else ()
    return ("spec", *first, *("variantSalt" if part == "variant_salt" else part for part in path[1:]))


def _bare_place(data: Mapping[str, Any], path: Path) -> Path:
    """Where the core's field is written in a bare flag, which may write the expiry as a day."""
    return ("expires", *path[1:]) if path[:1] == ("expires_at",) and "expires_at" not in data else path


def _moved(problem: Problem, path: Path) -> Problem:
    return Problem(problem.message, path, problem.hint)
