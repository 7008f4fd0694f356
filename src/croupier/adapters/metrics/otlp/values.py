"""Single points and their attributes: from protobuf to plain data, or why not. Called by ``decode``.

What a sender may get wrong is found here, so that nothing behind it has to doubt a count.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from sys import intern
from typing import TYPE_CHECKING, Any

from croupier.adapters.metrics.embedded.tally import MOST
from croupier.adapters.metrics.otlp.names import Kind
from croupier.adapters.metrics.otlp.points import Attributes, Buckets, Exponential, Number, Value
from croupier.adapters.metrics.otlp.settings import OtlpSettings

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint


class Unusable(Exception):
    """A point, a metric or a resource that cannot be taken, and why."""


class Beyond(Unusable):
    """More events or buckets than can be counted: the metric is silent rather than half counted."""


def value_of(kind: Kind, point: Any, limits: OtlpSettings) -> Value:
    """What the point counts. Raises ``Unusable``."""
    if kind.has_buckets:
        _check_size(kind, point, limits.buckets)
    value = _READERS[kind](point)
    if value.count > MOST:
        raise Beyond(f"{value.count:g} is more than a counter can be")
    return value


def attributes_of(pairs: "Iterable[KeyValue]", limits: OtlpSettings) -> Attributes:
    found = plain(pairs)
    if len(found) > limits.attributes:
        raise Unusable(f"more than {limits.attributes} attributes")
    if sum(len(name) + len(value) for name, value in found.items()) > limits.attribute_chars:
        raise Unusable(f"attributes of more than {limits.attribute_chars} characters")
    return tuple(sorted(found.items()))


def plain(pairs: "Iterable[KeyValue]") -> dict[str, str]:
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


def _number(point: "NumberDataPoint") -> Number:
    value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
    if not value >= 0:
        raise Unusable(f"a counter cannot be {value}")
    return Number(value)


def _check_size(kind: Kind, point: Any, most: int) -> None:
    if kind is Kind.HISTOGRAM:
        size = max(len(point.explicit_bounds), len(point.bucket_counts) - 1)
    else:
        size = max(len(point.positive.bucket_counts), len(point.negative.bucket_counts))
    if size > most:
        raise Beyond(f"a histogram of {size:,} buckets; {most} is the limit")


def _buckets(point: Any) -> Buckets:
    bounds, counts = _bounds(tuple(point.explicit_bounds)), array("Q", point.bucket_counts)
    if counts and (len(counts) != len(bounds) + 1 or sum(counts) != point.count):
        raise Unusable(f"a histogram's buckets do not add up: {len(bounds)} bounds, {len(counts)} counts")
    return Buckets(float(point.count), bounds if counts else (), counts)


@lru_cache(maxsize=256)
def _bounds(bounds: tuple[float, ...]) -> tuple[float, ...]:
    """The bounds, once for all histograms that have the same."""
    if any(low >= high for low, high in pairwise(bounds)):
        raise Unusable("a histogram's bounds do not rise")
    return bounds


def _exponential(point: Any) -> Exponential:
    counts = array("Q", point.positive.bucket_counts)
    low = point.zero_count + sum(point.negative.bucket_counts)
    if low + sum(counts) != point.count:
        raise Unusable("an exponential histogram's buckets do not add up")
    if not -10 <= point.scale <= 20:
        raise Unusable(f"an exponential histogram cannot have the scale {point.scale}")
    return Exponential(float(point.count), point.scale, low, point.zero_threshold, point.positive.offset, counts)


def _uncountable(_point: Any) -> Number:
    raise Unusable("it cannot be counted")


_READERS: Mapping[Kind, Callable[[Any], Value]] = {
    Kind.COUNTER: _number,
    Kind.HISTOGRAM: _buckets,
    Kind.EXPONENTIAL: _exponential,
    Kind.UP_DOWN: _uncountable,
    Kind.GAUGE: _uncountable,
    Kind.SUMMARY: _uncountable,
    Kind.UNKNOWN: _uncountable,
}
