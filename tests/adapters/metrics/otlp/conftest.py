"""A ledger of pushed metrics and processes that push, through the real decoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    Metric,
)

from croupier.adapters.metrics.otlp.decode import decode
from croupier.adapters.metrics.otlp.ledger import Ledger
from croupier.adapters.metrics.otlp.sender import Taken
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import Query, VersionKey
from croupier.core.gates import OTLP, Counts, Reading, Silence, Sli

NS = 1_000_000_000
STARTED = 100_000.0
"""When the control plane began to listen."""

Labels = Mapping[str, Any]


def counter(
    name: str, values: Sequence[tuple[Labels, float]], *, start: float, at: float, unit: str = "", delta: bool = False
) -> Metric:
    """A counter, as an SDK sends it. Times are epoch seconds of the sender's clock."""
    metric = Metric(name=name, unit=unit)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_DELTA if delta else AGGREGATION_TEMPORALITY_CUMULATIVE
    for labels, value in values:
        point = metric.sum.data_points.add(start_time_unix_nano=round(start * NS), time_unix_nano=round(at * NS))
        point.as_double = value
        label(point, labels)
    return metric


def histogram(
    name: str,
    counts: Sequence[int],
    *,
    start: float,
    at: float,
    bounds: Sequence[float] = (0.1, 0.4, 1.0),
    unit: str = "s",
    labels: Labels | None = None,
) -> Metric:
    """A histogram with explicit buckets, one series."""
    metric = Metric(name=name, unit=unit)
    metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    point = metric.histogram.data_points.add(start_time_unix_nano=round(start * NS), time_unix_nano=round(at * NS))
    point.count = sum(counts)
    point.bucket_counts.extend(counts)
    point.explicit_bounds.extend(bounds)
    label(point, labels or {})
    return metric


def label(point: Any, labels: Labels) -> None:
    for name, value in labels.items():
        attribute = point.attributes.add(key=name)
        kind = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}[type(value)]
        setattr(attribute.value, kind, value)


def body(*processes: tuple[Labels, Sequence[Metric]]) -> bytes:
    """A request from processes with these resources."""
    request = ExportMetricsServiceRequest()
    for attributes, metrics in processes:
        sent = request.resource_metrics.add()
        label(sent.resource, attributes)
        sent.scope_metrics.add().metrics.extend(metrics)
    return request.SerializeToString()


def resource(version: str = "1.0.0", instance: str = "a", service: str = "shop", **more: Any) -> dict[str, Any]:
    return {"service.name": service, "service.version": version, "service.instance.id": instance, **more}


@dataclass
class Desk:
    """A ledger with its time."""

    settings: OtlpSettings = field(default_factory=OtlpSettings)
    now: float = STARTED

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.settings, self.now)

    def push(self, at: float, who: Labels, *metrics: Metric) -> Taken:
        """One process pushes ``at`` our time."""
        self.now = at
        request = decode(body((who, metrics)), self.settings, is_json=False)
        self.ledger.refuse(request.strangers, at)
        taken = Taken(refused=request.refused, why=request.why)
        for push in request.pushes:
            taken = self.ledger.take(push, at)
        self.ledger.close(at)
        return taken

    def read(
        self,
        sli: Sli,
        since: float,
        until: float,
        *,
        canary: str = "1.1.0",
        baseline: str | None = "1.0.0",
        by: tuple[str, ...] = (),
    ) -> Reading | Silence:
        self.now = max(self.now, until)
        query = Query(sli, by, "shop", canary, baseline, since, until, OTLP)
        return self.ledger.read(query, self.now + self.settings.settle_s)

    def reading(self, sli: Sli, since: float, until: float, **asked: Any) -> Reading:
        found = self.read(sli, since, until, **asked)
        assert isinstance(found, Reading), found
        return found

    def counts(self, sli: Sli, since: float, until: float, **asked: Any) -> tuple[Counts, Counts | None]:
        """Of everything, both versions."""
        found = self.reading(sli, since, until, **asked)
        return found.canary[()], None if found.baseline is None else found.baseline[()]

    def silence(self, sli: Sli, since: float, until: float, **asked: Any) -> str:
        found = self.read(sli, since, until, **asked)
        assert isinstance(found, Silence), found
        return found.reason

    def probe(self, sli: Sli, version: str = "1.0.0", by: tuple[str, ...] = ()) -> str | None:
        return self.ledger.probe(sli, by, VersionKey("shop", version), self.now)


@pytest.fixture
def desk() -> Desk:
    return Desk()
