"""What a ``Rollout`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from croupier.adapters.manifests.fields import (
    Attribute,
    Duration,
    HeaderValues,
    Name,
    NamedShape,
    Resort,
    Shape,
    Share,
    Weight,
    between,
)
from croupier.adapters.manifests.words import RESORTS


class TemplateShape(Shape):
    short: ClassVar[str] = "templateName"
    elsewhere: ClassVar[dict[str, str]] = {"clusterScope": "Gates have no scope; remove it."}
    template_name: Name
    """The name of a Gate."""


class UndecidedShape(Shape):
    short: ClassVar[str] = "then"
    then: Resort
    """hold waits on, pause waits for a person, abort goes back."""
    after: Duration | None = None
    """How long a gate may take. Default 30m; of onNoData 5m."""


def _or_word(value: object) -> object:
    """``pause`` stands for ``{then: pause}``."""
    return {"then": value} if isinstance(value, str) else value


def _with_word(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [{"enum": [*RESORTS]}, *schema["anyOf"]]


OrWord = Annotated[UndecidedShape, BeforeValidator(_or_word)]


class AnalysisShape(Shape):
    short: ClassVar[str] = "templates"
    elsewhere: ClassVar[dict[str, str]] = {
        "args": "A rollout gives gates no arguments; write the values into the Gate.",
        "startingStep": "Guards watch from the first step; remove it.",
        "dryRun": "Gates always count here: remove it, and name only the gates that should decide.",
        "gates": "As in Argo Rollouts, write templates: [{templateName: <gate>}].",
    }
    templates: Annotated[list[TemplateShape], Field(min_length=1, max_length=50)]
    """The gates, by name."""


class AskedShape(AnalysisShape):
    """An analysis at a step."""

    harm: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """For this step, instead of what sequential gates say: it ends once what is not excluded could cost so many failed
    requests at the next weight."""
    dwell: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """For this step, likewise: so many samples at the least."""
    patience: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """For this step, likewise: so many samples in which nothing speaks against the canary are enough."""
    on_inconclusive: OrWord | None = Field(None, json_schema_extra=_with_word)
    """For this step, instead of what the rollout says."""
    on_no_data: OrWord | None = Field(None, json_schema_extra=_with_word)
    """For this step, instead of what the rollout says."""


class PauseShape(Shape):
    short: ClassVar[str] = "duration"
    duration: Duration | None = None
    """How long; without it, until a person promotes."""


class SegmentWeightShape(Shape):
    """Exactly one of segment and match."""

    one_of: ClassVar[tuple[str, ...]] = ("segment", "match")
    weight: Weight
    """The canary's share of the segment's players in percent, to 0.01."""
    segment: Name | None = None
    """The name of a Segment."""
    match: Annotated[dict[Attribute, HeaderValues], Field(min_length=1)] | None = None
    """Or who is in it, written here: {market: [SE]}."""


_TRAFFIC = "Croupier moves the traffic itself, by player; remove it."


class AutoShape(Shape):
    """All of it may be left out: auto: {}, or steps: auto."""

    weights: Annotated[list[Weight], Field(min_length=1, max_length=50)] | None = None
    """The lowest first weight and those that follow, in percent. Default [1, 5, 10, 25, 50]."""
    first: Weight | None = None
    """The first weight. Default: the largest at which a total failure costs at most a request a second."""
    last: Weight | None = None
    """The weight at which the canary is watched before everybody follows. Default: all but 5 %, or all but ten requests
    a second where that is more (half at the most)."""
    harm: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """A step ends once what is not excluded could cost so many failed requests at the next one. Default: the gates'."""
    dwell: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """And after so many samples at the least. Default: the gates'."""
    bake: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """So many samples, at the least, at the highest of the weights. Default 30."""
    watch: Duration | None = None
    """How long the last weight is watched. Default 20m."""


class StepShape(Shape):
    """Exactly one of setWeight, setSegment, pause, analysis and auto."""

    one_of: ClassVar[tuple[str, ...]] = ("setWeight", "setSegment", "pause", "analysis", "auto")
    elsewhere: ClassVar[dict[str, str]] = {
        "setCanaryScale": "The canary runs as many instances as its process says; remove this step.",
        "setHeaderRoute": "Write setSegment: {segment: <name>, weight: 100} instead.",
        "setMirrorRoute": "Mirroring is not available yet; remove this step.",
        "experiment": "Experiments are not available; remove this step.",
        "plugin": "Plugins are not available; remove this step.",
    }
    set_weight: Weight | None = None
    """The canary's share of the players in percent, to 0.01."""
    set_segment: SegmentWeightShape | None = None
    """The canary's share of the players in a segment, where that is more than everybody's."""
    pause: PauseShape | None = None
    """Wait: {duration: 5m}, or {} until a person promotes."""
    analysis: AskedShape | None = None
    """Wait until each of these gates has said pass."""
    auto: AutoShape | None = None
    """Weights for the service's traffic, each left as soon as the guards' evidence allows it."""


def _or_auto(value: object) -> object:
    return [{"auto": {}}] if value == "auto" else value


def _with_auto(schema: dict[str, Any]) -> None:
    """``auto`` is a whole list of steps."""
    steps = {name: schema.pop(name) for name in ("type", "items", "maxItems") if name in schema}
    schema["anyOf"] = [{"const": "auto"}, steps]


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
    steps: Annotated[list[StepShape], BeforeValidator(_or_auto), Field(max_length=200, json_schema_extra=_with_auto)]
    """What happens one after the other, as in Argo Rollouts; or auto. After the last step everybody gets it."""


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
    """A canary that is not ready by then is given up, and so is one whose weight the data plane has not confirmed by
    then. Default 10m."""
    false_rollbacks: Share | None = None
    """The probability with which all sequential gates together may ever blame a healthy release, 10% at the most.
    Default 1%."""
    on_inconclusive: OrWord | None = Field(None, json_schema_extra=_with_word)
    """What happens when a gate keeps the rollout from going on and cannot decide. Default: hold."""
    on_no_data: OrWord | None = Field(None, json_schema_extra=_with_word)
    """What happens when a gate keeps the rollout from going on and sees nothing. Default: hold."""
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
