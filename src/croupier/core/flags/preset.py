"""A preset: a named set of flag changes, prepared and approved beforehand, applied at once and undone exactly.

Pure. The use cases decide who may do what; here is what a preset is and what it makes of a flag's declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.core.flags.read import KEY
from croupier.core.flags.reading import Path, Reader
from croupier.errors import Rejected

_PRESET: Final = ("name", "description", "changes")
_SETTINGS: Final = ("enabled", "rules", "default")
_CHANGE: Final = ("flag", "kill", "environment", *_SETTINGS)

MOST_CHANGES: Final = 1_000
"""A preset may change so many flags; more than a person can review is no preparation."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one flag: a kill, or settings of its own in one environment or (``""``) everywhere.

    ``settings`` are ``enabled``, ``rules`` and ``default`` as a declaration writes them.
    """

    flag: str
    kill: bool = False
    environment: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of changes, in the order in which they are made."""

    name: str
    changes: tuple[Change, ...]
    description: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that it touches, each once, in order."""
        return tuple(dict.fromkeys(change.flag for change in self.changes))


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved the preset with this digest, and when (epoch seconds)."""

    actor: str
    at: float
    digest: str


@dataclass(frozen=True, slots=True)
class Before:
    """What a flag's declaration was before the preset, and the digest of what the preset made of it. While it is still
    that, the way back is exact.
    """

    flag: str
    source: Mapping[str, Any]
    digest: str
    digest_after: str


@dataclass(frozen=True, slots=True)
class Application:
    """The preset in force: who applied it, when, why, as which version of the ruleset, and the way back."""

    actor: str
    at: float
    reason: str
    version: int
    digest: str
    before: tuple[Before, ...]


@dataclass(frozen=True, slots=True)
class PresetState:
    """A preset as it stands. An approval counts for the digest that it names, and for no other."""

    preset: Preset
    source: Mapping[str, Any]
    digest: str
    author: str
    changed_at: float
    approval: Approval | None = None
    applied: Application | None = None

    @property
    def approved(self) -> bool:
        return self.approval is not None and self.approval.digest == self.digest


def read_preset(data: Mapping[str, Any]) -> Preset:
    """The preset that the plain JSON data declares. Raises ``Rejected`` with every mistake and its place."""
    reader = Reader()
    fields = reader.fields(data, (), _PRESET)
    name = reader.text(fields, "name", ())
    if not KEY.fullmatch(name):
        reader.wrong(("name",), f"'{name[:60]}' cannot be a preset's name.", "Write letters, digits, '.', '_' and '-'.")
    changes = reader.items(fields, "changes", (), lambda item, path: _change(reader, item, path))
    if not 1 <= len(changes) <= MOST_CHANGES:
        reader.wrong(("changes",), f"a preset has 1 to {MOST_CHANGES} changes, not {len(changes)}.")
    preset = Preset(name, changes, reader.text(fields, "description", ()))
    if reader.problems:
        raise Rejected(f"The preset is wrong: {reader.problems[0]}", problems=tuple(reader.problems))
    return preset


def write_preset(preset: Preset) -> dict[str, Any]:
    """The preset as plain JSON data, as short as a person would write it; ``read_preset`` reads it back."""
    data: dict[str, Any] = {"name": preset.name, "changes": [_written(change) for change in preset.changes]}
    return data | ({"description": preset.description} if preset.description else {})


def changed_source(source: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The declaration with the change's settings; ``read_flag`` says whether they fit the flag."""
    if not change.environment:
        return {**source, **change.settings}
    environments = dict(source.get("environments", {}))
    environments[change.environment] = {**environments.get(change.environment, {}), **change.settings}
    return {**source, "environments": environments}


def _change(reader: Reader, item: Any, path: Path) -> Change:
    fields = reader.fields(item, path, _CHANGE)
    flag = reader.text(fields, "flag", path)
    if not flag:
        reader.wrong((*path, "flag"), "which flag is to change?")
    settings = {name: fields[name] for name in _SETTINGS if name in fields}
    kill = reader.truth(fields, "kill", path)
    if kill == bool(settings):
        reader.wrong(path, "write either kill: true, or what to set: enabled, rules, default.")
    environment = reader.text(fields, "environment", path)
    if kill and environment:
        reader.wrong((*path, "environment"), "a kill is for every environment.", "Set enabled: false there instead.")
    return Change(flag, kill, environment, settings)


def _written(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"flag": change.flag, **change.settings}
    if change.kill:
        data["kill"] = True
    if change.environment:
        data["environment"] = change.environment
    return data
