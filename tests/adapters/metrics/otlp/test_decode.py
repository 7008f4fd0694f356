"""What is in a request, and what of it cannot be taken."""

from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
from tests.adapters.metrics.otlp.conftest import body, counter, histogram, resource

from croupier.adapters.metrics.otlp.decode import Arrived, decode, sampled
from croupier.adapters.metrics.otlp.names import Kind
from croupier.adapters.metrics.otlp.points import Exponential, Number, Point
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.adapters.metrics.otlp.values import Beyond, Unusable
from croupier.errors import Rejected

LIMITS = OtlpSettings()


def arrived(*metrics: Metric) -> tuple[Arrived, ...]:
    [push] = decode(body((resource(), metrics)), LIMITS, is_json=False).pushes
    return push.metrics


def only(metric: Metric) -> Any:
    """The metric's one point, or why it cannot be taken."""
    [found] = arrived(metric)
    [point] = found.points()
    return point


def test_attributes_of_every_type_become_text() -> None:
    metric = counter("x", [({"bool": True, "int": 7, "float": 0.5, "text": "é"}, 3)], start=1, at=2)
    attributes = metric.sum.data_points[0].attributes
    listed = attributes.add(key="list").value.array_value
    listed.values.add(string_value="a")
    listed.values.add(int_value=1)
    attributes.add(key="map").value.kvlist_value.values.add(key="k").value.bool_value = False
    attributes.add(key="bytes").value.bytes_value = b"\xff"
    attributes.add(key="none")
    point = only(metric)
    assert dict(point.attributes) == {
        "bool": "true",
        "bytes": '"ff"',
        "float": "0.5",
        "int": "7",
        "list": '["a","1"]',
        "map": '{"k":"false"}',
        "none": "",
        "text": "é",
    }
    assert (point.start, point.at, point.value) == (10**9, 2 * 10**9, Number(3.0))


def shaped(name: str) -> Metric:
    metric = Metric(name="x")
    data = getattr(metric, name)
    data.SetInParent()
    data.data_points.add()
    return metric


@pytest.mark.parametrize(
    "metric,kind",
    [
        (shaped("gauge"), Kind.GAUGE),
        (shaped("summary"), Kind.SUMMARY),
        (shaped("sum"), Kind.UNKNOWN),  # its temporality is not said
        (shaped("histogram"), Kind.UNKNOWN),
        (shaped("exponential_histogram"), Kind.UNKNOWN),
        (Metric(name="x"), Kind.UNKNOWN),
    ],
)
def test_what_cannot_be_counted(metric: Metric, kind: Kind) -> None:
    [found] = arrived(metric)
    assert found.instrument.kind is kind
    assert not kind.counts
    assert all(isinstance(point, Unusable) for point in found.points())


def test_up_and_down_is_no_counter() -> None:
    metric = counter("x", [({}, 1)], start=1, at=2)
    metric.sum.is_monotonic = False
    assert arrived(metric)[0].instrument.kind is Kind.UP_DOWN


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_counter_is_a_finite_number(value: float) -> None:
    assert isinstance(only(counter("x", [({}, value)], start=1, at=2)), Unusable)


def test_a_point_may_say_that_there_is_none() -> None:
    metric = counter("x", [({}, 1)], start=1, at=2)
    metric.sum.data_points[0].flags = 1
    assert only(metric) is None


def test_buckets_must_add_up() -> None:
    assert "do not add up" in str(only(histogram("x", (1, 2), start=1, at=2)))
    wrong = histogram("x", (1, 2, 3, 4), start=1, at=2)
    wrong.histogram.data_points[0].count = 11
    assert "do not add up" in str(only(wrong))
    assert "do not rise" in str(only(histogram("x", (1, 2, 3, 4), bounds=(1, 1, 2), start=1, at=2)))


@pytest.mark.parametrize(
    "metric",
    [
        counter("x", [({}, 2.0**53 + 2)], start=1, at=2),
        counter("x", [({}, 1.7e308)], start=1, at=2),
        counter("x", [({}, float("inf"))], start=1, at=2),
        histogram("x", (2**53, 2, 0, 0), start=1, at=2),
    ],
)
def test_more_than_a_counter_can_be(metric: Metric) -> None:
    assert isinstance(only(metric), Beyond)
    assert only(counter("x", [({}, 2.0**53)], start=1, at=2)).value == Number(2.0**53)


def test_a_histogram_has_so_many_buckets() -> None:
    most = LIMITS.buckets
    assert isinstance(only(histogram("x", [1] * (most + 1), bounds=range(most), start=1, at=2)), Point)
    assert "321 buckets" in str(only(histogram("x", [1] * (most + 2), bounds=range(most + 1), start=1, at=2)))
    unfilled = histogram("x", [1] * (most + 2), bounds=range(most + 1), start=1, at=2)
    unfilled.histogram.data_points[0].ClearField("bucket_counts")
    assert "321 buckets" in str(only(unfilled))
    assert "321 buckets" in str(only(exponential(0, 0, 0, (1,) * (most + 1), most + 1)))


