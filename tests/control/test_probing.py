"""What a start asks of metric sources: all gates at once, each for a bounded time."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.control.conftest import ANNA, GATE, STEPS

from croupier.control import observe, probing
from croupier.control.probing import Probed, probe
from croupier.core.gates import Counts, Gate, RatioSli
from croupier.core.rollout.spec import RolloutSpec
from croupier.errors import Transient

GATES = (GATE, replace(GATE, name="too", source="otlp"), replace(GATE, name="three"))


def answering(shop: Any, **answers: Any) -> list[str]:
    """The source says so of metrics by name, after a moment; the names that it was asked for."""
    asked: list[str] = []

    async def said(sli: Any, *_: Any) -> Any:
        asked.append(sli.metric)
        answer = answers.get(sli.metric)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shop.metrics.probe = said
    return asked


def named(metric: str) -> Gate:
    return replace(GATE, name=metric, sli=RatioSli(metric, good=(("outcome", ("ok",)),)))


async def test_gates_are_asked_for_at_once_and_told_in_their_order(shop: Any) -> None:
    """Each answer here comes only when every gate has asked."""
    all_of_them = asyncio.Barrier(3)

    async def together(*_: Any) -> None:
        await all_of_them.wait()

    shop.metrics.probe = together
    await shop.wait(5.0)
    async with asyncio.timeout(120):
        found = await probe(shop.a.reconciler.ports, GATES, "shop", "1.0.0")
    assert [each.gate for each in found] == list(GATES)
    assert all(each.blind is None and isinstance(each.usual, Counts) for each in found)


async def test_a_source_is_asked_for_so_many_gates_at_a_time(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "AT_ONCE", 1)
    asking, most = 0, 0

    async def counted(*_: Any) -> None:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0)
        asking -= 1

    shop.metrics.probe = counted
    await probe(shop.a.reconciler.ports, (GATES[0], GATES[2]), "shop", "1.0.0")
    assert most == 1


async def test_of_several_that_fail_the_first_gate_is_told(shop: Any) -> None:
    ports = shop.a.reconciler.ports
    gates = [named("a"), named("b"), named("c")]
    asked = answering(shop, b=Transient("b is away"), c=Transient("c is away"))
    with pytest.raises(Transient, match="b is away"):
        await probe(ports, gates, "shop", "1.0.0")
    assert asked == ["a", "b", "c"]
    answering(shop, b="it is not there")
    assert (await probe(ports, gates, "shop", "1.0.0"))[1] == Probed(gates[1], "it is not there")


async def test_a_source_is_told_of_the_gate_s_groups(shop: Any) -> None:
    told: list[tuple[str, ...]] = []

    async def probed(_sli: Any, by: tuple[str, ...], *_: Any) -> None:
        told.append(by)

    shop.metrics.probe = probed
    await probe(shop.a.reconciler.ports, (GATE, replace(GATE, by=("psp", "market"))), "shop", "1.0.0")
    assert told == [(), ("psp", "market")]


async def test_a_source_that_hangs_keeps_a_start_waiting_no_longer(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WITHIN_S", 0.01)
    await shop.declare(*GATES, RolloutSpec("shop", "shop", STEPS, tuple(gate.name for gate in GATES)))
    shop.a.happenings.silent.add("probe")
    why = r"Whether gate ok can judge shop is not known: its metric source did not answer within 0\.01 s\."
    async with asyncio.timeout(120):
        with pytest.raises(Transient, match=why):
            await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert await shop.store.rollout("shop-2") is None
