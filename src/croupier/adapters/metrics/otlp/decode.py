"""From the bytes of an OTLP request to what was sent: one ``Push`` per process. Called by the source, in a thread.

Protobuf is imported with the first push: a control plane that gets none starts without it. Points are taken apart only
when somebody asks for them.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from croupier.adapters.metrics.otlp.names import Kind
from croupier.adapters.metrics.otlp.points import Attributes, Instrument, Point, SenderId
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.adapters.metrics.otlp.values import Unusable, attributes_of, plain, value_of
from croupier.control.ports import VersionKey
from croupier.errors import Rejected

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

_DELTA, _CUMULATIVE = 1, 2
_NO_VALUE = 1
"""The flag of a point that says that there is none."""
_SAMPLE = 200
_IDENTITY = ("service.name", "service.version", "service.instance.id")


@dataclass(frozen=True)
class Arrived:
    """One metric as it came."""

    instrument: Instrument
    _metric: "Metric"
    _limits: OtlpSettings

    @cached_property
    def _points(self) -> Any:
        data = self._metric.WhichOneof("data")
        return getattr(self._metric, data).data_points if data else ()

    @property
    def size(self) -> int:
        """How many points."""
        return len(self._points)

    @property
    def first(self) -> tuple[int, int]:
        """Start and time of the first point; zeros where there is none."""
        return (self._points[0].start_time_unix_nano, self._points[0].time_unix_nano) if self.size else (0, 0)

    def points(self) -> Iterator[Point | Unusable | None]:
        """Each point, why it cannot be taken, or ``None`` for one that says that it has no value."""
        kind = self.instrument.kind
        for point in self._points:
            if point.flags & _NO_VALUE:
                yield None
                continue
            try:
                attributes = attributes_of(point.attributes, self._limits)
                yield Point(
                    attributes, point.start_time_unix_nano, point.time_unix_nano, value_of(kind, point, self._limits)
                )
            except Unusable as why:
                yield why

    def sample(self) -> bytes:
        """The metric with some of its points, to be looked at later."""
        if self.size <= _SAMPLE:
            return self._metric.SerializeToString()
        some = type(self._metric)()
        some.name, some.unit = self._metric.name, self._metric.unit
        data = self._metric.WhichOneof("data") or ""
        getattr(some, data).data_points.extend(self._points[:_SAMPLE])
        return some.SerializeToString()


@dataclass(frozen=True)
class Push:
    """What one process sent. ``attributes`` are the resource's."""

    sender: SenderId
    attributes: Attributes
    metrics: tuple[Arrived, ...]


@dataclass
class Request:
    """Everything in one body. ``refused`` points are of senders that do not say who they are; ``why`` is for them."""

    pushes: list[Push] = field(default_factory=list)
    refused: int = 0
    why: str = ""
    strangers: list[tuple[str, str]] = field(default_factory=list)
    """Their ``service.name``, as far as known, and what is wrong."""

    def keep(self, services: Collection[str]) -> int:
        """Refuse the pushes of other services; how many that were. Nothing is remembered of them: who may not speak for
        a service must not be able to explain its silence.
        """
        others = [push for push in self.pushes if push.sender.key.service not in services]
        if others:
            self.pushes = [push for push in self.pushes if push.sender.key.service in services]
            self.refused += sum(metric.size for push in others for metric in push.metrics)
            named = ", ".join(sorted({repr(push.sender.key.service[:100]) for push in others})[:5])
            self.why = self.why or f"this token is for {', '.join(sorted(services))}, not for the service {named}"
        return len(others)


