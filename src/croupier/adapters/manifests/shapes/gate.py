"""What a ``Gate`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from croupier.adapters.manifests import words
from croupier.adapters.manifests.fields import (
    AnyText,
    Duration,
    Label,
    Labels,
    Latency,
    Metric,
    NamedShape,
    Number,
    Ratio,
    Shape,
    Share,
    Text,
    between,
    reads,
)
from croupier.adapters.manifests.shapes.analysis import MeasuringShape
from croupier.adapters.manifests.shapes.groups import OnGroupFailShape
from croupier.core.gates.ready import BY_NAME


class RatioShape(Shape):
    metric: Metric
    """A counter, as Prometheus calls it; with source: otlp also as OpenTelemetry does (shop.bets)."""
    total: Labels | None = None
    """Which of its series count at all. Default: all."""
    good: Annotated[Labels, Field(min_length=1)]
    """Which of those are good: {outcome: credited}. A class of HTTP codes may be written {code: 2xx}."""


class LatencyShape(Shape):
    metric: Metric
    """A histogram of times, as Prometheus calls it, in seconds and without _bucket; with source: otlp also as
    OpenTelemetry does (http.server.request.duration)."""
    match: Labels | None = None
    """Which of its series count. Default: all."""
    threshold: Latency
    """A request is good when it is no slower; the histogram needs a bucket that ends exactly here."""


class EventsShape(Shape):
    metric: Metric
    """A Prometheus counter of things that must not happen at all."""
    match: Labels | None = None
    """Which of its series count. Default: all."""


class PromqlShape(Shape):
    total: Text
    """All events: a selector of counters, {{service}} and {{version}} in its values; several are joined by "or"."""
    bad: Text
    """Those of them that are bad, likewise."""


class ReadyShape(Shape):
    """A ready-made gate by its name: ready: deposit-success. What else is written here takes the place of its own."""

    name: Annotated[str, reads(words.ready), WithJsonSchema({"type": "string", "enum": list(BY_NAME)})]
    """See 'croupier gate catalog'."""
    metric: Metric | None = None
    """What the metric is called at yours."""
    good: Annotated[Labels, Field(min_length=1)] | None = None
    """Of a ratio: which of its series are good."""
    total: Labels | None = None
    """Of a ratio: which of its series count at all."""
    match: Labels | None = None
    """Which series count, on top of what it narrows to itself."""
    threshold: Latency | None = None
    """Of a latency: no slower is good."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, data: Any) -> Any:
        """The name alone is enough."""
        return {"name": data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        whole = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "string", "enum": list(BY_NAME)}, whole]}


class SliShape(Shape):
    """Exactly one of ready, ratio, latency, events and promql."""

    one_of: ClassVar[tuple[str, ...]] = ("ready", "ratio", "latency", "events", "promql")
    ready: ReadyShape | None = None
    """A ready-made one; its objective, comparison, hardStop, rule and by hold unless the gate writes its own."""
    ratio: RatioShape | None = None
    """The share of good events."""
    latency: LatencyShape | None = None
    """The share of requests no slower than a threshold."""
    events: EventsShape | None = None
    """Things that must not happen; every one is bad."""
    promql: PromqlShape | None = None
    """The share of events that are not bad, by selectors of PromQL; needs source: prometheus."""


class ObjectiveShape(Shape):
    short: ClassVar[str] = "atLeast"
    at_least: Share
    """At least this share must be good: 99% or 0.99. For a p95, write 95%."""


class ComparisonShape(Shape):
    max_ratio: Ratio | None = None
    """The canary's bad share may be so many times the baseline's. Default 1.1; with canaryThreshold 1."""
    slack: Share | None = None
    """And this much more on top, so that two rare things can be compared. Default 0.1%."""
    against: Literal["baseline", "yesterday", "last-week"] | None = None
    """The stable version now (baseline, the default), or at the same hour of another day: weaker evidence, and from
    source: prometheus only."""
    canary_threshold: Latency | None = None
    """Of a latency: what the canary may take where the baseline may take the threshold. 480ms next to 400ms allows 20 %
    more latency, at whatever percentile; both need a bucket that ends exactly there."""


class HardStopShape(Shape):
    """One look is enough; give events, or failing with samples, or drop with samples, or several."""

    some_of: ClassVar[tuple[str, ...]] = ("events", "failing", "drop")
    lacking: ClassVar[tuple[str, str]] = (
        "the hard stop has no condition, so it can never fire.",
        "Write {events: 1} or {failing: 50%, samples: 20}.",
    )
    events: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """So many bad events of the canary."""
    failing: Share | None = None
    """At least this share of the canary's events is bad while the baseline is not failing likewise."""
    samples: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """Needed for 'failing' and for 'drop'. Default 20."""
    drop: Share | None = None
    """The canary's good share is surely lower than the baseline's by so much of it, for example 15%."""


