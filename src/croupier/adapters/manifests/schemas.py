"""JSON Schemas (draft 2020-12) of the documents, for editors. Derived from the shapes; generated into the docs.

They accept every document that the reader accepts. They cannot refuse all that it refuses: references, sense, and
steps of 0.01 are beyond them.
"""

from typing import Any, Final

from croupier.adapters.manifests.fields import Shape
from croupier.adapters.manifests.shapes import API_VERSION, KINDS, ProfileFileShape

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Schema by file stem: one for each kind (``service``, …) and ``document`` for files with documents of any kind."""
    found = {kind.lower(): _schema_of(kind, shape) for kind, shape in KINDS.items()}
    found["document"] = {
        "$schema": _DIALECT,
        "$id": _id("document"),
        "title": f"A {API_VERSION} document",
        "description": (
            f"One of {', '.join(KINDS)}. A duration is 90s, 5m, 1h30m, 400ms or whole seconds; a size 512Mi; "
            "a share 99% or 0.99; a weight a percentage to 0.01. In YAML an unquoted 1.10 is the "
            "number 1.1: put such text in quotes; no and NO are text. A file "
            "holds at most 1 MiB, a directory 1,000 files."
        ),
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"enum": list(KINDS), "description": "What this document describes."},
        },
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{kind}"},
            }
            for kind in KINDS
        ],
        "$defs": _shared_definitions(found),
    }
    return found


def profile_schema() -> dict[str, Any]:
    """The schema of a profile's own file, which comes with the package and is no document."""
    return _schema_of("Profile", ProfileFileShape)


def _id(stem: str) -> str:
    return f"urn:croupier:schema:v1:{stem}"


def _schema_of(kind: str, shape: type[Shape]) -> dict[str, Any]:
    schema = _cleaned(shape.model_json_schema(by_alias=True))
    schema["title"] = f"{kind} ({API_VERSION})"
    return {"$schema": _DIALECT, "$id": _id(kind.lower()), **schema}


def _shared_definitions(by_stem: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All definitions in one place. Equal names are equal shapes: no two classes in ``shapes`` have the same name."""
    definitions: dict[str, Any] = {}
    for kind in KINDS:
        schema = dict(by_stem[kind.lower()])
        definitions |= schema.pop("$defs", {})
        definitions[kind] = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    return definitions


def _cleaned(schema: Any) -> Any:
    """Without the traces of Python: no ``null`` (an empty value is a mistake here), no titles made of names."""
    if isinstance(schema, list):
        return [_cleaned(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    options = schema.get("anyOf", [])
    if {"type": "null"} in options:
        left = [option for option in options if option != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        schema = {**(left[0] if len(left) == 1 else {"anyOf": left}), **rest}
    if "patternProperties" in schema:  # keys of another form are refused
        schema["additionalProperties"] = False
    named = ("properties", "$defs")
    return {
        key: {name: _cleaned(item) for name, item in value.items()} if key in named else _cleaned(value)
        for key, value in schema.items()
    }