def decode(body: bytes, limits: OtlpSettings, *, is_json: bool) -> Request:
    """Raises ``Rejected`` for what is no OTLP request, or one of too many points."""
    message = _from_json(body, limits) if is_json else _from_protobuf(body)
    request, points = Request(), 0
    for resource in message.resource_metrics:
        metrics = [
            Arrived(instrument_of(metric, f"{scope.scope.name} {scope.scope.version}"), metric, limits)
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        size = sum(metric.size for metric in metrics)
        points += size
        if points > limits.points_per_push:
            raise Rejected(
                f"A push may hold {limits.points_per_push:,} points.",
                hint="Send them in batches, or use fewer attribute values.",
            )
        try:
            sender, attributes = _identify(resource.resource, limits)
        except Unusable as why:
            request.refused += size
            request.why = request.why or str(why)
            name = plain(resource.resource.attributes).get("service.name", "")
            request.strangers.append((name[:200], str(why)))
        else:
            request.pushes.append(Push(sender, attributes, tuple(metrics)))
    return request


def sampled(sample: bytes, instrument: Instrument, limits: OtlpSettings) -> tuple[list[Point], bool]:
    """The points of a sample, and whether they are all that there were."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

    arrived = Arrived(instrument, Metric.FromString(sample), limits)
    return [point for point in arrived.points() if isinstance(point, Point)], arrived.size < _SAMPLE


def instrument_of(metric: "Metric", scope: str) -> Instrument:
    """What the metric is."""
    kind, delta = Kind.UNKNOWN, False
    match metric.WhichOneof("data"):
        case "sum":
            kind = Kind.COUNTER if metric.sum.is_monotonic else Kind.UP_DOWN
            delta, known = _delta(metric.sum.aggregation_temporality)
            kind = kind if known else Kind.UNKNOWN
        case "histogram":
            delta, known = _delta(metric.histogram.aggregation_temporality)
            kind = Kind.HISTOGRAM if known else Kind.UNKNOWN
        case "exponential_histogram":
            delta, known = _delta(metric.exponential_histogram.aggregation_temporality)
            kind = Kind.EXPONENTIAL if known else Kind.UNKNOWN
        case "gauge":
            kind = Kind.GAUGE
        case "summary":
            kind = Kind.SUMMARY
        case None:
            pass
    return Instrument(scope, metric.name, metric.unit, kind, delta)


def _delta(temporality: int) -> tuple[bool, bool]:
    return temporality == _DELTA, temporality in (_DELTA, _CUMULATIVE)


def _from_protobuf(body: bytes) -> "ExportMetricsServiceRequest":
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    try:
        return ExportMetricsServiceRequest.FromString(body)
    except DecodeError:
        raise Rejected("The body is no ExportMetricsServiceRequest in protobuf.", hint=_HINT) from None


def _from_json(body: bytes, limits: OtlpSettings) -> "ExportMetricsServiceRequest":
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    if len(body) > limits.json_bytes:
        raise Rejected(f"A push in JSON may have {limits.json_bytes:,} bytes.", hint="Send protobuf, or less.")
    if body.count(b"{") > limits.json_objects:
        raise Rejected(f"A push in JSON may have {limits.json_objects:,} objects.", hint="Send protobuf, or less.")
    request = ExportMetricsServiceRequest()
    try:
        json_format.ParseDict(json.loads(body), request, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise Rejected("The body is no ExportMetricsServiceRequest in OTLP's JSON.", hint=_HINT) from None
    return request


_HINT = "Set the Content-Type to what is sent: application/x-protobuf or application/json."


# --- who ----------------------------------------------------------------------------------------------


def _identify(resource: "Resource", limits: OtlpSettings) -> tuple[SenderId, Attributes]:
    attributes = attributes_of(resource.attributes, limits)
    said = dict(attributes)
    for name in _IDENTITY:
        if not said.get(name) or (name == "service.name" and said[name].startswith("unknown_service")):
            example = {"service.name": "shop", "service.version": "1.1.0"}.get(name, "shop-1")
            raise Unusable(f"the resource has no {name}; set OTEL_RESOURCE_ATTRIBUTES={name}={example}")
    namespace = said.get("service.namespace")
    instance = said["service.instance.id"]
    key = VersionKey(said["service.name"], said["service.version"])
    return SenderId(key, f"{namespace}/{instance}" if namespace else instance), attributes
