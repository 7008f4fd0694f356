"""What a ``Rollout`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from croupier.adapters.manifests.fields import Duration, Name, NamedShape, Shape, Share, Weight


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
        "dryRun": "Gates always count here: remove it, and name only the gates that should decide.",
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
    false_rollbacks: Share | None = None
    """The probability with which all sequential gates together may ever blame a healthy release. Default 1%."""
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
