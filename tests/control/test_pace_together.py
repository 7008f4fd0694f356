"""``steps: auto`` of services that move as one: one ladder for all of them, by the traffic of all before the start."""

import pytest
from tests.control.test_together import ANNA, SECOND, SERVICES, World

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Query
from croupier.control.traffic import count_once
from croupier.core.gates import Comparison, Gate, RatioSli, Reading, SequentialRule, Silence
from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Auto, Pace, RolloutSpec, SetWeight
from croupier.testing.metrics import ScriptedMetrics

OK = (("outcome", ("ok",)),)
EVIDENCE = Gate("evidence", RatioSli("requests_total", good=OK), comparison=Comparison(), rule=SequentialRule())
PACED = RolloutSpec("paced", "wallet", (Auto(bake=8, watch_s=60.0),), guards=("evidence",), services=SERVICES)


@pytest.fixture
async def paced(store: SqlStore) -> World:
    world = World(store, seed=1)
    await world.begin()
    await world.declare_several((), (PACED,), [EVIDENCE])
    await world.play(20)
    return world


async def begun(world: World) -> None:
    await world.people.start_together(SECOND, ANNA, strategy="paced")


async def test_all_have_the_same_weights_and_reach_everybody_by_themselves(paced: World) -> None:
    await begun(paced)
    plans = [state.plan for state in await paced.members()]
    ladders = [[step.weight_bp for step in plan.steps if isinstance(step, SetWeight)] for plan in plans]
    assert ladders[0] == ladders[1]
    rates = {plan.pace.per_s for plan in plans if plan.pace is not None}
    (rate,) = rates
    assert rate is not None
    assert ladders[0][0] == plans[0].pace.first_bp  # type: ignore[union-attr]
    for _ in range(240):
        await paced.pass_time(5.0)
        await paced.tick(paced.sites[0])
        if await paced.phases() == {Phase.SUCCEEDED}:
            break
    assert await paced.phases() == {Phase.SUCCEEDED}
    for name in SERVICES:
        history = await paced.store.history(f"{name}-2")
        confirmed = [event.weight_bp for event in history if isinstance(event, e.WeightConfirmed)]
        assert list(dict.fromkeys(confirmed)) == [*ladders[0], 10_000]
        assert all(verdict.agrees for verdict in rejudge(history))


async def test_a_fault_of_one_takes_all_back(paced: World) -> None:
    await begun(paced)
    paced.metrics.break_version("2.0.0", 0.5)
    for _ in range(240):
        await paced.pass_time(5.0)
        await paced.tick(paced.sites[0])
    assert await paced.phases() == {Phase.ABORTED}


class Heard(ScriptedMetrics):
    """Notes of which services it was asked, and says nothing of some."""

    silent: frozenset[str] = frozenset()

    async def read(self, query: Query) -> Reading | Silence:
        self.asked.append(query.service)
        return Silence("nobody says") if query.service in self.silent else await super().read(query)

    asked: list[str]


def hearing(world: World, *silent: str) -> Heard:
    heard = Heard(world.clock, world.router, seed=1)
    heard.asked, heard.silent = [], frozenset(silent)
    world.metrics = heard
    world.restart(world.sites[0])
    return heard


async def test_where_the_traffic_of_one_is_not_known_they_begin_as_low_as_that(paced: World) -> None:
    hearing(paced, "wallet")
    await begun(paced)
    paces = {state.plan.pace for state in await paced.members()}
    assert paces == {Pace(None, 100, 5_000)}


async def test_the_traffic_of_each_is_asked_for_before_anybody_starts(paced: World) -> None:
    heard = hearing(paced)
    await count_once(paced.sites[0].rollouts.ports)
    assert heard.asked == [*SERVICES]
