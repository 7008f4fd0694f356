"""What the shapes are made of: single values with their reader and their JSON Schema, and the mapping itself.

Values are read by ``quantities`` and ``words``; a reader's complaint keeps its message and its hint apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError

from croupier.adapters.manifests import headers, quantities, words
from croupier.adapters.manifests.misread import Misread


def reads(reader: Callable[[object], Any]) -> BeforeValidator:
    """The reader as a validator whose complaint keeps its message and its hint apart."""

    def read(value: object) -> Any:
        try:
            return reader(value)
        except Misread as misread:
            raise PydanticCustomError(
                "misread", "{message}", {"message": misread.message, "hint": misread.hint}
            ) from None

    return BeforeValidator(read)


def one_or_many(value: object) -> object:
    """A single text stands for a list of one."""
    return value if isinstance(value, list | dict) or value is None else [value]


_NAME_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": 63,
    "pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
}
_LABEL_SCHEMA = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_GATE_LABEL_SCHEMA = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_.]*$"}
_PATH_SCHEMA = {"type": "string", "pattern": "^/[^?# ]*$"}
_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^([0-9]+|([0-9]+(\.[0-9]+)?(ms|us|µs|ns|h|m|s))+)$"},
        {"type": "integer", "minimum": 0},
    ],
    "examples": ["90s", "5m", "1h30m", 300],
}
_LATENCY_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]+(\.[0-9]+)?(ms|us|µs|ns|h|m|s))+$",
    "examples": ["400ms", "1s", "2.5s"],
}
_SHARE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*%$"},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    ],
    "examples": ["99%", 0.99],
}
_SIZE_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": "^[0-9]+(Ki|Mi|Gi|Ti|k|K|M|G|T)?$"}, {"type": "integer", "minimum": 2**20}],
    "examples": ["512Mi", "2Gi"],
}
_WEIGHT_SCHEMA = {"type": "number", "minimum": 0, "maximum": 100, "examples": [1, 5, 0.25]}
_VERSION_SCHEMA = {
    "type": "string",
    "pattern": r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
    "examples": ["1.4.0"],
}

Name = Annotated[str, reads(words.name), WithJsonSchema(_NAME_SCHEMA)]
Text = Annotated[str, reads(words.text), WithJsonSchema({"type": "string", "minLength": 1})]
AnyText = Annotated[str, reads(words.any_text), WithJsonSchema({"type": "string"})]
Label = Annotated[str, reads(words.label), WithJsonSchema({**_GATE_LABEL_SCHEMA, "not": {"const": "version"}})]
Metric = Annotated[
    str, reads(words.metric), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_:][A-Za-z0-9_:.]*$"})
]
Attribute = Annotated[str, reads(words.attribute), WithJsonSchema(_LABEL_SCHEMA)]
Variable = Annotated[str, reads(words.variable), WithJsonSchema(_LABEL_SCHEMA)]
_HEADER_SCHEMA: Final[dict[str, Any]] = {"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^`|~-]+$"}
HeaderName = Annotated[str, reads(headers.header), WithJsonSchema(_HEADER_SCHEMA)]
IdentityHeader = Annotated[str, reads(headers.identity_header), WithJsonSchema(_HEADER_SCHEMA)]
CookieName = Annotated[
    str, reads(headers.cookie), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^`|~_-]+$"})
]
UrlPath = Annotated[str, reads(words.url_path), WithJsonSchema(_PATH_SCHEMA)]
Prefix = Annotated[str, reads(words.prefix), WithJsonSchema(_PATH_SCHEMA)]
IdPath = Annotated[
    str, reads(words.id_path), WithJsonSchema({"type": "string", "pattern": r"^/([^?# ]+/)?\{id\}(/[^?# ]+)?$"})
]
Parameter = Annotated[
    str, reads(words.parameter), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,100}$"})
]
Duration = Annotated[float, reads(quantities.duration), WithJsonSchema(_DURATION_SCHEMA)]
Latency = Annotated[float, reads(quantities.latency), WithJsonSchema(_LATENCY_SCHEMA)]
Share = Annotated[float, reads(quantities.share), WithJsonSchema(_SHARE_SCHEMA)]
Size = Annotated[int, reads(quantities.size), WithJsonSchema(_SIZE_SCHEMA)]
SegmentFail = Annotated[str, reads(words.segment_fail), WithJsonSchema({"enum": [*words.SEGMENT_FAILS]})]
Resort = Annotated[str, reads(words.resort), WithJsonSchema({"enum": [*words.RESORTS]})]
Weight = Annotated[int, reads(quantities.weight), WithJsonSchema(_WEIGHT_SCHEMA)]
Jump = Annotated[
    int,
    reads(quantities.jump),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 100, "examples": [50]}),
]
Ratio = Annotated[float, reads(quantities.ratio), WithJsonSchema({"type": "number", "minimum": 1})]
Number = Annotated[float, reads(quantities.number), WithJsonSchema({"type": "number", "minimum": 1})]
SemanticVersion = Annotated[str, reads(words.version), WithJsonSchema(_VERSION_SCHEMA)]
_VALUES_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 200},
    ]
}
_LENGTHS = Field(min_length=1, max_length=200)
HeaderValue = Annotated[str, reads(headers.header_value)]
HeaderValues = Annotated[list[HeaderValue], BeforeValidator(one_or_many), _LENGTHS, WithJsonSchema(_VALUES_SCHEMA)]
Values = Annotated[list[Text], BeforeValidator(one_or_many), _LENGTHS, WithJsonSchema(_VALUES_SCHEMA)]
Labels = dict[Label, Values]


@dataclass(frozen=True, slots=True, eq=False)
class Simply:
    """What may be written in place of the mapping: its JSON Schema."""

    schema: dict[str, Any]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [self.schema, handler(core)]}


def between(least: int, most: int) -> Any:
    """The annotations of a whole number within bounds."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Annotated[int, reads(partial(quantities.whole, least=least, most=most)), WithJsonSchema(schema)]


