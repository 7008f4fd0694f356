"""What is wrong with the file of receivers: all of it at once, each with line, field and what to write instead.

Never says a value: a secret may stand in the wrong place. Called by ``declared``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from croupier.errors import Problem

Path = tuple[str | int, ...]

_WRITE: Final = {
    "apiVersion": "Write apiVersion: croupier/v1.",
    "kind": "Write kind: Notifier.",
    "metadata": "Write for example metadata: {name: on-call}.",
    "name": "Write for example name: on-call, of lower-case letters, digits and hyphens.",
    "spec": "Below it, write url and secretFile, or format: slack and url.",
    "url": "Write for example url: https://alerts.example/croupier.",
    "events": "Write a list, for example events: [rollout.waiting, rollout.aborting].",
    "services": "Write a list, for example services: [payments].",
    "blindAfter": "Write for example blindAfter: 5m; up to 24h.",
    "budgetUsed": "Write for example budgetUsed: 0.8; above 0, up to 1.",
    "timeout": "Write for example timeout: 10s; up to 60s.",
}
_SPEC: Final = ("spec",)


@dataclass(frozen=True, slots=True)
class Written:
    """One document, and where in the file (named ``file``) its values stand."""

    file: str
    data: Any
    node: Node

    def problem(self, message: str, path: Path, hint: str = "") -> Problem:
        """A mistake at the path, or where the nearest that there is begins."""
        mark = self.node.start_mark
        at: Node | None = self.node
        for part in path:
            key, at = _below(at, part)
            if key is None:
                break
            mark = key.start_mark
        field = Problem("", path).field
        place = f"{self.file}:{mark.line + 1}:{mark.column + 1}"
        return Problem(message, (f"{place} {field}" if field else place,), hint)


def shape_mistakes(written: Written, shape: type[BaseModel], error: ValidationError) -> Iterator[Problem]:
    """What the fields, each by itself, have wrong."""
    for each in error.errors(include_input=False, include_url=False):
        path: Path = each["loc"]
        name = str(path[-1]) if path else ""
        named = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
        hint = _WRITE.get(named, "")
        match each["type"]:
            case "extra_forbidden":
                known = _fields(shape, path[:-1])
                guess = _meant(name, known)
                yield written.problem(f"unknown field '{name[:60]}'{guess}", path, f"Known here: {', '.join(known)}.")
            case "missing":
                yield written.problem(f"'{name}' is missing.", path, hint)
            case "enum":
                known = str(each["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
                guess = _meant(str(_value(written.data, path)), known)
                yield written.problem(f"there is no such {named.removesuffix('s')}{guess}", path, _listed(known))
            case "string_pattern_mismatch":
                yield written.problem("this is no name.", path, hint)
            case "model_type" | "dict_type":
                yield written.problem("expected a mapping.", path, hint or "Start with apiVersion: croupier/v1.")
            case "list_type":
                yield written.problem("expected a list.", path, hint)
            case _:
                said = each["msg"].removeprefix("Value error, ")
                yield written.problem(f"{said[:1].lower()}{said[1:]}.", path, hint)


def contradictions(written: Written) -> Iterator[Problem]:
    """What the fields of the ``spec`` have wrong together; said even where one of them is wrong by itself."""
    spec = written.data.get("spec") if isinstance(written.data, Mapping) else None
    if not isinstance(spec, Mapping):
        return
    # An empty text names nothing: a webhook whose secret is nowhere would be sent unsigned.
    given = {name for name, value in spec.items() if value is not None and value != ""}
    addresses = [name for name in ("url", "urlFile", "urlEnv") if name in given]
    if not addresses:
        hint = "Write url: https://…, or urlFile or urlEnv where the address is a secret."
        yield written.problem("one of url, urlFile and urlEnv says where it is; there is none.", _SPEC, hint)
    if len(addresses) > 1:
        text = f"one of url, urlFile and urlEnv says where it is; there are {' and '.join(addresses)}."
        yield written.problem(text, (*_SPEC, addresses[1]), "Keep one.")
    if {"secretFile", "secretEnv"} <= given:
        yield written.problem("secretFile and secretEnv exclude each other.", (*_SPEC, "secretEnv"), "Keep one.")
    if spec.get("format", "webhook") == "webhook" and not {"secretFile", "secretEnv"} & given:
        hint = "Write for example secretFile: on-call.key; a chat has none: format: slack."
        yield written.problem("a webhook is signed: write secretFile or secretEnv.", _SPEC, hint)


def _below(node: Node | None, part: str | int) -> tuple[Node | None, Node | None]:
    """Where the part of a path begins, and what it holds."""
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), (None, None))
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None, None


def _fields(shape: type[BaseModel], path: Path) -> list[str]:
    """The fields of the mapping at the path, as they are written."""
    for part in path:
        field = next((item for item in shape.model_fields.values() if item.alias == part), None)
        if field is None or not isinstance(field.annotation, type):
            return []
        shape = field.annotation
    return [str(item.alias or name) for name, item in shape.model_fields.items()]


def _meant(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1, 0.75)
    return f"; did you mean '{near[0]}'?" if near else "."


def _value(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _listed(known: list[str]) -> str:
    return f"Known are {', '.join(known)}."
