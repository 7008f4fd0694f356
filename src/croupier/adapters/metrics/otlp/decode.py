"""From the bytes of an OTLP request to what was sent: one ``Push`` per process. Called by the source, in a thread.

Protobuf is imported with the first push: a control plane that gets none starts without it. Points are taken apart only
when somebody asks for them.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from sys import intern
from typing import TYPE_CHECKING, Any

from croupier.adapters.metrics.otlp.names import Kind
from croupier.adapters.metrics.otlp.points import Attributes, Buckets, Exponential, Instrument, Number, Point, SenderId
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import VersionKey
from croupier.errors import Rejected

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

_DELTA, _CUMULATIVE = 1, 2
_NO_VALUE = 1
"""The flag of a point that says that there is none."""
_SAMPLE = 200
_IDENTITY = ("service.name", "service.version", "service.instance.id")


class Unusable(Exception):
    """A point, a metric or a resource that cannot be taken, and why."""


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
        reader = _READERS[self.instrument.kind]
        for point in self._points:
            if point.flags & _NO_VALUE:
                yield None
                continue
            try:
                attributes = _attributes(point.attributes, self._limits)
                yield Point(attributes, point.start_time_unix_nano, point.time_unix_nano, reader(point))
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
            name = _plain(resource.resource.attributes).get("service.name", "")
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
    request = ExportMetricsServiceRequest()
    try:
        json_format.ParseDict(json.loads(body), request, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise Rejected("The body is no ExportMetricsServiceRequest in OTLP's JSON.", hint=_HINT) from None
    return request


_HINT = "Set the Content-Type to what is sent: application/x-protobuf or application/json."


# --- who ----------------------------------------------------------------------------------------------


def _identify(resource: "Resource", limits: OtlpSettings) -> tuple[SenderId, Attributes]:
    attributes = _attributes(resource.attributes, limits)
    said = dict(attributes)
    for name in _IDENTITY:
        if not said.get(name) or (name == "service.name" and said[name].startswith("unknown_service")):
            example = {"service.name": "shop", "service.version": "1.1.0"}.get(name, "shop-1")
            raise Unusable(f"the resource has no {name}; set OTEL_RESOURCE_ATTRIBUTES={name}={example}")
    namespace = said.get("service.namespace")
    instance = said["service.instance.id"]
    key = VersionKey(said["service.name"], said["service.version"])
    return SenderId(key, f"{namespace}/{instance}" if namespace else instance), attributes


def _attributes(pairs: "Iterable[KeyValue]", limits: OtlpSettings) -> Attributes:
    found = _plain(pairs)
    if len(found) > limits.attributes:
        raise Unusable(f"more than {limits.attributes} attributes")
    if sum(len(name) + len(value) for name, value in found.items()) > limits.attribute_chars:
        raise Unusable(f"attributes of more than {limits.attribute_chars} characters")
    return tuple(sorted(found.items()))


def _plain(pairs: "Iterable[KeyValue]") -> dict[str, str]:
    # Few different words name very many series.
    return {intern(pair.key): intern(pair.value.string_value or _text(pair.value)) for pair in pairs}


def _text(value: "AnyValue") -> str:
    """The value as a label has it: what is no text as JSON."""
    match value.WhichOneof("value"):
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return repr(value.double_value)
        case "array_value" | "kvlist_value" | "bytes_value":
            return json.dumps(_data(value), separators=(",", ":"))
        case _:
            return ""


def _data(value: "AnyValue") -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_data(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: _data(item.value) for item in value.kvlist_value.values}
        case "bytes_value":
            return value.bytes_value.hex()
        case "string_value":
            return value.string_value
        case _:
            return _text(value)


# --- how much -----------------------------------------------------------------------------------------


def _number(point: "NumberDataPoint") -> Number:
    value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
    if not (value >= 0 and math.isfinite(value)):
        raise Unusable(f"a counter cannot be {value}")
    return Number(value)


def _buckets(point: Any) -> Buckets:
    bounds, counts = _bounds(tuple(point.explicit_bounds)), tuple(point.bucket_counts)
    if counts and (len(counts) != len(bounds) + 1 or sum(counts) != point.count):
        raise Unusable(f"a histogram's buckets do not add up: {len(bounds)} bounds, {len(counts)} counts")
    return Buckets(float(point.count), bounds if counts else (), counts)


@lru_cache(maxsize=1_024)
def _bounds(bounds: tuple[float, ...]) -> tuple[float, ...]:
    """The bounds, once for all histograms that have the same."""
    if any(low >= high for low, high in pairwise(bounds)):
        raise Unusable("a histogram's bounds do not rise")
    return bounds


def _exponential(point: Any) -> Exponential:
    counts = tuple(point.positive.bucket_counts)
    low = point.zero_count + sum(point.negative.bucket_counts)
    if low + sum(counts) != point.count:
        raise Unusable("an exponential histogram's buckets do not add up")
    if not -10 <= point.scale <= 20:
        raise Unusable(f"an exponential histogram cannot have the scale {point.scale}")
    return Exponential(float(point.count), point.scale, low, point.zero_threshold, point.positive.offset, counts)


def _uncountable(_point: Any) -> Number:
    raise Unusable("it cannot be counted")


_READERS: Mapping[Kind, Any] = {
    Kind.COUNTER: _number,
    Kind.HISTOGRAM: _buckets,
    Kind.EXPONENTIAL: _exponential,
    Kind.UP_DOWN: _uncountable,
    Kind.GAUGE: _uncountable,
    Kind.SUMMARY: _uncountable,
    Kind.UNKNOWN: _uncountable,
}
