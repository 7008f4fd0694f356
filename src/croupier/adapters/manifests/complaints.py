"""Pydantic's findings in people's words: what was found, which fields there are, what was probably meant.

Also finds what a schema of single fields cannot say: empty values, choices of exactly one field. Called for each
document.
"""

import re
import types
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from croupier.adapters.manifests.fields import Shape
from croupier.adapters.manifests.located import Complaint, Mark, Path
from croupier.adapters.manifests.misread import described
from croupier.adapters.manifests.shapes import API_VERSION
from croupier.errors import Problem

_SIMPLE = re.compile(r"[A-Za-z0-9_./%{}-]+")


def complaints_of(shape: type[Shape], data: Any, marks: Mapping[Path, Mark]) -> tuple[Shape | None, list[Complaint]]:
    """The document as its shape, or ``None``, with everything that is wrong with it."""
    complaints = list(_choices(shape, data, ()))
    found: Shape | None = None
    try:
        found = shape.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=True)
        complaints += _translated(shape, data, errors, {item.problem.path for item in complaints}, marks)
    return (None if complaints else found), complaints


def nearest(word: object, known: list[str]) -> str | None:
    """What was probably meant, if anything is near."""
    folded = {name.lower(): name for name in known}
    near = get_close_matches(str(word).lower()[:100], list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def fields_of(shape: type[Shape]) -> list[str]:
    """The fields of a mapping as they are written."""
    return [field.alias or name for name, field in shape.model_fields.items()]


# --- what Pydantic found ----------------------------------------------------------------------------------------------


def _translated(
    shape: type[Shape], data: Any, errors: list[ErrorDetails], said: set[Path], marks: Mapping[Path, Mark]
) -> Iterator[Complaint]:
    meant = _meant(shape, errors)
    for error in errors:
        path, at_key = _place(data, error["loc"])
        kind = error["type"]
        if path in said or (kind == "missing" and path in meant.values()):
            continue
        if kind == "extra_forbidden":
            yield _unknown_field(shape, path, meant.get(path))
        elif kind == "missing":
            yield Complaint(Problem(f"'{path[-1]}' is missing.", path, _example(shape, path)))
        else:
            mark = marks.get(path)
            message, hint = _wrong_value(shape, path, error)
            written = (mark.written[:60] if mark else "") or _shown(error["input"])
            problem = Problem(message.replace("{written}", written), path, hint.replace("{written}", written))
            yield Complaint(problem, at_key=at_key)


def _meant(shape: type[Shape], errors: list[ErrorDetails]) -> dict[Path, Path]:
    """Unknown field -> the known field that was probably meant by it."""
    meant: dict[Path, Path] = {}
    for error in errors:
        if error["type"] == "extra_forbidden":
            owner = shape_at(shape, error["loc"][:-1])
            near = nearest(error["loc"][-1], fields_of(owner)) if owner else None
            if near:
                meant[error["loc"]] = (*error["loc"][:-1], near)
    return meant


def _unknown_field(shape: type[Shape], path: Path, meant: Path | None) -> Complaint:
    owner = shape_at(shape, path[:-1])
    name = str(path[-1])
    known = fields_of(owner) if owner else []
    if owner is not None and name in owner.elsewhere:
        return Complaint(Problem(f"'{name}' is not used here.", path, owner.elsewhere[name]), at_key=True)
    guess = f"; did you mean '{meant[-1]}'?" if meant else "."
    hint = f"Known here: {', '.join(known)}." if known else ""
    return Complaint(Problem(f"unknown field '{name[:60]}'{guess}", path, hint), at_key=True)


def _wrong_value(shape: type[Shape], path: Path, error: ErrorDetails) -> tuple[str, str]:
    found = described(error["input"])
    context = error.get("ctx", {})
    match error["type"]:
        case "misread":
            return str(context["message"]), str(context["hint"])
        case "model_type" | "model_attributes_type" | "dict_type":
            better = _as_mapping(annotation_at(shape, path), error["input"])
            return f"expected a mapping, found {found}.", better or _EXAMPLES.get(str(path[-1]), _PAIRS)
        case "list_type":
            better = _rewritten(annotation_at(shape, path), error["input"])
            other = "Write one item per line, each after '- '."
            return f"expected a list, found {found}.", f"Write {better}." if better else other
        case "bool_type" | "bool_parsing":
            return f"expected true or false, found {found}.", "Write one of them, without quotes."
        case "literal_error":
            known = [str(item) for item in get_args(annotation_at(shape, path))]
            guess = nearest(error["input"], known) if isinstance(error["input"], str) else None
            hint = f"Write {guess}." if guess else ""
            return f"expected {context['expected']}, found {found}.", hint
        case "too_short":
            return "this is empty.", "Write at least one."
        case "too_long":
            return f"this is too long: at most {context['max_length']} are possible.", "Remove some."
        case _:  # pragma: no cover - the shapes have no other checks; should one be added, its own words are shown
            return f"{error['msg'][:1].lower()}{error['msg'][1:]}, found {found}.", ""


def _as_mapping(annotation: Any, value: Any) -> str | None:
    """What to write where a mapping was expected, as far as the shape and the value tell."""
    if better := _rewritten(annotation, value):
        return f"Write {better}."
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return "Write NAME: value pairs, without 'name:' and 'value:'."
    if _is_shape(annotation):
        return f"Write 'key: value' pairs below it; known are {', '.join(fields_of(annotation))}."
    return None


def _rewritten(annotation: Any, value: Any) -> str | None:
    """The value wrapped as it should have been, in YAML's flow style; ``None`` where that is not known or simple."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    if _is_shape(annotation):
        inner = _rewritten(annotation_at(annotation, (annotation.short,)), value) if annotation.short else None
        return f"{{{annotation.short}: {inner}}}" if inner else None
    if get_origin(annotation) is list:
        item = _unwrapped(get_args(annotation)[0])
        words = str(value).split() if item is str else [value]
        parts = [_rewritten(item, word) for word in words]
        return f"[{', '.join(part for part in parts if part)}]" if parts and all(parts) else None
    if get_origin(annotation) is dict:
        return None
    text = str(value)
    if not _SIMPLE.fullmatch(text):
        return None
    return f'"{text}"' if "{" in text or "}" in text else text  # in flow style a bare brace begins a mapping


def _shown(value: Any) -> str:
    return str(value)[:60] if isinstance(value, str | int | float) else ""


_PAIRS = "Write 'key: value' pairs below it."
_EXAMPLES = {
    "command": "Write for example: command: [python, -m, shop, --port, '{port}'].",
    "routes": "Write for example: routes: [{prefix: /payments}].",
    "apiVersion": f"Write apiVersion: {API_VERSION}.",
    "metadata": "Write for example: metadata: {name: payments}.",
    "version": "Write for example: version: 1.4.0.",
    "sli": "Write for example: sli: {ratio: {metric: deposits_total, good: {outcome: credited}}}.",
    "service": "Write the name of a Service.",
    "name": "Write for example: name: deposit-slo.",
    "prefix": "Write for example: prefix: /payments.",
    "header": "Write for example: header: x-player-id.",
    "process": "Write for example: process: {command: [python, -m, shop, --port, '{port}']}.",
    "metric": "Write the name of a Prometheus metric.",
    "templates": "Write for example: templates: [{templateName: deposit-slo}].",
    "templateName": "Write the name of a Gate.",
    "strategy": "Write for example: strategy: {canary: {steps: [{setWeight: 5}, {pause: {duration: 5m}}]}}.",
    "canary": "Write for example: canary: {steps: [{setWeight: 5}, {pause: {duration: 5m}}]}.",
    "steps": "Write for example: steps: [{setWeight: 5}, {pause: {duration: 5m}}].",
    "threshold": "Write for example: threshold: 400ms.",
    "atLeast": "Write for example: atLeast: 99%.",
    "match": "Write for example: match: {market: [DE]}.",
    "good": "Write for example: good: {outcome: credited}.",
    "total": "Write for example: total: {outcome: [credited, failed]}.",
}


def _example(shape: type[Shape], path: Path) -> str:
    """What to write for a field that is missing."""
    owner = shape_at(shape, path)
    if path[-1] == "spec" and owner is not None:
        needed = [field.alias or name for name, field in owner.model_fields.items() if field.is_required()]
        return f"Below it, write {' and '.join(needed)}."
    return _EXAMPLES.get(str(path[-1]), "Add it.")


def _place(data: Any, loc: tuple[str | int, ...]) -> tuple[Path, bool]:
    """The part of Pydantic's location that the user wrote, and whether the key is what is wrong."""
    if loc and loc[-1] == "[key]":
        return loc[:-1], True
    for index, part in enumerate(loc):
        if isinstance(data, list) or (isinstance(data, dict) and part in data):
            data = data[part]  # type: ignore[index]  # Pydantic names a list's items by number
        elif isinstance(data, dict) and index == len(loc) - 1:
            return loc, False  # a missing field
        else:
            return loc[:index], False
    return loc, False


# --- what a schema of single fields cannot say ------------------------------------------------------------------------


def _choices(shape: type[Shape], data: Any, path: Path) -> Iterator[Complaint]:
    """Empty values everywhere, and mappings with none or several of the fields of which one is wanted."""
    if not isinstance(data, dict):
        return
    known = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
    present = [name for name in known if name in data]
    if shape.one_of and not set(data) - set(known):
        yield from _one_of(shape, [name for name in shape.one_of if name in present], path)
    if len(excluding := [name for name in shape.at_most_one if name in present]) > 1:
        both = " and ".join(f"'{name}'" for name in excluding)
        yield Complaint(Problem(f"{both} cannot stand together.", path, "Remove one of them."))
    if shape.some_of and not {*shape.some_of} & {*present} and not {*data} - {*known} and not _brought(shape, data):
        message, hint = shape.lacking
        yield Complaint(Problem(message, path, hint))
    for name in present:
        for inner, value, at in _inside(known[name], data[name], (*path, name)):
            if value is None:
                remedy = "Write pause: {} to wait for a person." if name == "pause" else _value_for(name, inner)
                yield Complaint(Problem("there is no value.", at, remedy), at_key=True)
            elif inner is not None:
                yield from _choices(inner, value, at)


def _value_for(name: str, inner: type[Shape] | None) -> str:
    """What to write for a field without a value."""
    if inner is None or inner.one_of or inner.some_of or any(one.is_required() for one in inner.model_fields.values()):
        return "Write one, or remove it."
    return f"Write {name}: {{}} for what is usual, or remove it."


def _brought(shape: type[Shape], data: dict[str, Any]) -> bool:
    """Whether another field brings along what is lacking here."""
    outer = data.get(shape.unless[0]) if shape.unless is not None else None
    return shape.unless is not None and isinstance(outer, dict) and shape.unless[1] in outer


def _one_of(shape: type[Shape], present: list[str], path: Path) -> Iterator[Complaint]:
    *most, last = shape.one_of
    wanted = f"{', '.join(most)} and {last}"
    if not present:
        yield Complaint(Problem(f"exactly one of {wanted} is needed, there is none.", path, "Add one."))
    elif len(present) > 1:
        both = " and ".join(f"'{name}'" for name in present)
        remedy = "Make a step of each." if "setWeight" in shape.one_of else "Remove all but one."
        yield Complaint(Problem(f"{both} cannot stand together: exactly one of {wanted} is allowed.", path, remedy))


def _inside(annotation: Any, value: Any, path: Path) -> Iterator[tuple[type[Shape] | None, Any, Path]]:
    """The value, and the items of a list or mapping, each with its shape if it has one."""
    inner = _unwrapped(annotation)
    yield (inner if _is_shape(inner) else None), value, path
    if get_origin(inner) is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inside(get_args(inner)[0], item, (*path, index))
    elif get_origin(inner) is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(get_args(inner)[1], item, (*path, key))


def shape_at(shape: type[Shape], path: Path) -> type[Shape] | None:
    """The shape of the mapping at a place, ``None`` where there is no mapping with known fields."""
    found: type[Shape] | None = annotation_at(shape, path)
    return found if _is_shape(found) else None


def annotation_at(shape: type[Shape], path: Path) -> Any:
    """The type at a place, without ``Annotated`` and ``| None``; ``None`` where there is no such place."""
    current: Any = shape
    for part in path:
        if _is_shape(current):
            by_alias = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = _unwrapped(by_alias.get(str(part)))
        elif get_origin(current) in (list, dict):
            current = _unwrapped(get_args(current)[-1])
        else:
            return None
    return current


def _is_shape(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, Shape)


def _unwrapped(annotation: Any) -> Any:
    """The type without ``Annotated`` and without ``| None``."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next(item for item in get_args(annotation) if item is not type(None))
        else:
            return annotation
