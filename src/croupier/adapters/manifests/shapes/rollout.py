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
    SegmentFail,
    Shape,
    Share,
    Weight,
    between,
    one_or_many,
)
from croupier.adapters.manifests.shapes.profile import ApprovalShape, DisruptionShape, ProfileShape
from croupier.adapters.manifests.shapes.shadow import MirrorRouteShape, ShadowShape
from croupier.adapters.manifests.words import PROFILES, RESORTS


class TemplateShape(Shape):
    short: ClassVar[str] = "templateName"
    elsewhere: ClassVar[dict[str, str]] = {"clusterScope": "Gates have no scope; remove it."}
    template_name: Name
    """The name of a Gate."""
    service: Name | None = None
    """In a rollout of several services: the one that it is about. Default: each of them."""


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
    elsewhere: ClassVar[dict[str, str]] = {
        "market": "Write match: {market: [<market>]}.",
        "brand": "Write match: {brand: [<brand>]}.",
    }
    weight: Weight
    """The canary's share of the segment's players in percent, to 0.01."""
    segment: Name | None = None
    """The name of a Segment."""
    match: Annotated[dict[Attribute, HeaderValues], Field(min_length=1)] | None = None
    """Or who is in it, written here: {market: [SE]}."""
    guards: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None
    """Gates, by name, that also judge this segment's players alone from here on, while they have the canary."""
    on_fail: SegmentFail | None = None
    """What such a gate does when it fails: hold takes this segment back and lets the others go on, abort takes
    everybody back. Default abort."""


class SmokeShape(Shape):
    short: ClassVar[str] = "checks"
    checks: Annotated[list[Name], BeforeValidator(one_or_many), Field(min_length=1, max_length=20)]
    """SmokeChecks by name."""
    on_fail: Resort | None = None
    """abort goes back, pause waits for a person. Default abort."""
    on_no_data: OrWord | None = Field(None, json_schema_extra=_with_word)
    """What happens when a check has no result: it could not run. Default: what the rollout says."""


def _or_checks(value: object) -> object:
    """Names alone stand for ``{checks: names}``."""
    return {"checks": value} if isinstance(value, list | str) else value


def _with_names(schema: dict[str, Any]) -> None:
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 20}
    schema["anyOf"] = [names, {"type": "string"}, *schema["anyOf"]]


OrChecks = Annotated[SmokeShape, BeforeValidator(_or_checks)]


class FlagToShape(Shape):
    short: ClassVar[str] = "variant"
    variant: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """What it answers. Default on."""
    percent: Weight | None = None
    """To this share of the players, by the rollout's bucket: those who have the release. Default 100."""


def _or_variant(value: object) -> object:
    """``on`` stands for ``{variant: on}``; YAML reads it as true."""
    if isinstance(value, bool):
        return {"variant": "on" if value else "off"}
    return {"variant": value} if isinstance(value, str) else value


