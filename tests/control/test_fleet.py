"""What is recorded of everything delivered: the wanted traffic, what must run, and the data plane's table."""

from dataclasses import replace
from typing import Any

from croupier.control.fleet import Fleet, read_fleet
from croupier.control.ports import Backend, Endpoint, Health, ServiceState, Stored, VersionKey, WorkloadStatus
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.core.rollout.spec import Plan
from croupier.core.rollout.state import Phase, RolloutState

PROCESS = ProcessTemplate(("serve",))
SERVICES = {name: Service(name, (f"/{name}",), PROCESS) for name in ("auth", "shop")}
STATE = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", Plan((), (), ()), 1.0))
HERE = Endpoint("127.0.0.1", 1)


def fleet(state: RolloutState | None = None, *, stable: str | None = "1.0.0") -> Fleet:
    active = state.id if state else None
    deliveries = {"shop": Stored(ServiceState("shop", stable, active, 1), 1)}
    return Fleet(3, SERVICES, deliveries, {state.id: Stored(state, 1)} if state else {})


def keys(*versions: str) -> set[VersionKey]:
    return {VersionKey("shop", version) for version in versions}


def test_a_service_that_was_never_delivered() -> None:
    empty = Fleet(services=SERVICES)
    assert empty.rollout_of("auth") is None
    assert empty.wanted_routes("auth") == stable_routes("auth", None)
    assert empty.needed() == set()
    assert [item.routes.versions for item in empty.table(set(), {}).services] == [(), ()]


def test_a_service_between_two_rollouts() -> None:
    assert fleet().wanted_routes("shop") == stable_routes("shop", "1.0.0")
    assert fleet().needed() == keys("1.0.0")


def test_a_rollout_in_progress() -> None:
    state = replace(STATE, phase=Phase.PROGRESSING, step=0, weight_bp=500)
    found = fleet(state)
    assert found.rollout_of("shop") == state
    assert found.wanted_routes("shop") == canary_routes("shop", "1.0.0", "1.1.0", 500, salt=state.salt)
    assert found.needed() == keys("1.0.0", "1.1.0")


def test_the_way_back_stays_open_to_the_end() -> None:
    promoting = replace(STATE, phase=Phase.PROMOTING, weight_bp=10_000)
    assert fleet(promoting).needed() == keys("1.0.0", "1.1.0")


def test_a_canary_that_is_given_up_need_not_run() -> None:
    assert fleet(replace(STATE, phase=Phase.ABORTING)).needed() == keys("1.0.0")


def test_a_first_deployment() -> None:
    assert fleet(replace(STATE, stable=None), stable=None).needed() == keys("1.1.0")


def test_a_rollout_that_is_named_but_not_known() -> None:
    """The service's record was read a moment later than the rollouts: it serves the stable version."""
    known = replace(fleet(STATE), rollouts={})
    assert known.rollout_of("shop") is None
    assert known.wanted_routes("shop") == stable_routes("shop", "1.0.0")


def test_the_table_names_every_version_that_runs_or_is_wanted() -> None:
    seen = {VersionKey("shop", "1.0.0"): WorkloadStatus(Health.READY, (HERE,))}
    gone = VersionKey("gone", "1.0.0")
    table = fleet(STATE).table({gone, *keys("0.9.0", "1.1.0")}, seen)
    assert [item.service.name for item in table.services] == ["auth", "shop"]
    assert table.backends == (
        Backend(VersionKey("shop", "0.9.0"), ()),
        Backend(VersionKey("shop", "1.0.0"), (HERE,)),
        Backend(VersionKey("shop", "1.1.0"), ()),
    )


def test_one_recorded_change() -> None:
    before = fleet(STATE)
    ended = Stored(replace(STATE, phase=Phase.ABORTED), 2)
    after = before.with_rollout(ended, Stored(ServiceState("shop", "1.0.0", None, 1), 2), 4)
    assert (after.size, after.rollout_of("shop")) == (4, None)
    assert before.rollout_of("shop") == STATE
    same = before.with_rollout(Stored(replace(STATE, phase=Phase.ABORTING), 2), None, 4)
    assert same.deliveries == before.deliveries


async def test_everything_is_read(shop: Any) -> None:
    rollout = await shop.roll_out()
    found = await read_fleet(shop.store, 42)
    assert (found.size, list(found.services), list(found.rollouts)) == (42, ["shop"], [rollout])
    assert found.deliveries["shop"].value.active == rollout
