import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from croupier.adapters.metrics.embedded.page import Malformed, Page, edge_of, parse_labels

HARD = r"""# HELP x_total Says "{hello}" \n 1
# TYPE x_total counter
x_total{a="with } and \" and \\",b="x{y=\"1\"} 2"} 1e+03 1700000000000
x_total{a="ü, =, #"}	2	# {trace="x"} 1
x_total {a=""} 0x
""".replace(" 0x", " 3.")


def test_takes_apart_what_is_hard() -> None:
    page = Page(HARD + "\n  # comment\n\ny 1\r\n" + "z NaN")
    found = [(name, dict(parse_labels(labels)), value) for name, labels, value in page.samples(["x_total", "y"])]
    assert found == [
        ("x_total", {"a": 'with } and " and \\', "b": 'x{y="1"} 2'}, 1000),
        ("x_total", {"a": "ü, =, #"}, 2),
        ("x_total", {"a": ""}, 3),
        ("y", {}, 1),
    ]
    assert page.value("y") == 1
    assert page.value("x_total") is None
    assert page.kinds() == {"x_total": "counter"}
    assert page.names() == {"x_total", "y", "z"}


@pytest.mark.parametrize("generate", [generate_latest, generate_openmetrics])
def test_reads_what_the_client_library_writes(generate: object) -> None:
    registry = CollectorRegistry()
    Counter("spins", "Spins.", ["ok"], registry=registry)
    Counter("bets", "Bets.", registry=registry).inc(3)
    Histogram("wait_seconds", "", ["x"], buckets=(0.1,), registry=registry).labels("a").observe(0.05)
    assert callable(generate)
    page = Page(generate(registry).decode())
    assert page.value("bets_total") == 3
    assert [(edge_of(labels), value) for _, labels, value in page.samples(["wait_seconds_bucket"])] == [
        (0.1, 1),
        (float("inf"), 1),
    ]
    assert page.has("spins") or page.has("spins_total")  # declared, without any series
    assert page.has("wait_seconds_count")
    assert not page.has("spin")
    assert not page.has("wait_count")


@pytest.mark.parametrize(
    "text, line",
    [
        ("<!DOCTYPE html>", 1),
        ('ok 1\n\nx{a="b" 1', 3),
        ('ok 1\nx{a="b"}', 2),
        ("ok", 1),
        ("ok 1\nok one\n", 2),
        ("ok 1\n1ok 1\n", 2),
        ('{"json": 1}', 1),
        ("ok 12x", 1),
    ],
)
def test_anything_else_is_malformed(text: str, line: int) -> None:
    with pytest.raises(Malformed, match=f"^line {line} is no metric"):
        Page(text)


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "x{} 1", 'x{a="b",} 1', '{"x.y",a="b"} 1', "x +Inf\n"])
def test_what_the_format_allows_is_taken(text: str) -> None:
    Page(text)


def test_hostile_lines_take_no_time() -> None:
    # The test's own time-out is the limit: a pattern that tries every split of these would never end.
    for text in ("x" * 200_000, "x{" + 'a="b",' * 30_000, 'x{a="' + "\\" * 100_001, "x 1" + " " * 200_000 + "\nx"):
        with pytest.raises(Malformed):
            Page(text + "\n!")
