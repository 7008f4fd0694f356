"""What a ``SmokeCheck`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from croupier.adapters.manifests import smoke_words as words
from croupier.adapters.manifests.fields import (
    AnyText,
    Duration,
    HeaderName,
    NamedShape,
    Shape,
    Simply,
    Text,
    Variable,
    between,
    one_or_many,
    reads,
)

_ANY: dict[str, Any] = {}
_POINTER_SCHEMA = {"type": "string", "pattern": "^(/([^~/]|~[01])*)*$", "examples": ["/balance_minor"]}
_STATUS_SCHEMA = {"type": "integer", "minimum": 200, "maximum": 599}

Method = Annotated[str, reads(words.method), WithJsonSchema({"enum": [*words.METHODS]})]
CheckedPath = Annotated[str, reads(words.path), WithJsonSchema({"type": "string", "pattern": "^/([^/]|$)"})]
Status = Annotated[int, reads(words.status), WithJsonSchema(_STATUS_SCHEMA)]
Pointer = Annotated[str, reads(words.pointer), WithJsonSchema(_POINTER_SCHEMA)]
VariableName = Annotated[
    str, reads(words.variable), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})
]
SecretVariable = Annotated[
    str, reads(words.secret_variable), WithJsonSchema({"type": "string", "pattern": "^SMOKE_[A-Z0-9_]+$"})
]
SecretFile = Annotated[
    str, reads(words.secret_file), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._/-]*$"})
]
Pattern = Annotated[str, reads(words.pattern), WithJsonSchema({"type": "string", "format": "regex"})]
Amount = Annotated[
    str,
    reads(words.amount),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}], "examples": [500, "5.00"]}
    ),
]
JsonText = Annotated[str, reads(words.as_json), WithJsonSchema(_ANY)]
Scalar = Annotated[
    str, reads(words.scalar), WithJsonSchema({"anyOf": [{"type": kind} for kind in ("string", "number", "boolean")]})
]


class SmokeSecretShape(Shape):
    """Exactly one of env and file."""

    short: ClassVar[str] = "env"
    one_of: ClassVar[tuple[str, ...]] = ("env", "file")
    env: SecretVariable | None = None
    """A variable of the process that runs the check: the control plane's, or that of 'croupier smoke run'."""
    file: SecretFile | None = None
    """A file below the folder that CROUPIER_SECRETS_DIR names."""


class RequestShape(Shape):
    short: ClassVar[str] = "path"
    at_most_one: ClassVar[tuple[str, ...]] = ("json", "form")
    elsewhere: ClassVar[dict[str, str]] = {"url": "Write path: the address and the version are given to the check."}
    method: Method | None = None
    """Default GET."""
    path: CheckedPath
    """Below the edge's address, with its query: /payments/balance. ${name} stands for a variable."""
    headers: Annotated[dict[HeaderName, Scalar], Field(max_length=20)] | None = None
    """Names and values."""
    json_body: JsonText | None = Field(None, alias="json")
    """The body, as JSON. Texts may hold ${name}; a text that is one ${name} alone takes its value with its type."""
    form: Annotated[dict[Text, Scalar], Field(max_length=50)] | None = None
    """Or the body as the fields of a form."""


class ClaimShape(Shape):
    """Exactly one of equals, contains, matches and exists."""

    short: ClassVar[str] = "equals"
    one_of: ClassVar[tuple[str, ...]] = ("equals", "contains", "matches", "exists")
    equals: JsonText | None = None
    """The value; numbers are compared by value."""
    contains: JsonText | None = None
    """A text in the text, or a value in the list."""
    matches: Pattern | None = None
    """A regular expression that the whole text matches."""
    exists: bool | None = None
    """true: it is there; false: it is not."""


def _or_equals(value: object) -> object:
    """A value stands for ``{equals: value}``."""
    claims = isinstance(value, dict) and value.keys() <= {"equals", "contains", "matches", "exists"} and value
    return value if claims else {"equals": value}


_CLAIMS = {"type": "object", "minProperties": 1, "propertyNames": {"enum": [*ClaimShape.one_of]}}
OrEquals = Annotated[ClaimShape, BeforeValidator(_or_equals), Simply({"not": _CLAIMS})]


_STATUSES = {"anyOf": [_STATUS_SCHEMA, {"type": "array", "items": _STATUS_SCHEMA, "minItems": 1, "maxItems": 20}]}
Statuses = Annotated[
    list[Status],
    BeforeValidator(one_or_many),
    Field(min_length=1, max_length=20),
    WithJsonSchema(_STATUSES),
]


