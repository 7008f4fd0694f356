"""What operators see of gates at ``/metrics``: how long looks take, what they had, how much of a budget is used."""

from dataclasses import replace
from typing import Any

import pytest
from tests.server.conftest import World, open_world, shop, until

from croupier.control.ports import Query
from croupier.core.gates import PROMETHEUS, EventsSli, Reading, Silence
from croupier.server.metrics import Metrics
from croupier.server.settings import Settings
from croupier.server.timed import TimedSource


async def test_gates_are_seen(settings: Settings) -> None:
    async with open_world(settings) as world:
        gate: dict[str, Any] = {"comparison": {"maxRatio": 1.1}, "sequential": {"interval": "1s"}}
        documents = shop(**gate)
        for document in documents:
            if document["kind"] == "Gate":
                document["spec"].pop("rule", None)
        answer = await world.post("/apply", {"documents": documents})
        assert answer.status_code == 200, answer.text
        await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
        await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
        await world.roll_out()
        page = await until(lambda: _page(world), lambda page: 'answer="counts",le="+Inf",source="embedded"' in page)
        assert 'croupier_gate_budget_used_ratio{gate="ok",rollout="shop-2"} ' in page


async def _page(world: World) -> str:
    return (await world.client.get("/metrics")).text


class Sometimes:
    """A source that has nothing, and then fails."""

    calls = 0

    async def read(self, query: Query) -> Reading | Silence:
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("surprise")
        return Silence("nothing yet")


async def test_silence_and_surprises_are_told_apart() -> None:
    metrics, query = Metrics(), _query()
    timed = TimedSource(Sometimes(), metrics)  # type: ignore[arg-type]
    assert await timed.read(query) == Silence("nothing yet")
    with pytest.raises(RuntimeError):
        await timed.read(replace(query, since=1.0))
    page = metrics.page().decode()
    for answer in ("nothing", "failed"):
        assert f'croupier_gate_look_seconds_count{{answer="{answer}",source="prometheus"}} 1.0' in page


def _query() -> Query:
    return Query(EventsSli("x_total"), (), "shop", "2", "1", 0.0, 10.0, PROMETHEUS)