def exponential(scale: int, zero: int, offset: int, counts: tuple[int, ...], count: int) -> Metric:
    metric = Metric(name="x")
    metric.exponential_histogram.aggregation_temporality = 2  # type: ignore[assignment]  # cumulative
    point = metric.exponential_histogram.data_points.add(scale=scale, zero_count=zero, count=count)
    point.positive.offset = offset
    point.positive.bucket_counts.extend(counts)
    return metric


def test_exponential_histograms_have_edges_at_powers_of_two() -> None:
    # Scale 1: the buckets end at 2 ** -1.5, 2 ** -1, 2 ** -0.5, 1, ...
    found = only(exponential(1, 2, -4, (1, 10, 100, 1_000), 1_113)).value
    assert isinstance(found, Exponential)
    assert [found.at_most(2.0**power) for power in (-3, -2, -1.5, -1, -0.5, 0, 5)] == [2, 2, 3, 13, 113, 1_113, 1_113]
    assert found.at_most(0.4) is None
    assert found.edges_near(0.4) == (2**-1.5, 0.5)
    assert found.at_most(0.0) is None


def test_exponential_histograms_keep_those_edges_when_they_grow_coarser() -> None:
    fine = only(exponential(2, 0, -8, (1, 2, 3, 4, 5, 6, 7, 8), 36)).value
    coarse = only(exponential(1, 0, -4, (3, 7, 11, 15), 36)).value
    assert [fine.at_most(edge) for edge in (0.25, 0.5, 1.0)] == [coarse.at_most(edge) for edge in (0.25, 0.5, 1.0)]
    assert coarse.edges_near(0.4) == (2**-1.5, 0.5)
    assert Exponential(1.0, -10, 0, 0.0, 0, (1,)).edges_near(3.0) == (1.0, float("inf"))


@pytest.mark.parametrize("threshold", [float("inf"), 1.7e308, 5e-324, 0.0])
@pytest.mark.parametrize("scale", [-10, 0, 20])
def test_extreme_thresholds_have_edges_or_none(scale: int, threshold: float) -> None:
    low, high = (found := Exponential(1.0, scale, 0, 0.0, 0, (1,))).edges_near(threshold)
    assert 0 <= low < high
    assert found.at_most(threshold) in (None, 0, 1)


@pytest.mark.parametrize("scale,count", [(21, 1), (-11, 1), (0, 2)])
def test_exponential_histograms_that_cannot_be(scale: int, count: int) -> None:
    assert isinstance(only(exponential(scale, 0, 0, (1,), count)), Unusable)


@pytest.mark.parametrize(
    "changed", [{"service.name": ""}, {"service.name": "unknown_service:python"}, {"service.version": ""}]
)
def test_nobody_is_taken_for_somebody(changed: dict[str, str]) -> None:
    metric = counter("x", [({}, 1), ({"a": "b"}, 1)], start=1, at=2)
    found = decode(body(({**resource(), **changed}, [metric])), LIMITS, is_json=False)
    [name] = changed
    assert (found.pushes, found.refused, len(found.strangers)) == ([], 2, 1)
    assert found.why.startswith(f"the resource has no {name}; set OTEL_RESOURCE_ATTRIBUTES={name}=")


def test_the_namespace_tells_instances_apart() -> None:
    [push] = decode(body((resource(**{"service.namespace": "eu"}), [])), LIMITS, is_json=False).pushes
    assert str(push.sender) == "eu/a"


def test_points_of_all_senders_together_are_limited() -> None:
    metric = Metric(name="x")
    metric.sum.data_points.extend([NumberDataPoint() for _ in range(6_000)])
    whole = body(*((resource(instance=str(n)), [metric]) for n in range(4)))
    with pytest.raises(Rejected, match="20,000 points"):
        decode(whole, LIMITS, is_json=False)


def test_an_empty_request_is_nothing() -> None:
    assert decode(ExportMetricsServiceRequest().SerializeToString(), LIMITS, is_json=False).pushes == []


def test_a_sample_is_small_and_says_so() -> None:
    [few] = arrived(counter("x", [({"n": n}, n) for n in range(3)], start=1, at=2))
    points, whole = sampled(few.sample(), few.instrument, LIMITS)
    assert (len(points), whole) == (3, True)
    assert all(isinstance(point, Point) for point in points)
    [many] = arrived(counter("x", [({"n": n}, n) for n in range(900)], start=1, at=2))
    points, whole = sampled(many.sample(), many.instrument, LIMITS)
    assert (len(points), whole) == (200, False)