class ExpectShape(Shape):
    short: ClassVar[str] = "status"
    status: Statuses | None = None
    """The status, or several that are right. Default: any from 200 to 299; with refused, from 400 to 499."""
    refused: bool | None = None
    """true: the service must say no. An answer that grants it fails the check."""
    json_claims: Annotated[dict[Pointer, OrEquals], Field(max_length=50)] | None = Field(None, alias="json")
    """By JSON Pointer: a value that it equals, or {contains: …}, {matches: …}, {exists: false}."""
    headers: Annotated[dict[HeaderName, OrEquals], Field(max_length=20)] | None = None
    """By header, likewise."""
    text: OrEquals | None = None
    """The whole body as text, likewise."""
    usually: Duration | None = None
    """How long it usually takes. Longer is told, and fails nothing."""


def _or_word(value: object) -> object:
    """``refused`` and a status stand for what they mean."""
    if value == "refused":
        return {"refused": True}
    return {"status": value} if isinstance(value, int | list) else value


OrRefused = Annotated[ExpectShape, BeforeValidator(_or_word), Simply({"anyOf": [{"const": "refused"}, _STATUSES]})]


class ExtractShape(Shape):
    """Exactly one of json, header and text."""

    short: ClassVar[str] = "json"
    one_of: ClassVar[tuple[str, ...]] = ("json", "header", "text")
    json_pointer: Pointer | None = Field(None, alias="json")
    """Where in the body it is: /token."""
    header: HeaderName | None = None
    """Or the header that it is."""
    text: Pattern | None = None
    """Or a regular expression that is searched for in the body; its first group is taken, if it has one."""
    pattern: Pattern | None = None
    """Take only what this regular expression finds in it."""


def _or_pointer(value: object) -> object:
    return {"json": value} if isinstance(value, str) else value


OrPointer = Annotated[ExtractShape, BeforeValidator(_or_pointer), Simply({"type": "string"})]


class SmokeStepShape(Shape):
    name: Text
    """What it tries, for people: withdraw more than there is."""
    request: RequestShape
    """What is sent."""
    expect: OrRefused | None = None
    """What must be true of the answer; refused alone: the service must say no. Default: a status from 200 to 299."""
    extract: Annotated[dict[VariableName, OrPointer], Field(max_length=20)] | None = None
    """Parts of the answer that later steps need: {token: /token} becomes ${token}."""
    timeout: Duration | None = None
    """How long the answer is waited for; later fails. Default 10s, 60s at most."""
    retries: between(0, 5) | None = None  # type: ignore[valid-type]
    """How often a read (GET, HEAD) that got no answer is sent again. Default 0; nothing else is ever sent twice."""


class CommandShape(Shape):
    short: ClassVar[str] = "run"
    elsewhere: ClassVar[dict[str, str]] = {"shell": "There is no shell; name a script, or write [sh, -c, …] yourself."}
    run: Annotated[list[Text], Field(min_length=1, max_length=100)]
    """The program and its arguments. {address}, {service} and {version} stand for values."""
    junit: AnyText | None = None
    """A JUnit file that it writes: its name below {dir}, a folder of its own that is removed afterwards."""
    env: Annotated[dict[Variable, Scalar], Field(max_length=50)] | None = None
    """Variables, besides PATH and CROUPIER_SMOKE_ADDRESS, _SERVICE, _VERSION, _VERSIONS, _TOKEN and _DIR."""
    secrets: Annotated[dict[Variable, SmokeSecretShape], Field(max_length=20)] | None = None
    """Variables that hold a secret."""
    directory: Text | None = None
    """Where it runs. Default: the folder of its own."""


Steps = Annotated[list[SmokeStepShape], Field(min_length=1, max_length=60)]


class SmokeCheckSpec(Shape):
    """Exactly one of steps and command."""

    one_of: ClassVar[tuple[str, ...]] = ("steps", "command")
    description: AnyText | None = None
    """What it shows, for people."""
    steps: Steps | None = None
    """Requests, one after the other. The first that fails ends it."""
    cleanup: Steps | None = None
    """Requests that are made afterwards in any case: log out, take the bet back."""
    command: CommandShape | None = None
    """Or any program: pytest, k6, Locust, hurl. It passes with exit code 0."""
    accounts: (
        Annotated[
            dict[VariableName, Annotated[dict[VariableName, SmokeSecretShape], Field(min_length=1, max_length=20)]],
            Field(max_length=20),
        ]
        | None
    ) = None
    """Marked test accounts: {player: {login: {env: SMOKE_LOGIN}}} is used as ${player.login}."""
    variables: Annotated[dict[VariableName, Scalar], Field(max_length=50)] | None = None
    """Values by name."""
    max_amount: Amount | None = None
    """The most that any request may move, in the API's own units. Needed where a request carries an amount."""
    amount_fields: Annotated[list[Text], Field(min_length=1, max_length=20)] | None = None
    """Fields of bodies that are amounts. Default: amount, amount_minor, stake, stake_minor."""
    timeout: Duration | None = None
    """How long all of it may take. Default 60s, 30m at most."""


class SmokeCheckShape(Shape):
    """What a version must do before players get it: a scenario, or a command."""

    api_version: Literal["croupier/v1"]
    kind: Literal["SmokeCheck"]
    metadata: NamedShape
    spec: SmokeCheckSpec
