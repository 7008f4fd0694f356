"""The switches of the data plane in memory; that it keeps the port's contract is shown by the routers' suite."""

import pytest

from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.errors import Rejected, Transient
from croupier.testing import MemoryRouter, VirtualClock

STABLE = stable_routes("shop", "1.0.0")
SPLIT = canary_routes("shop", "1.0.0", "1.1.0", 5_000, salt="s")
SERVICE = Service("shop", ("/shop",), ProcessTemplate(("serve",)))


def table(routes: ServiceRoutes, *instances: str) -> TrafficTable:
    endpoint = (Endpoint("127.0.0.1", 1),)
    backends = tuple(
        Backend(VersionKey("shop", name), endpoint if name in instances else ()) for name in routes.versions
    )
    return TrafficTable((RoutedService(SERVICE, routes),), backends)


async def test_out_of_reach_it_serves_on() -> None:
    router = MemoryRouter(VirtualClock())
    await router.apply(table(STABLE))
    router.unreachable = True
    with pytest.raises(Transient, match="does not answer"):
        await router.apply(table(SPLIT))
    with pytest.raises(Transient, match="does not answer"):
        await router.served()
    assert router.routes("shop") == STABLE
    assert router.routes("unknown") is None


async def test_slow_to_confirm_it_serves_the_new_table_in_the_end() -> None:
    clock = VirtualClock()
    router = MemoryRouter(clock)
    await router.apply(table(STABLE))
    router.confirms_after_s = 3.0
    for passed in (0.0, 2.0):
        await clock.advance(passed)
        with pytest.raises(Transient, match="has not confirmed"):
            await router.apply(table(SPLIT))
        assert await router.served() == {"shop": STABLE}
        assert router.in_flight
    await clock.advance(1.0)
    assert not router.in_flight
    assert await router.served() == {"shop": SPLIT}
    await router.apply(table(SPLIT))


async def test_another_table_overtakes_one_that_is_not_confirmed() -> None:
    clock = VirtualClock()
    router = MemoryRouter(clock)
    await router.apply(table(STABLE))
    router.confirms_after_s = 3.0
    with pytest.raises(Transient):
        await router.apply(table(SPLIT))
    await router.apply(table(STABLE))
    await clock.advance(10.0)
    assert await router.served() == {"shop": STABLE}


async def test_it_can_refuse_and_it_can_lose() -> None:
    router = MemoryRouter(VirtualClock())
    router.refuses = "no listener"
    with pytest.raises(Rejected, match="refuses the table: no listener"):
        await router.apply(table(STABLE))
    router.refuses, router.loses = None, True
    await router.apply(table(STABLE))
    assert await router.served() == {}
    router.loses = False
    await router.apply(table(STABLE))
    assert await router.served() == {"shop": STABLE}


async def test_players_are_answered_by_instances() -> None:
    router = MemoryRouter(VirtualClock())
    assert router.backend("shop", "player-1") is None
    await router.apply(table(SPLIT, "1.0.0"))
    answers = {router.backend("shop", f"player-{number}") for number in range(50)}
    assert answers == {"1.0.0", None}  # the canary has a share, but no instance
