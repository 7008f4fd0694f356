"""The shapes of the documents as Pydantic models: which fields there are, of which kind, and what each means.

The only place where the fields of the files are written down: reading, error messages and the JSON Schemas follow from
it. Values are read by ``quantities`` and ``words``; sense is judged by ``core``.
"""

from croupier.adapters.manifests.shapes.analysis import MeasuredMetricShape, MeasuringShape, ProviderShape
from croupier.adapters.manifests.shapes.calendar import CalendarShape
from croupier.adapters.manifests.shapes.experiment import ExperimentShape
from croupier.adapters.manifests.shapes.flag import FlagShape, PresetShape
from croupier.adapters.manifests.shapes.gate import (
    BurnShape,
    ComparisonShape,
    GateShape,
    GateSpec,
    HardStopShape,
    PopulationShape,
    ReadyShape,
    RuleShape,
    SequentialShape,
    SliShape,
)
from croupier.adapters.manifests.shapes.groups import GroupActionShape, OnGroupFailShape
from croupier.adapters.manifests.shapes.profile import (
    ApprovalShape,
    DisruptionShape,
    LaneShape,
    LastingShape,
    ProfileFileShape,
    ProfileShape,
)
from croupier.adapters.manifests.shapes.rollout import (
    AnalysisShape,
    AutoShape,
    BlueGreenShape,
    CanaryShape,
    FlagStepShape,
    RolloutShape,
    SegmentWeightShape,
    StepShape,
    StrategyShape,
    UndecidedShape,
)
from croupier.adapters.manifests.shapes.segment import SegmentShape
from croupier.adapters.manifests.shapes.service import (
    AffinityShape,
    HealthShape,
    IdSourceShape,
    LimitsShape,
    ProcessOverrides,
    ReleaseShape,
    ServiceShape,
)
from croupier.adapters.manifests.shapes.smoke import SmokeCheckShape

API_VERSION = "croupier/v1"

AnyDocument = (
    ServiceShape
    | ReleaseShape
    | GateShape
    | SegmentShape
    | SmokeCheckShape
    | RolloutShape
    | FlagShape
    | PresetShape
    | ExperimentShape
    | CalendarShape
)

KINDS: dict[str, type[AnyDocument]] = {
    "Service": ServiceShape,
    "Release": ReleaseShape,
    "Gate": GateShape,
    "Segment": SegmentShape,
    "SmokeCheck": SmokeCheckShape,
    "Rollout": RolloutShape,
    "Flag": FlagShape,
    "Preset": PresetShape,
    "Experiment": ExperimentShape,
    "Calendar": CalendarShape,
}
"""Every kind of document, in the order in which they depend on each other."""

__all__ = [
    "API_VERSION",
    "KINDS",
    "AffinityShape",
    "AnalysisShape",
    "AnyDocument",
    "ApprovalShape",
    "AutoShape",
    "BlueGreenShape",
    "BurnShape",
    "CalendarShape",
    "CanaryShape",
    "ComparisonShape",
    "DisruptionShape",
    "ExperimentShape",
    "FlagShape",
    "FlagStepShape",
    "GateShape",
    "GateSpec",
    "GroupActionShape",
    "HardStopShape",
    "HealthShape",
    "IdSourceShape",
    "LaneShape",
    "LastingShape",
    "LimitsShape",
    "MeasuredMetricShape",
    "MeasuringShape",
    "OnGroupFailShape",
    "PopulationShape",
    "PresetShape",
    "ProcessOverrides",
    "ProfileFileShape",
    "ProfileShape",
    "ProviderShape",
    "ReadyShape",
    "ReleaseShape",
    "RolloutShape",
    "RuleShape",
    "SegmentShape",
    "SegmentWeightShape",
    "SequentialShape",
    "ServiceShape",
    "SliShape",
    "SmokeCheckShape",
    "StepShape",
    "StrategyShape",
    "UndecidedShape",
]
