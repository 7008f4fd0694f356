"""The plan that documents make, and what is refused before anybody is exposed."""

import threading
from typing import Any

import pytest

from croupier.control import planning
from croupier.control.rollouts import Ask
from croupier.core.gates import Comparison, Gate, RatioSli
from croupier.core.rollout.prove import prove
from croupier.core.rollout.spec import RolloutSpec, SetWeight
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import NotFound, Rejected

ANNA = Ask("anna", "because")
BORIS = Ask("boris", "harm")


async def test_many_gates_are_tried_out_beside_the_loop(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take a third of a second, in which no abort would come through."""
    threads: list[int] = []

    def noted(*asked: Any) -> Any:
        threads.append(threading.get_ident())
        return prove(*asked)

    monkeypatch.setattr(planning, "prove", noted)
    await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    monkeypatch.setattr(planning, "_MANY", 0)
    await shop.a.rollouts.start("shop", "1.2.0", ANNA)
    ours = threading.get_ident()
    assert [thread == ours for thread in threads] == [True, False]


async def test_one_of_several_strategies_is_to_be_named(shop: Any) -> None:
    await shop.declare(RolloutSpec("careful", "shop", (SetWeight(100),)))
    with pytest.raises(Rejected, match="several Rollouts: careful, shop") as refused:
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert refused.value.hint == "Choose one: --strategy NAME."
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA, strategy="careful")
    assert outcome.rollout.value.plan.steps == (SetWeight(100),)


async def test_a_service_without_a_strategy(bare: Any) -> None:
    await bare.open()
    documents = bare.store.documents

    async def none(kind: str | None = None) -> list[Any]:
        return [item for item in await documents(kind) if item.value.kind != "Rollout"]

    bare.store.documents = none
    with pytest.raises(NotFound, match="No Rollout says how to roll out shop"):
        await bare.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_the_plan_holds_the_segment_and_stays_as_it_was(shop: Any) -> None:
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    await shop.declare(staff, RolloutSpec("shop", "shop", (SetWeight(5_000),), segment="staff"))
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    await shop.declare(RolloutSpec("shop", "shop", (SetWeight(100),)))
    found = await shop.state(outcome.rollout.value.id)
    assert (found.plan.segment, found.plan.steps) == (staff, (SetWeight(5_000),))


async def test_a_gate_that_can_never_see_anything_is_refused_before_anybody_is_exposed(shop: Any) -> None:
    shop.metrics.blind.add("requests_total")
    with pytest.raises(Rejected, match=r"Gate ok cannot judge shop: shop 1\.0\.0 exports no metric"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert await shop.store.rollout("shop-2") is None


async def test_a_gate_that_cannot_fail_next_to_this_stable_version_is_refused(shop: Any) -> None:
    sli = RatioSli("requests_total", good=(("outcome", ("ok",)),))
    await shop.declare(Gate("ok", sli, comparison=Comparison(max_ratio=2.0)))
    shop.metrics.break_version("1.0.0", 0.6)
    await shop.clock.advance(60.0)
    with pytest.raises(Rejected, match=r"Gate ok cannot turn red for shop: [0-9.]+ % of the stable version's own"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    await shop.declare(Gate("ok", sli, comparison=Comparison(max_ratio=2.0), advisory=True))
    await shop.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_a_first_deployment_has_nothing_to_probe(bare: Any) -> None:
    bare.metrics.blind.add("requests_total")
    await bare.open()
    assert bare.served.default == "1.0.0"


async def test_a_plan_with_a_gate_that_is_gone(shop: Any) -> None:
    await shop.declare(RolloutSpec("shop", "shop", (SetWeight(100),), guards=("nosuch",)))
    with pytest.raises(Rejected, match="there is no gate 'nosuch'"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
