from collections.abc import Mapping, Sequence

from croupier.adapters.metrics.embedded import EmbeddedMetrics
from croupier.adapters.metrics.sources import MetricSources
from croupier.control.ports import Query, ScrapeTarget, VersionKey
from croupier.core.gates import EMBEDDED, PROMETHEUS, PromqlSli, RatioSli, Reading, Silence, Sli
from croupier.testing import VirtualClock

SLI = RatioSli("deposits_total", good=(("outcome", ("ok",)),))


class Source:
    def __init__(self, name: str) -> None:
        self.name = name
        self.watched: Mapping[VersionKey, Sequence[ScrapeTarget]] = {}

    async def read(self, query: Query) -> Reading | Silence:
        return Silence(self.name)

    async def probe(
        self, sli: Sli, by: tuple[str, ...], service: str, version: str, source: str = EMBEDDED
    ) -> str | None:
        return self.name

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        self.watched = targets


async def test_each_question_goes_to_the_source_that_it_names() -> None:
    one, two = Source("one"), Source("two")
    both = MetricSources({EMBEDDED: one, "two": two}, {PROMETHEUS: "set CROUPIER_PROMETHEUS_URL"})
    query = Query(SLI, (), "shop", "2", "1", 0, 10)
    assert await both.read(query) == Silence("one")
    assert await both.read(Query(SLI, (), "shop", "2", "1", 0, 10, "two")) == Silence("two")
    assert await both.probe(SLI, (), "shop", "1") == "one"
    assert await both.probe(SLI, (), "shop", "1", "two") == "two"
    await both.watch({VersionKey("shop", "1"): ()})
    assert one.watched == two.watched == {VersionKey("shop", "1"): ()}


async def test_a_source_that_is_not_there_is_silent_and_says_how_it_is_had() -> None:
    both = MetricSources({}, {PROMETHEUS: "set CROUPIER_PROMETHEUS_URL"})
    assert await both.read(Query(SLI, (), "shop", "2", "1", 0, 10, PROMETHEUS)) == Silence(
        "set CROUPIER_PROMETHEUS_URL"
    )
    assert await both.probe(SLI, (), "shop", "1", PROMETHEUS) == "set CROUPIER_PROMETHEUS_URL"
    assert await both.probe(SLI, (), "shop", "1", "otlp") == "this control plane has no metric source 'otlp'"


async def test_the_embedded_source_takes_no_promql() -> None:
    source = EmbeddedMetrics(VirtualClock())
    sli = PromqlSli("a", "b")
    why = "selectors of PromQL are read from Prometheus only: source: prometheus"
    assert await source.read(Query(sli, (), "shop", "2", "1", 0, 10)) == Silence(why)
    assert await source.probe(sli, (), "shop", "1") == why
