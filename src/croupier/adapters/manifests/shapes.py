"""The shapes of the documents as Pydantic models: which fields there are, of which kind, and what each means.

The only place where the fields of the files are written down: reading, error messages and the JSON Schemas follow
from it. Values are read by ``scalars``; sense is judged by ``core``. Docstrings below fields become the schemas'
descriptions.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from croupier.adapters.manifests import scalars

API_VERSION = "croupier/v1"


def reads(reader: Callable[[object], Any]) -> BeforeValidator:
    """The reader as a validator whose complaint keeps its message and its hint apart."""

    def read(value: object) -> Any:
        try:
            return reader(value)
        except scalars.Misread as misread:
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
_PATH_SCHEMA = {"type": "string", "pattern": "^/[^?# ]*$"}
_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^([0-9]+|([0-9]+(\.[0-9]+)?(ms|us|µs|ns|h|m|s))+)$"},
        {"type": "integer", "minimum": 0},
    ],
    "examples": ["90s", "5m", "1h30m", 300],
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

Name = Annotated[str, reads(scalars.name), WithJsonSchema(_NAME_SCHEMA)]
Text = Annotated[str, reads(scalars.text), WithJsonSchema({"type": "string", "minLength": 1})]
AnyText = Annotated[str, reads(scalars.any_text), WithJsonSchema({"type": "string"})]
Label = Annotated[str, reads(scalars.label), WithJsonSchema({**_LABEL_SCHEMA, "not": {"const": "version"}})]
Metric = Annotated[
    str, reads(scalars.metric), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_:][A-Za-z0-9_:]*$"})
]
Attribute = Annotated[str, reads(scalars.attribute), WithJsonSchema(_LABEL_SCHEMA)]
Variable = Annotated[str, reads(scalars.variable), WithJsonSchema(_LABEL_SCHEMA)]
HeaderName = Annotated[
    str, reads(scalars.header), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"})
]
UrlPath = Annotated[str, reads(scalars.url_path), WithJsonSchema(_PATH_SCHEMA)]
Prefix = Annotated[str, reads(scalars.prefix), WithJsonSchema(_PATH_SCHEMA)]
Duration = Annotated[float, reads(scalars.duration), WithJsonSchema(_DURATION_SCHEMA)]
Share = Annotated[float, reads(scalars.share), WithJsonSchema(_SHARE_SCHEMA)]
Size = Annotated[int, reads(scalars.size), WithJsonSchema(_SIZE_SCHEMA)]
Weight = Annotated[int, reads(scalars.weight), WithJsonSchema(_WEIGHT_SCHEMA)]
Ratio = Annotated[float, reads(scalars.ratio), WithJsonSchema({"type": "number", "minimum": 1})]
SemanticVersion = Annotated[str, reads(scalars.version), WithJsonSchema(_VERSION_SCHEMA)]
Values = Annotated[
    list[Text],
    BeforeValidator(one_or_many),
    Field(min_length=1, max_length=200),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 200},
            ]
        }
    ),
]
Labels = dict[Label, Values]


def between(least: int, most: int) -> Any:
    """The annotations of a whole number within bounds."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Annotated[int, reads(partial(scalars.whole, least=least, most=most)), WithJsonSchema(schema)]


