"""Names as OpenTelemetry and as Prometheus have them."""

import pytest

from croupier.adapters.metrics.otlp.names import Kind, calls, labels_of, prometheus_names


@pytest.mark.parametrize(
    "name,unit,kind,prometheus",
    [
        ("http.server.request.duration", "s", Kind.HISTOGRAM, "http_server_request_duration_seconds"),
        ("shop.bets", "", Kind.COUNTER, "shop_bets_total"),
        ("shop.bets", "{bet}", Kind.COUNTER, "shop_bets_total"),
        ("shop.bets_total", "1", Kind.COUNTER, "shop_bets_total"),
        ("disk.io", "By", Kind.COUNTER, "disk_io_bytes_total"),
        ("disk.speed", "By/s", Kind.HISTOGRAM, "disk_speed_bytes_per_second"),
        ("a--b..c", "furlong", Kind.HISTOGRAM, "a_b_c_furlong"),
        ("wait.seconds", "s", Kind.HISTOGRAM, "wait_seconds"),
    ],
)
def test_prometheus_names(name: str, unit: str, kind: Kind, prometheus: str) -> None:
    assert prometheus in prometheus_names(name, unit, kind)
    assert calls(prometheus, name, unit, kind) == 1
    assert calls(name, name, unit, kind) == 0
    assert calls("other", name, unit, kind) is None


def test_samples_of_histograms_may_be_named() -> None:
    for part in ("_count", "_bucket"):
        assert calls(f"wait_seconds{part}", "wait", "s", Kind.HISTOGRAM) == 1
        assert calls(f"wait_seconds{part}", "wait", "s", Kind.COUNTER) is None


def test_a_points_attributes_come_before_the_resources() -> None:
    labels = labels_of((("k8s.pod", "p"), ("market", "everywhere")), (("market", "DE"), ("http.route", "/")))
    assert labels == {"k8s.pod": "p", "k8s_pod": "p", "market": "DE", "http.route": "/", "http_route": "/"}