class RuleShape(Shape):
    interval: Duration | None = None
    """Between two looks. Default 10s."""
    window: Duration | None = None
    """How far back each look sees. Default 60s."""
    consecutive: between(1, 1_000) | None = None  # type: ignore[valid-type]
    """So many violations in a row fail. Default 3."""
    min_samples: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """So many events of the canary are needed for an opinion. Default 20."""


class SequentialShape(Shape):
    """All of it may be left out: sequential: {}."""

    elsewhere: ClassVar[dict[str, str]] = {
        "falseRollbacks": "It is one budget for all gates of a Rollout: write spec.falseRollbacks there.",
    }
    interval: Duration | None = None
    """Of one sample. Default 10s."""
    samples: between(2, 1_000) | None = None  # type: ignore[valid-type]
    """Fewer samples convict nobody, whatever they contain; it guards against bursts. Default 4."""
    clumps: Number | None = None
    """So many failures may come of one fault (retries). Default: measured on the stable version's instances; 2 for a
    single one."""
    dwell: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """So many samples at the present weight are needed to pass. Default 6."""
    patience: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """After so many samples in which nothing speaks against the canary the gate passes. Default 60."""
    harm: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """It passes sooner once what is not excluded could cost so many failed requests at the next weight. Default 20, and
    40 for a gate with 'by'."""


class BurnShape(Shape):
    """All of it may be left out: burn: {}."""

    window: Duration | None = None
    """The long window: the budget was burnt. Default 15m."""
    short_window: Duration | None = None
    """The short one: it still is. Default 1m."""
    factor: Number | None = None
    """So many times as fast as the objective permits. Default 10: of an objective of 99 %, 10 % fail."""
    interval: Duration | None = None
    """Between two looks. Default 10s."""
    min_samples: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """So many events of the canary are needed for an opinion. Default 20."""


class PopulationShape(Shape):
    """All of it may be left out: population: {}."""

    players: Number | None = None
    """So many players there are in effect, active ones that count alike; a guess on the small side. Default 200."""
    visit: Number | None = None
    """So many of the counted events come of one visit. Default 20."""
    error: Share | None = None
    """The probability with which it may ever alarm for nothing. Default 0.1%."""
    interval: Duration | None = None
    """Between two looks. Default 10s."""
    samples: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """After so many intervals at a weight it may pass. Default 6."""


class GateSpec(Shape):
    unless: ClassVar[tuple[str, str]] = ("sli", "ready")
    one_of: ClassVar[tuple[str, ...]] = ("sli", "analysis")
    at_most_one: ClassVar[tuple[str, ...]] = ("rule", "sequential", "burn", "population", "analysis")
    some_of: ClassVar[tuple[str, ...]] = ("objective", "comparison", "hardStop", "population", "analysis")
    lacking: ClassVar[tuple[str, str]] = (
        "the gate asks for nothing, so it can never fail.",
        "Add an objective (atLeast), a comparison (maxRatio) or a hardStop (events, or failing and samples).",
    )
    description: AnyText | None = None
    """What it protects, for people."""
    sli: SliShape | None = None
    """What is counted."""
    analysis: MeasuringShape | None = None
    """Instead of an sli and a rule: values that are measured, as in an AnalysisTemplate of Argo Rollouts."""
    source: Literal["embedded", "prometheus", "otlp"] | None = None
    """Where the counts come from: Croupier's own scraper, the Prometheus of CROUPIER_PROMETHEUS_URL, or what the
    service pushes over OTLP. Default embedded."""
    advisory: bool | None = None
    """true: judged, shown and recorded, but it neither stops a rollout nor keeps it waiting. Default false."""
    by: Annotated[list[Label], Field(max_length=8)] | None = None
    """Labels that split the traffic into groups, each judged by itself: [psp, market]."""
    on_group_fail: OnGroupFailShape | None = None
    """What is done about a group that fails alone, instead of giving up the whole release. Default: everybody goes
    back."""
    objective: ObjectiveShape | None = None
    """Asked of the canary alone."""
    comparison: ComparisonShape | None = None
    """Asked of the canary next to the baseline at the same time."""
    warmup: Duration | None = None
    """For so long after a canary's first players only hard stops count: cold caches look like a fault. Default 0s."""
    hard_stop: HardStopShape | None = None
    """What aborts without waiting for violations in a row."""
    rule: RuleShape | None = None
    """When violations in a row become a verdict: a point estimate over a window."""
    sequential: SequentialShape | None = None
    """Instead of a rule: evidence from every sample, which may be looked at always and blames the healthy seldom."""
    burn: BurnShape | None = None
    """Instead of a rule: the objective's error budget, burnt too fast over two windows."""
    population: PopulationShape | None = None
    """Instead of a rule, with sli: {ready: sample-ratio}: whether the canary's population is what its weight says."""


class GateShape(Shape):
    """One question asked of a rollout again and again: is the canary still good enough?"""

    api_version: Literal["croupier/v1"]
    kind: Literal["Gate"]
    metadata: NamedShape
    spec: GateSpec