def _add_choices(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Says in the JSON Schema which fields exclude or need each other."""
    if issubclass(model, Shape):
        if model.one_of:
            schema["oneOf"] = [{"required": [name]} for name in model.one_of]
        if model.some_of:
            schema["anyOf"] = [{"required": [name]} for name in model.some_of]


class Shape(BaseModel):
    """A mapping in a file.

    ``one_of`` names fields of which exactly one must be there, ``some_of`` those of which one or more must,
    ``lacking`` what to say if none is. ``short`` is the field that is meant when only a value is written.
    ``elsewhere`` says what to do about fields that people bring along from Argo Rollouts or Kubernetes.
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
    some_of: ClassVar[tuple[str, ...]] = ()
    lacking: ClassVar[tuple[str, str]] = ("", "")
    short: ClassVar[str] = ""
    elsewhere: ClassVar[dict[str, str]] = {}


class NamedShape(Shape):
    short: ClassVar[str] = "name"
    name: Name
    """What other documents call this one: a-z, 0-9, '-' and '.'."""


# --- Service and Release ----------------------------------------------------------------------------------------------


class RouteShape(Shape):
    short: ClassVar[str] = "prefix"
    prefix: Prefix
    """Requests whose path is this, or continues it after a '/', go to the service. The longest prefix wins."""


class IdentityShape(Shape):
    short: ClassVar[str] = "header"
    header: HeaderName
    """The request header that carries the player's id. Requests without it are served by the stable version."""


class HealthShape(Shape):
    short: ClassVar[str] = "path"
    path: UrlPath | None = None
    """Answers 2xx when the instance can take requests. Default /healthz."""
    start_timeout: Duration | None = None
    """How long a start may take. Default 30s."""


class MetricsShape(Shape):
    short: ClassVar[str] = "path"
    path: UrlPath | None = None
    """Where the instance shows its Prometheus metrics. Default /metrics."""


class LimitsShape(Shape):
    memory: Size | None = None
    """Address space of one instance, for example 512Mi. Default: no limit."""
    open_files: between(16, 1_048_576) | None = None  # type: ignore[valid-type]
    """Open files of one instance. Default: no limit."""


class ProcessOverrides(Shape):
    command: Annotated[list[Text], Field(min_length=1, max_length=200)] | None = None
    """Program and arguments. {port}, {version}, {service} and {instance} are filled in."""
    env: dict[Variable, AnyText] | None = None
    """Environment variables; the same words are filled in."""
    directory: Text | None = None
    """Working directory. Default: the control plane's."""
    instances: between(1, 100) | None = None  # type: ignore[valid-type]
    """How many run at a time. Default 1."""
    health: HealthShape | None = None
    """How to see that an instance is ready."""
    metrics: MetricsShape | None = None
    """Where an instance shows its metrics."""
    drain: Duration | None = None
    """How long an instance that is left may finish its requests. Default 10s."""
    limits: LimitsShape | None = None
    """Resource limits of one instance."""


class ProcessShape(ProcessOverrides):
    command: Annotated[list[Text], Field(min_length=1, max_length=200)]
    """Program and arguments. {port}, {version}, {service} and {instance} are filled in."""


class ServiceSpec(Shape):
    routes: Annotated[list[RouteShape], Field(min_length=1, max_length=50)]
    """How requests reach the service."""
    identity: IdentityShape | None = None
    """How a player is told from another. Default: the header x-player-id."""
    attributes: dict[Attribute, HeaderName] | None = None
    """Attributes that segments may use, each with the request header that carries it: market: x-market."""
    process: ProcessShape
    """How one instance of a version is run. A release may override parts of it."""


class ServiceShape(Shape):
    """A service that players reach, and how its versions are run."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Service"]
    metadata: NamedShape
    spec: ServiceSpec


class ReleaseMetadata(Shape):
    name: Text | None = None
    """Need not be written; if it is, it is the service's name, '-' and the version: payments-1.4.0."""


class ReleaseSpec(Shape):
    service: Name
    """The service that this is a version of."""
    version: SemanticVersion
    """Semantic Versioning 2.0, all three parts. A version is never given to anything else."""
    notes: AnyText | None = None
    """What is new, for people."""
    process: ProcessOverrides | None = None
    """What differs from the service's process; env is merged by variable, everything else replaced by field."""


class ReleaseShape(Shape):
    """One immutable version of a service."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Release"]
    metadata: ReleaseMetadata | None = None
    spec: ReleaseSpec


# --- Gate -------------------------------------------------------------------------------------------------------------


class RatioShape(Shape):
    metric: Metric
    """A Prometheus counter."""
    total: Labels | None = None
    """Which of its series count at all. Default: all."""
    good: Annotated[Labels, Field(min_length=1)]
    """Which of those are good: {outcome: credited}. A class of HTTP codes may be written {code: 2xx}."""


class LatencyShape(Shape):
    metric: Metric
    """A Prometheus histogram in seconds, without _bucket."""
    match: Labels | None = None
    """Which of its series count. Default: all."""
    threshold: Duration
    """A request is good when it is no slower; the histogram needs a bucket that ends exactly here."""


class EventsShape(Shape):
    metric: Metric
    """A Prometheus counter of things that must not happen at all."""
    match: Labels | None = None
    """Which of its series count. Default: all."""


class SliShape(Shape):
    """Exactly one of ratio, latency and events."""

    one_of: ClassVar[tuple[str, ...]] = ("ratio", "latency", "events")
    ratio: RatioShape | None = None
    """The share of good events."""
    latency: LatencyShape | None = None
    """The share of requests no slower than a threshold."""
    events: EventsShape | None = None
    """Things that must not happen; every one is bad."""


class ObjectiveShape(Shape):
    short: ClassVar[str] = "atLeast"
    at_least: Share
    """At least this share must be good: 99% or 0.99. For a p95, write 95%."""


class ComparisonShape(Shape):
    max_ratio: Ratio | None = None
    """The canary's bad share may be so many times the baseline's. Default 1.1."""
    slack: Share | None = None
    """And this much more on top, so that two rare things can be compared. Default 0.1%."""


class HardStopShape(Shape):
    """One look is enough; give events, or failing with samples, or both."""

    some_of: ClassVar[tuple[str, ...]] = ("events", "failing")
    lacking: ClassVar[tuple[str, str]] = (
        "the hard stop has no condition, so it can never fire.",
        "Write {events: 1} or {failing: 50%, samples: 20}.",
    )
    events: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """So many bad events of the canary."""
    failing: Share | None = None
    """At least this share of the canary's events is bad while the baseline is not failing likewise."""
    samples: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """Needed for 'failing'. Default 20."""


class RuleShape(Shape):
    interval: Duration | None = None
    """Between two looks. Default 10s."""
    window: Duration | None = None
    """How far back each look sees. Default 60s."""
    consecutive: between(1, 1_000) | None = None  # type: ignore[valid-type]
    """So many violations in a row fail. Default 3."""
    min_samples: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """So many events of the canary are needed for an opinion. Default 20."""


class GateSpec(Shape):
    some_of: ClassVar[tuple[str, ...]] = ("objective", "comparison", "hardStop")
    lacking: ClassVar[tuple[str, str]] = (
        "the gate asks for nothing, so it can never fail.",
        "Add an objective (atLeast), a comparison (maxRatio) or a hardStop (events, or failing and samples).",
    )
    description: AnyText | None = None
    """What it protects, for people."""
    sli: SliShape
    """What is counted."""
    by: Annotated[list[Label], Field(max_length=8)] | None = None
    """Labels that split the traffic into groups, each judged by itself: [psp, market]."""
    objective: ObjectiveShape | None = None
    """Asked of the canary alone."""
    comparison: ComparisonShape | None = None
    """Asked of the canary next to the baseline at the same time."""
    hard_stop: HardStopShape | None = None
    """What aborts without waiting for violations in a row."""
    rule: RuleShape | None = None
    """When violations become a verdict."""


class GateShape(Shape):
    """One question asked of a rollout again and again: is the canary still good enough?"""

    api_version: Literal["croupier/v1"]
    kind: Literal["Gate"]
    metadata: NamedShape
    spec: GateSpec


# --- Segment ----------------------------------------------------------------------------------------------------------


class SegmentSpec(Shape):
    match: Annotated[dict[Attribute, Values], Field(min_length=1)]
    """Every attribute must have one of its values, compared exactly: {market: [DE, AT]}."""


class SegmentShape(Shape):
    """A named set of players, told apart by attributes of their requests."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Segment"]
    metadata: NamedShape
    spec: SegmentSpec


# --- Rollout ----------------------------------------------------------------------------------------------------------


class TemplateShape(Shape):
    short: ClassVar[str] = "templateName"
    elsewhere: ClassVar[dict[str, str]] = {"clusterScope": "Gates have no scope; remove it."}
    template_name: Name
    """The name of a Gate."""


class AnalysisShape(Shape):
    short: ClassVar[str] = "templates"
    elsewhere: ClassVar[dict[str, str]] = {
        "args": "Gates take no arguments; write the values into the Gate.",
        "startingStep": "Guards watch from the first step; remove it.",
        "dryRun": "To try a gate, leave it out of the rollout and look at it with 'croupier gate'.",
        "gates": "As in Argo Rollouts, write templates: [{templateName: <gate>}].",
    }
    templates: Annotated[list[TemplateShape], Field(min_length=1, max_length=50)]
    """The gates, by name."""


class PauseShape(Shape):
    short: ClassVar[str] = "duration"
    duration: Duration | None = None
    """How long; without it, until a person promotes."""


_TRAFFIC = "Croupier moves the traffic itself, by player; remove it."


class StepShape(Shape):
    """Exactly one of setWeight, pause and analysis."""

    one_of: ClassVar[tuple[str, ...]] = ("setWeight", "pause", "analysis")
    elsewhere: ClassVar[dict[str, str]] = {
        "setCanaryScale": "The canary runs as many instances as its process says; remove this step.",
        "setHeaderRoute": "Name a Segment in spec.segment instead.",
        "setMirrorRoute": "Mirroring is not available yet; remove this step.",
        "experiment": "Experiments are not available; remove this step.",
        "plugin": "Plugins are not available; remove this step.",
    }
    set_weight: Weight | None = None
    """The canary's share of the players in percent, to 0.01."""
    pause: PauseShape | None = None
    """Wait: {duration: 5m}, or {} until a person promotes."""
    analysis: AnalysisShape | None = None
    """Wait until each of these gates has said pass."""


class CanaryShape(Shape):
    elsewhere: ClassVar[dict[str, str]] = {
        "trafficRouting": _TRAFFIC,
        "canaryService": _TRAFFIC,
        "stableService": _TRAFFIC,
        "maxSurge": "Write spec.process.instances in the Service instead.",
        "maxUnavailable": "Write spec.process.instances in the Service instead.",
        "scaleDownDelaySeconds": "Write spec.keepStable instead.",
        "abortScaleDownDelaySeconds": "Write spec.keepCanary instead.",
        "dynamicStableScale": "The stable version keeps all its instances during a rollout; remove it.",
        "antiAffinity": "It concerns Kubernetes nodes; remove it.",
        "guards": "As in Argo Rollouts, write analysis: {templates: [{templateName: <gate>}]}.",
    }
    analysis: AnalysisShape | None = None
    """Guards: these gates watch from the first step to the end."""
    steps: Annotated[list[StepShape], Field(max_length=200)]
    """What happens one after the other, as in Argo Rollouts. After the last step everybody gets the release."""


class StrategyShape(Shape):
    elsewhere: ClassVar[dict[str, str]] = {
        "blueGreen": "Write canary: {steps: [{pause: {}}]} to switch everybody at once, by hand.",
        "steps": "Write it below canary.",
    }
    canary: CanaryShape
    """As in Argo Rollouts."""


class RolloutDocumentSpec(Shape):
    elsewhere: ClassVar[dict[str, str]] = {
        "progressDeadlineSeconds": "Write progressDeadline: 10m instead.",
        "progressDeadlineAbort": "A canary that is not ready in time is always given up; remove it.",
        "replicas": "Write spec.process.instances in the Service instead.",
        "selector": "It belongs to Kubernetes; write service: <name> instead.",
        "template": "It belongs to Kubernetes; what runs is in the Service and the Release.",
        "workloadRef": "It belongs to Kubernetes; write service: <name> instead.",
        "steps": "Write it below strategy.canary.",
    }
    service: Name
    """The service whose releases are rolled out like this."""
    segment: Name | None = None
    """Only players of this segment get the canary until everybody does. Default: all players."""
    progress_deadline: Duration | None = None
    """A canary that is not ready by then is given up. Default 10m."""
    keep_stable: Duration | None = None
    """How long the version left behind keeps running after a promotion. Default 30s."""
    keep_canary: Duration | None = None
    """How long a canary that was given up keeps running. Default 30s."""
    strategy: StrategyShape
    """As in Argo Rollouts; such a block pastes in unchanged."""


class RolloutShape(Shape):
    """How releases of a service are rolled out."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Rollout"]
    metadata: NamedShape
    spec: RolloutDocumentSpec


AnyDocument = ServiceShape | ReleaseShape | GateShape | SegmentShape | RolloutShape

KINDS: dict[str, type[AnyDocument]] = {
    "Service": ServiceShape,
    "Release": ReleaseShape,
    "Gate": GateShape,
    "Segment": SegmentShape,
    "Rollout": RolloutShape,
}
"""Every kind of document, in the order in which they depend on each other."""
