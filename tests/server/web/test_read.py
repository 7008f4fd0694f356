"""The facts about a rollout, and what is remembered of long histories."""

from typing import Any

import pytest

from croupier.server.web.charts import Mark
from croupier.server.web.past import Past
from croupier.server.web.read import facts


async def test_nobody_was_exposed(world: Any) -> None:
    await world.declare()
    state = (await world.store.rollout("shop-1")).value
    found = facts(state, (), state.ended_at)
    assert (found.exposed_s, found.highest, found.detection_s, found.zero_s) == (None, 0.0, None, None)


async def test_exposure_ends_with_the_last_player(shop: Any) -> None:
    await shop.post("/rollouts/shop-2/abort", {"reason": "enough"})
    await shop.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    state = (await shop.store.rollout("shop-2")).value
    zero = state.abort.zero_at
    found = facts(state, (Mark(zero - 60.0, 5.0), Mark(zero - 30.0, 20.0), Mark(zero, 0.0)), zero + 1_000.0)
    assert found.exposed_s == pytest.approx(60.0)
    assert found.highest == 20.0
    assert found.zero_s == pytest.approx(zero - state.abort.at)


async def test_nothing_of_a_history_is_read_twice(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that lives reads after every look of a gate, of which a history may have ten thousands."""
    past, seen = Past(), list[int]()
    journal = shop.context.ports.journal
    read = journal.entries

    async def counted(*asked: Any) -> Any:
        found = await read(*asked)
        seen.extend(recorded.seq for recorded in found if len(asked) > 2)  # not the reader of all streams
        return found

    monkeypatch.setattr(journal, "entries", counted)
    stored = await shop.store.rollout("shop-2")
    first = (await past.tale(shop.context, stored)).marks
    assert (await past.tale(shop.context, stored)).marks == first
    await shop.post("/rollouts/shop-2/abort")
    await shop.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    weights = (await past.tale(shop.context, await shop.store.rollout("shop-2"))).marks
    assert (weights[: len(first)], weights[-1].weight) == (first, 0.0)
    assert len(seen) == len(set(seen)) > 1