def _add_choices(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Says in the JSON Schema which fields exclude or need each other."""
    if issubclass(model, Shape):
        if model.one_of:
            schema["oneOf"] = [{"required": [name]} for name in model.one_of]
        if model.at_most_one:
            pairs = [{"required": [*pair]} for pair in combinations(model.at_most_one, 2)]
            schema["not"] = pairs[0] if len(pairs) == 1 else {"anyOf": pairs}
        if model.some_of:
            schema["anyOf"] = [{"required": [name]} for name in model.some_of]
            if model.unless:
                field, inner = model.unless
                schema["anyOf"].append({"properties": {field: {"required": [inner]}}})


class Shape(BaseModel):
    """A mapping in a file.

    ``one_of`` names fields of which exactly one must be there, ``at_most_one`` those that exclude each other,
    ``some_of`` those of which one or more must be there, ``lacking`` what to say if none is, ``unless`` the field whose
    inner field brings them along. ``short`` is the field
    that is meant when only a value is written. ``elsewhere`` says what to do about fields that people bring along from
    Argo Rollouts or Kubernetes.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        json_schema_extra=_add_choices,
    )
    one_of: ClassVar[tuple[str, ...]] = ()
    at_most_one: ClassVar[tuple[str, ...]] = ()
    some_of: ClassVar[tuple[str, ...]] = ()
    unless: ClassVar[tuple[str, str] | None] = None
    lacking: ClassVar[tuple[str, str]] = ("", "")
    short: ClassVar[str] = ""
    elsewhere: ClassVar[dict[str, str]] = {}


class NamedShape(Shape):
    short: ClassVar[str] = "name"
    name: Name
    """What other documents call this one: a-z, 0-9, '-' and '.'."""
