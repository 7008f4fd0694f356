"""What every TrafficRouter must do, fake or real. Add one by a line in ``ROUTERS``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.control.ports import Backend, RoutedService, TrafficRouter, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.exposure import Inside
from croupier.core.rollout.routes import ServiceRoutes, Share, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected
from croupier.testing import MemoryRouter, VirtualClock


class MakeRouter(Protocol):
    def __call__(self, run_dir: Path, port: int) -> AbstractAsyncContextManager[TrafficRouter]: ...


@asynccontextmanager
async def envoy(run_dir: Path, port: int) -> AsyncIterator[TrafficRouter]:
    edge = EnvoyRouter(EnvoySettings(run_dir=run_dir, port=port, concurrency=1, linger_s=0.1))
    await edge.start()
    try:
        yield edge
    finally:
        await edge.stop(keep_serving=False)


@asynccontextmanager
async def memory(run_dir: Path, port: int) -> AsyncIterator[TrafficRouter]:
    yield MemoryRouter(VirtualClock())


ROUTERS = [
    pytest.param(memory, id="memory"),
    pytest.param(envoy, id="envoy", marks=pytest.mark.envoy),
]


@pytest.fixture(params=ROUTERS)
async def router(request: pytest.FixtureRequest, run_dir: Path, free_port: int) -> AsyncIterator[TrafficRouter]:
    make: MakeRouter = request.param
    async with make(run_dir, free_port) as made:
        yield made


GERMANY = Segment(name="germany", matches=(AttributeMatch("market", ("DE",)),))
STABLE = stable_routes("payments", "1.0.0")
NORTH = Segment(name="market=NO,SE", matches=(AttributeMatch("market", ("NO", "SE")),))
BY_SEGMENT = tuple(
    canary_routes("payments", "1.0.0", "1.1.0", weight, salt="payments/7", insides=shares)
    for weight in (0, 100)
    for shares in ((Inside(GERMANY, 10_000),), (Inside(NORTH, 1_000), Inside(GERMANY, 10_000)))
)
SPLIT = canary_routes("payments", "1.0.0", "1.1.0", 500, salt="payments/7", segment=GERMANY)
EVERYBODY = canary_routes("payments", "1.0.0", "1.1.0", 10_000, salt="payments/7")


def service(name: str) -> Service:
    process = ProcessTemplate(command=("unused",))
    return Service(name=name, prefixes=(f"/{name}",), process=process, attribute_headers=(("market", "x-market"),))


def table(*routes: ServiceRoutes) -> TrafficTable:
    backends = [Backend(VersionKey(one.service, version), ()) for one in routes for version in one.versions]
    return TrafficTable(tuple(RoutedService(service(one.service), one) for one in routes), tuple(backends))


async def test_it_serves_nothing_at_first(router: TrafficRouter) -> None:
    assert await router.served() == {}


async def test_it_serves_what_was_applied(router: TrafficRouter) -> None:
    for routes in (STABLE, SPLIT, replace(SPLIT, salt="payments/8"), *BY_SEGMENT, EVERYBODY, STABLE):
        await router.apply(table(routes))
        assert await router.served() == {"payments": routes}


async def test_services_are_independent(router: TrafficRouter) -> None:
    auth, empty = stable_routes("auth", "2.0.0"), stable_routes("promo", None)
    await router.apply(table(SPLIT, auth, empty))
    assert await router.served() == {"payments": SPLIT, "auth": auth, "promo": empty}
    await router.apply(table(auth))
    assert await router.served() == {"auth": auth}


async def test_a_weight_of_zero_is_kept_and_needs_no_backend(router: TrafficRouter) -> None:
    aborted = canary_routes("payments", "1.0.0", "1.1.0", 0, salt="s")
    await router.apply(table(aborted))
    assert await router.served() == {"payments": aborted}


async def test_applying_twice_is_harmless(router: TrafficRouter) -> None:
    for _ in range(3):
        await router.apply(table(SPLIT))
    assert await router.served() == {"payments": SPLIT}


async def test_a_cancelled_apply_leaves_the_next_one_unharmed(router: TrafficRouter) -> None:
    """An abort does not wait for the push before it."""
    for number in range(20):
        routes = [replace(SPLIT, salt=f"{number}/{attempt}") for attempt in range(2)]
        first = asyncio.create_task(router.apply(table(routes[0])))
        for _ in range(number):
            await asyncio.sleep(0)
        first.cancel()
        await router.apply(table(routes[1]))
        assert await router.served() == {"payments": routes[1]}
        await asyncio.gather(first, return_exceptions=True)
    assert (await router.served())["payments"].salt == "19/1"


UNKNOWN = Segment(name="vip", matches=(AttributeMatch("vip_level", ("9",)),))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(replace(table(SPLIT), backends=()), id="a version without a backend"),
        pytest.param(table(SPLIT, SPLIT), id="a service twice"),
        pytest.param(table(replace(SPLIT, shares=SPLIT.shares[:1])), id="nothing for everybody else"),
        pytest.param(
            table(canary_routes("payments", "1.0.0", "1.1.0", 500, salt="s", segment=UNKNOWN)),
            id="an attribute that no header carries",
        ),
        pytest.param(
            table(replace(STABLE, shares=(Share((("1.0.0", 4_000), ("1.0.0", 6_000))),))),
            id="a version with two weights",
        ),
    ],
)
async def test_a_wrong_table_changes_nothing(router: TrafficRouter, bad: TrafficTable) -> None:
    await router.apply(table(STABLE))
    with pytest.raises(Rejected):
        await router.apply(bad)
    assert await router.served() == {"payments": STABLE}
