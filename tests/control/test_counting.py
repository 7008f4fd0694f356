"""What gates would count: of the stable version alone, of both during a rollout, of a source that is silent."""

from dataclasses import replace
from typing import Any

import pytest
from tests.control.conftest import ANNA

from croupier.control.counting import LOOKED_BACK_S, count
from croupier.core.gates import ClassicRule, Gate, Objective, RatioSli, Reading, Silence
from croupier.errors import Corrupt, NotFound

GATE = Gate(
    "ok", RatioSli("requests_total", good=(("outcome", ("ok",)),)), objective=Objective(0.95), rule=ClassicRule()
)


async def said(shop: Any) -> Any:
    return (await count(shop.a.reconciler.ports, "shop", [GATE])).said["ok"]


async def test_the_stable_version_is_counted_once(shop: Any) -> None:
    await shop.wait(LOOKED_BACK_S)
    found = await said(shop)
    assert isinstance(found, Reading)
    assert found.baseline is None
    assert found.until - found.since == LOOKED_BACK_S
    whole = found.canary[()]
    assert whole.total == pytest.approx(100 * LOOKED_BACK_S, rel=0.1)


async def test_during_a_rollout_both_versions_are(shop: Any) -> None:
    await shop.roll_out()
    await shop.wait(300)
    found = await said(shop)
    assert found.baseline is not None
    assert found.canary[()].total < found.baseline[()].total


async def test_after_a_rollout_only_what_the_stable_version_had_alone(shop: Any) -> None:
    await shop.wait(LOOKED_BACK_S)
    rollout = await shop.roll_out()
    await shop.wait(60)
    await shop.a.rollouts.abort(rollout, ANNA)
    await shop.turn(2)
    ended = (await shop.state(rollout)).ended_at
    just = await said(shop)
    assert just.until - just.since == 60
    await shop.wait(200)
    found = await said(shop)
    assert found.since == ended
    assert found.canary[()].total == pytest.approx(100 * (found.until - found.since), rel=0.1)


async def test_a_damaged_rollout_keeps_nobody_from_counting(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def damaged(_: str) -> Any:
        raise Corrupt("an entry is damaged")

    await shop.wait(LOOKED_BACK_S)
    monkeypatch.setattr(shop.store, "rollout", damaged)
    found = await said(shop)
    assert found.until - found.since == LOOKED_BACK_S


async def test_a_source_that_cannot_say(shop: Any) -> None:
    shop.metrics.outage = "no scrape yet"
    assert await said(shop) == Silence("no scrape yet")
    shop.metrics.outage, shop.metrics.unreachable = None, True
    assert await said(shop) == Silence("the metric source does not answer")


async def test_a_source_that_breaks_is_silent_for_its_gate_alone(shop: Any) -> None:
    await shop.wait(LOOKED_BACK_S)
    read = shop.metrics.read

    async def broken(query: Any) -> Any:
        if query.sli.metric == "other_total":
            raise OverflowError("infinite")
        return await read(query)

    shop.metrics.read = broken
    other = replace(GATE, name="other", sli=RatioSli("other_total", good=(("outcome", ("ok",)),)))
    found = (await count(shop.a.reconciler.ports, "shop", [other, GATE])).said
    assert found["other"] == Silence("the metric source failed: OverflowError: infinite")
    assert isinstance(found["ok"], Reading)


async def test_where_nothing_serves(bare: Any, shop: Any) -> None:
    with pytest.raises(NotFound, match="no service 'shoe'"):
        await count(shop.a.reconciler.ports, "shoe", [GATE])


async def test_where_nothing_serves_yet(bare: Any) -> None:
    from croupier.core.releases import ProcessTemplate, Service

    await bare.declare(Service("shop", ("/shop",), ProcessTemplate(("serve",))))
    found = await count(bare.a.reconciler.ports, "shop", [GATE])
    assert (found.stable, found.said["ok"]) == (None, Silence("nothing serves shop yet"))
