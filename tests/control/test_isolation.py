"""One service's mistake, or a record that is not the right one, must not stop or take away what serves."""

import asyncio
from typing import Any

import pytest
from tests.control.conftest import STEPS

from croupier.control import gathering
from croupier.control.fleet import Fleet
from croupier.control.isolation import strangers, without_blamed
from croupier.control.observe import ask_gates
from croupier.control.ports import (
    Backend,
    Endpoint,
    Query,
    RoutedService,
    ServiceState,
    Stored,
    TrafficTable,
    VersionKey,
)
from croupier.control.rollouts import Ask
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.core.rollout.spec import RolloutSpec
from croupier.errors import Problem, Rejected

BORIS = Ask("boris", "harm")
PROCESS = ProcessTemplate(("serve",))
CANARY = canary_routes("shop", "1.0.0", "1.1.0", 500, salt="shop-2.1")


def routed(name: str, routes: Any) -> RoutedService:
    return RoutedService(Service(name, (f"/{name}",), PROCESS), routes)


def table(*services: RoutedService) -> TrafficTable:
    keys = [VersionKey(item.service.name, version) for item in services for version in item.routes.versions]
    return TrafficTable(services, tuple(Backend(key, (Endpoint("127.0.0.1", 1),)) for key in keys))


def refusal(*names: str) -> Rejected:
    return Rejected("no", problems=(Problem("nobody named"), *(Problem("wrong", (name, "prefixes")) for name in names)))


def test_who_is_blamed_serves_its_default_version_alone() -> None:
    auth = routed("auth", stable_routes("auth", "2.0.0"))
    rest = without_blamed(table(auth, routed("shop", CANARY)), refusal("shop"))
    assert rest
    assert rest.services == (auth, routed("shop", stable_routes("shop", "1.0.0")))
    assert len(rest.backends) == 3  # the canary's instances stay reachable while it is left


def test_who_is_blamed_and_serves_nobody_yet_is_left_out() -> None:
    auth = routed("auth", stable_routes("auth", "2.0.0"))
    rest = without_blamed(table(auth, routed("new", stable_routes("new", None))), refusal("new"))
    assert rest == table(auth)


@pytest.mark.parametrize("blamed", [(), ("other",), ("shop",)])
def test_nothing_would_be_other_than_before(blamed: tuple[str, ...]) -> None:
    assert without_blamed(table(routed("shop", stable_routes("shop", "1.0.0"))), refusal(*blamed)) is None


@pytest.mark.parametrize(
    "state, unknown",
    [
        (None, ("shop",)),
        (ServiceState("shop"), ("shop",)),
        (ServiceState("shop", rollouts=1), ()),
        (ServiceState("shop", stable="1.0.0"), ()),
    ],
)
def test_what_is_served_and_was_never_rolled_out(state: ServiceState | None, unknown: tuple[str, ...]) -> None:
    fleet = Fleet(deliveries={"shop": Stored(state, 1)} if state else {})
    served = {"shop": stable_routes("shop", "1.0.0"), "new": stable_routes("new", None)}
    assert strangers(served, fleet) == unknown
    assert strangers({}, fleet) == ()


@pytest.mark.parametrize("rest_too", [False, True])
async def test_an_abort_gets_through_beside_a_service_that_is_refused(shop: Any, rest_too: bool) -> None:
    rollout = await shop.roll_out()
    await shop.declare(Service("bad", ("/shop",), PROCESS))
    apply, asked = shop.router.apply, []

    async def refusing(wanted: TrafficTable) -> None:
        asked.append(wanted)
        if rest_too or any(item.service.name == "bad" for item in wanted.services):
            raise refusal("bad")
        await apply(wanted)

    shop.router.apply = refusing
    await shop.a.rollouts.abort(rollout, BORIS)
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is (Phase.ABORTING if rest_too else Phase.ABORTED)
    assert [[item.service.name for item in wanted.services] for wanted in asked[:2]] == [["bad", "shop"], ["shop"]]
    shop.router.apply = apply
    await shop.turn(2)
    assert (await shop.state(rollout)).phase is Phase.ABORTED


@pytest.fixture
async def two(shop: Any) -> tuple[str, str]:
    """Rollouts of two services, both at their first pause."""
    ours = await shop.roll_out()
    await shop.declare(Service("lobby", ("/lobby",), PROCESS), RolloutSpec("lobby", "lobby", STEPS, ("ok",)))
    added = [Release("lobby", version, PROCESS, f"sha256:{version}") for version in ("1.0.0", "1.1.0")]
    await shop.a.catalog.apply([], added, actor="anna")
    await shop.a.rollouts.start("lobby", "1.0.0", BORIS)
    await shop.turn(3)
    theirs = await shop.a.rollouts.start("lobby", "1.1.0", BORIS)
    await shop.turn(3)
    return ours, theirs.rollout.value.id


async def test_no_rollout_waits_for_another_ones_source(shop: Any, two: tuple[str, str]) -> None:
    """Each answer here comes only when the other rollout's gate has asked, too."""
    both, read = asyncio.Barrier(2), shop.metrics.read

    async def together(query: Query) -> Any:
        await both.wait()
        return await read(query)

    began = shop.clock.now()
    shop.metrics.read = together
    async with asyncio.timeout(120):
        await shop.turn(1, after=70.0)
    assert all([(await shop.state(rollout)).gate_state("ok").judged_at > began for rollout in two])


async def test_gates_that_cannot_be_asked_keep_no_other_rollout_waiting(
    shop: Any, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(ports: Any, state: Any, *rest: Any) -> Any:
        if state.id == two[0]:
            raise ValueError("a mistake of ours")
        return await ask_gates(ports, state, *rest)

    monkeypatch.setattr(gathering, "ask_gates", broken)
    began = shop.clock.now()
    await shop.turn(1, after=70.0)
    assert (await shop.state(two[1])).gate_state("ok").judged_at > began
    assert f"{two[0]}: its gates could not be asked; the others go on" in caplog.text


async def test_a_rollout_that_somebody_changes_keeps_no_other_one_waiting(shop: Any, two: tuple[str, str]) -> None:
    """The first one is aborted while it is decided; the other one's look is recorded in the same turn."""
    began = shop.clock.now()
    shop.a.happenings.once["before commit"] = lambda: shop.site("b").rollouts.abort(two[0], BORIS)
    await shop.turn(1, after=70.0)
    assert (await shop.state(two[1])).gate_state("ok").judged_at > began
    await shop.turn(2)
    assert (await shop.state(two[0])).phase is Phase.ABORTED


async def test_a_record_that_knows_nothing_of_what_serves_touches_nothing(
    bare: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The database was lost, or is another one's: what serves goes on serving."""
    left = table(routed("shop", stable_routes("shop", "1.0.0")))
    await bare.router.apply(left)
    await bare.workloads.apply({VersionKey("shop", "1.0.0"): PROCESS})
    await bare.turn()
    assert "this record knows nothing of it" in caplog.text
    assert (bare.router.table, bare.running()) == (left, {"1.0.0"})


async def test_an_empty_record_and_a_data_plane_out_of_sight(bare: Any) -> None:
    await bare.workloads.apply({VersionKey("shop", "1.0.0"): PROCESS})
    bare.router.unreachable = True
    await bare.turn()
    assert bare.running() == {"1.0.0"}
    assert bare.a.happenings.count("apply") == 0
