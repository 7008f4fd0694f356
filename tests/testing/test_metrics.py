"""The model of traffic: counts follow the routes, the script and the seed."""

import math
from dataclasses import replace

import pytest

from croupier.control.ports import Backend, Endpoint, Query, RoutedService, ScrapeTarget, TrafficTable, VersionKey
from croupier.core.gates import Counts, EventsSli, RatioSli, Reading, Silence
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Transient
from croupier.testing import START, MemoryRouter, ScriptedMetrics, VirtualClock

SERVICE = Service("shop", ("/shop",), ProcessTemplate(("serve",)), attribute_headers=(("employee", "x-employee"),))
STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
SPLIT = canary_routes("shop", "1.0.0", "1.1.0", 2_000, salt="s")
PSPS = (((("psp", "visa"),), 0.75), ((("psp", "trustly"),), 0.25))
QUERY = Query(RatioSli("deposits_total", good=()), (), "shop", "1.1.0", "1.0.0", START, START + 1_000)


class World:
    def __init__(self, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.router = MemoryRouter(self.clock)
        self.metrics = ScriptedMetrics(self.clock, self.router, rate=100.0, parts=PSPS, seed=seed)

    async def serve(self, routes: ServiceRoutes) -> None:
        backends = tuple(Backend(VersionKey("shop", version), ()) for version in routes.versions)
        await self.router.apply(TrafficTable((RoutedService(SERVICE, routes),), backends))

    async def play(self, routes: ServiceRoutes, seconds: float = 100.0) -> Reading:
        await self.serve(routes)
        await self.clock.advance(seconds)
        return await self.read()

    async def read(self, query: Query = QUERY) -> Reading:
        said = await self.metrics.read(query)
        assert isinstance(said, Reading)
        return said


def near(number: int, expected: float) -> bool:
    return abs(number - expected) <= 6 * math.sqrt(max(expected, 1.0))


async def test_players_follow_the_routes() -> None:
    said = await World().play(SPLIT)
    assert said.baseline is not None
    assert near(said.canary[()].total, 2_000)
    assert near(said.baseline[()].total, 8_000)
    assert said.canary[()].bad == 0


async def test_inside_a_segment_there_are_fewer_players() -> None:
    said = await World().play(canary_routes("shop", "1.0.0", "1.1.0", 10_000, salt="s", segment=STAFF))
    assert near(said.canary[()].total, 2_500)


async def test_the_same_seed_is_the_same_traffic() -> None:
    assert await World(7).play(SPLIT) == await World(7).play(SPLIT)
    assert await World(7).play(SPLIT) != await World(8).play(SPLIT)


async def test_a_broken_version_fails_where_it_is_broken() -> None:
    world = World()
    world.metrics.break_version("1.1.0", 0.5, (("psp", "trustly"),))
    await world.play(SPLIT)
    said = await world.read(replace(QUERY, by=("psp",)))
    assert said.baseline is not None
    assert said.baseline[()].bad == 0
    trustly, visa = said.canary[("psp", "trustly"),], said.canary[("psp", "visa"),]
    assert near(trustly.bad, 250)
    assert visa.bad == 0
    assert said.canary[()] == Counts(trustly.good + visa.good, trustly.total + visa.total)
    world.metrics.break_version("1.1.0", 0.0, (("psp", "trustly"),))
    before = said.canary[()].bad
    assert (await world.play(SPLIT)).canary[()].bad == before


async def test_an_incident_hits_every_version() -> None:
    world = World()
    world.metrics.incident = 0.1
    said = await world.play(SPLIT)
    assert said.baseline is not None
    assert near(said.canary[()].bad, 200)
    assert near(said.baseline[()].bad, 800)


async def test_events_that_must_not_happen_have_no_good_ones() -> None:
    world = World()
    world.metrics.break_version("1.1.0", 0.01)
    await world.play(SPLIT)
    said = await world.read(replace(QUERY, sli=EventsSli("double_debits_total")))
    assert said.canary[()].good == 0
    assert near(said.canary[()].total, 20)


async def test_only_the_span_that_was_asked_for_counts() -> None:
    world = World()
    await world.play(SPLIT, 50.0)
    await world.play(SPLIT, 50.0)
    halves = [replace(QUERY, until=START + 50.0), replace(QUERY, since=START + 50.0)]
    first, second = [(await world.read(half)).canary[()].total for half in halves]
    assert first + second == (await world.read()).canary[()].total
    assert near(first, 1_000)


async def test_without_a_baseline_there_is_none() -> None:
    world = World()
    await world.play(stable_routes("shop", "1.1.0"))
    assert (await world.read(replace(QUERY, baseline=None))).baseline is None


async def test_outages_are_silence_or_trouble() -> None:
    world = World()
    world.metrics.outage = "scrapes time out"
    assert await world.metrics.read(QUERY) == Silence("scrapes time out")
    world.metrics.outage = None
    world.metrics.blind.add("deposits_total")
    assert await world.metrics.read(QUERY) == Silence("nobody exports deposits_total")
    assert await world.metrics.probe(QUERY.sli, (), "shop", "1.0.0") == "shop 1.0.0 exports no metric deposits_total"
    world.metrics.blind.clear()
    assert await world.metrics.probe(QUERY.sli, (), "shop", "1.0.0") is None
    world.metrics.unreachable = True
    with pytest.raises(Transient):
        await world.metrics.read(QUERY)


async def test_it_knows_what_it_watches() -> None:
    world = World()
    target = ScrapeTarget(Endpoint("127.0.0.1", 1), "/metrics")
    await world.metrics.watch({VersionKey("shop", "1.0.0"): (target,), VersionKey("shop", "1.1.0"): ()})
    assert world.metrics.watched == {VersionKey("shop", "1.0.0")}
