"""What is recorded of everything delivered: the wanted traffic, what must run, and the data plane's table."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from croupier.control.fleet import Fleet, Pinned, read_fleet
from croupier.control.ports import Backend, Endpoint, Health, ServiceState, Stored, VersionKey, WorkloadStatus
from croupier.core.releases import IdKind, IdSource, ProcessTemplate, Service, Where
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.pins import NO_PINS, Known, Open, PinnedId, Pins
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.core.rollout.spec import Plan
from croupier.core.rollout.state import RolloutState
from croupier.testing.leading import Request, led_to

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


V = st.sampled_from(["0.9.0", "1.0.0", "1.1.0", "1.2.0"])
PINNED = st.builds(
    Pinned,
    known=st.builds(
        Known,
        st.dictionaries(V, st.builds(Open, st.integers(0, 2))),
        st.lists(st.builds(PinnedId, st.just("round"), st.sampled_from(["a", "b"]), V), max_size=2).map(tuple),
    ),
    served=st.sets(V).map(lambda found: Pins(tuple(sorted(found)))),
    gone=st.frozensets(V),
    barred=st.frozensets(V),
)
COURSES = st.sampled_from(
    [
        replace(STATE, phase=Phase.PENDING),
        replace(STATE, phase=Phase.PAUSED, hold=Hold.APPROVAL),
        replace(STATE, phase=Phase.PROGRESSING, step=0),
        replace(STATE, phase=Phase.PROGRESSING, step=0, weight_bp=500),
        replace(STATE, phase=Phase.PROMOTING, step=0, weight_bp=10_000),
        replace(STATE, phase=Phase.ABORTING, step=0),
    ]
)
MADE_UP = st.lists(st.sampled_from(["a", "@", "%40", "0.9.0", "1.0.0", "1.1.0", "9.9.9"]), max_size=4).map("".join)


@given(COURSES, PINNED, MADE_UP)
def test_an_id_that_a_client_made_up_leads_where_others_are_led_and_never_before_a_rollout_begins(
    state: RolloutState, pinned: Pinned, made_up: str
) -> None:
    routes = replace(fleet(state), pinned={"shop": pinned}).wanted_routes("shop")
    kinds = (IdKind("round", (IdSource(Where.HEADER, "x-round-id"), IdSource(Where.QUERY, "round"))),)
    to = led_to(routes.pins, kinds, Request(f"/shop?round={made_up}", {"x-round-id": made_up}))
    # Versions that have players, open rounds, or had ids led to them until now; nothing else has a name in the routes.
    known = {version for version, found in pinned.known.versions.items() if found.count}
    known |= {each.version for each in pinned.known.unnamed}
    assert to is None or to in known | pinned.served.targets | set(routes.assigned)
    begun = state.step >= 0 or state.phase is Phase.ABORTING
    assert begun or to != state.canary or state.canary in pinned.served.targets


def test_an_id_waits_for_the_beginning_of_a_rollout() -> None:
    """The same without chance."""
    pinned = Pinned(Known({"1.1.0": Open(1), "1.0.0": Open(1)}))
    for state, found in (
        (replace(STATE, phase=Phase.PENDING), NO_PINS),
        (replace(STATE, phase=Phase.PAUSED, hold=Hold.APPROVAL), NO_PINS),
        (replace(STATE, phase=Phase.PROGRESSING, step=0), Pins(("1.0.0", "1.1.0"))),
    ):
        assert replace(fleet(state), pinned={"shop": pinned}).wanted_routes("shop").pins == found