def _with_variant(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [{"type": "string"}, {"type": "boolean"}, *schema["anyOf"]]


class FlagStepShape(Shape):
    short: ClassVar[str] = "name"
    name: Annotated[str, Field(min_length=1, max_length=128)]
    """The flag. It goes back when the rollout does, unless somebody else changed it meanwhile."""
    to: Annotated[FlagToShape, BeforeValidator(_or_variant)] | None = Field(None, json_schema_extra=_with_variant)
    """on, a variant, or {percent: 25}. Rules that the flag has come first, as before. Default on."""
    wait: Duration | None = None
    """How long clients are waited for that do not have it yet. Default 10s."""


_TRAFFIC = "Croupier moves the traffic itself, by player; remove it."


class AutoShape(Shape):
    """All of it may be left out: auto: {}, or steps: auto."""

    weights: Annotated[list[Weight], Field(min_length=1, max_length=50)] | None = None
    """The lowest first weight and those that follow, in percent. Default [1, 5, 10, 25, 50]."""
    first: Weight | None = None
    """The first weight. Default: the largest at which a total failure costs at most a request a second."""
    last: Weight | None = None
    """The weight at which the canary is watched before everybody follows. Default: all but 5 %, or all but thirty
    requests a second where that is more (half at the most)."""
    harm: between(1, 1_000_000_000) | None = None  # type: ignore[valid-type]
    """A step ends once what is not excluded could cost so many failed requests at the next one. Default: the gates'."""
    dwell: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """And after so many samples at the least. Default: the gates'."""
    bake: between(1, 100_000) | None = None  # type: ignore[valid-type]
    """So many samples, at the least, at the highest of the weights. Default 30."""
    watch: Duration | None = None
    """How long the last weight is watched. Default 20m."""


class StepShape(Shape):
    """Exactly one of setWeight, setSegment, setMirrorRoute, shadow, pause, analysis, approval, smoke, flag and auto."""

    one_of: ClassVar[tuple[str, ...]] = (
        "setWeight",
        "setSegment",
        "setMirrorRoute",
        "shadow",
        "pause",
        "analysis",
        "approval",
        "smoke",
        "flag",
        "auto",
    )
    elsewhere: ClassVar[dict[str, str]] = {
        "setCanaryScale": "The canary runs as many instances as its process says; remove this step.",
        "setHeaderRoute": "Write setSegment: {segment: <name>, weight: 100} instead.",
        "experiment": "Experiments are not available; remove this step.",
        "plugin": "Plugins are not available; remove this step.",
    }
    set_weight: Weight | None = None
    """The canary's share of the players in percent, to 0.01."""
    set_segment: SegmentWeightShape | None = None
    """The canary's share of the players in a segment, where that is more than everybody's."""
    set_mirror_route: MirrorRouteShape | None = None
    """Copy requests to the canary from here on; nobody sees its answers."""
    shadow: ShadowShape | None = None
    """Copy requests to the canary for a while, and compare its answers."""
    pause: PauseShape | None = None
    """Wait: {duration: 5m}, or {} until a person promotes."""
    analysis: AskedShape | None = None
    """Wait until each of these gates has said pass."""
    approval: ApprovalShape | None = None
    """Wait until so many people have approved of going on: {of: [admin], from: 1}, or {}."""
    smoke: OrChecks | None = Field(None, json_schema_extra=_with_names)
    """Run these SmokeChecks against the canary, also before it has players, and wait until all have passed."""
    flag: FlagStepShape | None = None
    """Turn a flag with the release: {name: new-cashier, to: {percent: 25}}."""
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
    steps: (
        Annotated[list[StepShape], BeforeValidator(_or_auto), Field(max_length=200, json_schema_extra=_with_auto)]
        | None
    ) = None
    """What happens one after the other, as in Argo Rollouts; or auto. After the last step everybody gets it. Default:
    the profile's."""


class BlueGreenShape(Shape):
    """All of it may be left out: blueGreen: {}."""

    at_most_one: ClassVar[tuple[str, ...]] = ("keep", "scaleDownDelaySeconds")
    elsewhere: ClassVar[dict[str, str]] = {
        "activeService": _TRAFFIC,
        "previewService": "The new version has a preview address by itself (rollout show says which); remove it.",
        "previewReplicaCount": "Both stacks run all instances of their process (spec.process.instances); remove it.",
        "maxUnavailable": "Write spec.process.instances in the Service instead.",
        "abortScaleDownDelaySeconds": "Write spec.keepCanary instead.",
        "scaleDownDelayRevisionLimit": "Each stack is kept for as long as keep says; remove it.",
        "antiAffinity": "It concerns Kubernetes nodes; remove it.",
        "activeMetadata": "It concerns Kubernetes; remove it.",
        "previewMetadata": "It concerns Kubernetes; remove it.",
        "steps": "A blueGreen strategy has no steps: everybody is switched at once. Write canary: {steps: [...]}.",
        "analysis": "Write postPromotionAnalysis: {templates: [{templateName: <gate>}]}.",
    }
    auto_promotion_enabled: bool | None = None
    """false: a person switches (croupier rollout promote). Default true, as in Argo Rollouts."""
    auto_promotion_seconds: between(0, 31_622_400) | None = None  # type: ignore[valid-type]
    """So long the new stack waits beside the old one, ready and with its checks passed, before everybody gets it."""
    before: OrChecks | None = Field(None, json_schema_extra=_with_names)
    """Smoke checks that must pass on the new stack before the switch, through the router."""
    pre_promotion_analysis: AnalysisShape | None = None
    """These gates must pass before the switch. Nobody has the new version yet, so they are gates that measure."""
    post_promotion_analysis: AnalysisShape | None = None
    """These gates watch after the switch: one that fails takes everybody back at once."""
    watch: Duration | None = None
    """How long at the least, before the new version becomes the stable one. Default 10m."""
    keep: Duration | None = None
    """How long the stack that was left keeps running, and a way back takes no start. Default 1h."""
    scale_down_delay_seconds: between(0, 31_622_400) | None = None  # type: ignore[valid-type]
    """The same as keep, in seconds, as in Argo Rollouts."""


class StrategyShape(Shape):
    """Exactly one of canary and blueGreen."""

    one_of: ClassVar[tuple[str, ...]] = ("canary", "blueGreen")
    elsewhere: ClassVar[dict[str, str]] = {"steps": "Write it below canary."}
    canary: CanaryShape | None = None
    """As in Argo Rollouts."""
    blue_green: BlueGreenShape | None = None
    """As in Argo Rollouts: two stacks, and everybody is switched at once."""


def _or_name(value: object) -> object:
    """``payments`` stands for ``{name: payments}``."""
    return {"name": value} if isinstance(value, str) else value


def _with_name(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [{"enum": [*PROFILES]}, *schema["anyOf"]]


OrProfile = Annotated[ProfileShape, BeforeValidator(_or_name)]


class RolloutDocumentSpec(Shape):
    some_of: ClassVar[tuple[str, ...]] = ("strategy", "profile")
    elsewhere: ClassVar[dict[str, str]] = {
        "progressDeadlineSeconds": "Write progressDeadline: 10m instead.",
        "progressDeadlineAbort": "A canary that is not ready in time is always given up; remove it.",
        "replicas": "Write spec.process.instances in the Service instead.",
        "selector": "It belongs to Kubernetes; write service: <name> instead.",
        "template": "It belongs to Kubernetes; what runs is in the Service and the Release.",
        "workloadRef": "It belongs to Kubernetes; write service: <name> instead.",
        "steps": "Write it below strategy.canary.",
    }
    lacking: ClassVar[tuple[str, str]] = (
        "there is neither a strategy nor a profile.",
        "Write strategy: {canary: {steps: [...]}}, or profile: generic.",
    )
    one_of: ClassVar[tuple[str, ...]] = ("service", "services")
    service: Name | None = None
    """The service whose releases are rolled out like this."""
    services: Annotated[list[Name], Field(min_length=1, max_length=20)] | None = None
    """Or services that move as one: up in this order, back in reverse."""
    segment: Name | None = None
    """Only players of this segment get the canary until everybody does. Default: all players."""
    profile: OrProfile | None = Field(None, json_schema_extra=_with_name)
    """The domain whose defaults hold for what is not written here: payments, or {name: payments, gates: {...}}."""
    approval: ApprovalShape | None = None
    """So many people other than who starts it must approve before it begins. Default: the profile's."""
    disruption: DisruptionShape | None = None
    """How fast players may be moved. Default: the profile's; without one, as fast as the steps say."""
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
    smoke: OrChecks | None = Field(None, json_schema_extra=_with_names)
    """SmokeChecks that run after every switch: whenever the data plane serves another share, and everybody."""
    strategy: StrategyShape | None = None
    """As in Argo Rollouts; such a block pastes in unchanged."""


class RolloutShape(Shape):
    """How releases of a service are rolled out."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Rollout"]
    metadata: NamedShape
    spec: RolloutDocumentSpec
