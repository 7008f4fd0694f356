"""Taking a document out: recorded, refused while somebody uses it, and back when it is applied again."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.control.ports import Document, Stored
from croupier.control.removing import Wish, remove, uses
from croupier.control.rollouts import Ask
from croupier.core.gates import Gate, RatioSli
from croupier.core.releases import ProcessTemplate, Service
from croupier.errors import Conflict, NotFound, Rejected

SPARE = Gate("spare", RatioSli("m", good=()))
BAR = Service("bar", ("/bar",), ProcessTemplate(("bar",)))
ASK = Ask("anna", "because")
WISH = Wish("Gate", "spare", "anna", "a slip")


async def take_out(shop: Any, wish: Wish = WISH) -> Stored[Document]:
    return await remove(shop.a.catalog, wish, lambda _: None)


async def kinds(shop: Any) -> list[tuple[str, str]]:
    return [(item.value.kind, item.value.name) for item in await shop.store.documents()]


async def test_what_nobody_uses_is_taken_out_and_recorded(shop: Any) -> None:
    await shop.declare(SPARE)
    shop.woken()
    gone = await take_out(shop)
    assert gone.value.spec == SPARE
    assert ("Gate", "spare") not in await kinds(shop)
    entry = await shop.newest()
    assert (entry.actor, entry.action, entry.reason) == ("anna", "delete", "a slip")
    assert entry.subject == "document/Gate/spare"
    assert [event["type"] for event in entry.events] == ["document_removed"]
    assert shop.woken()
    assert (await shop.store.verify()).ok
    await shop.declare(SPARE)
    assert ("Gate", "spare") in await kinds(shop)
    assert (await shop.store.verify()).ok


async def test_what_is_used_stays(shop: Any) -> None:
    await shop.roll_out()
    before = await shop.entries()
    for kind, name, why in (
        ("Gate", "ok", "Gate ok is in use: shop-2 is in progress with it; the Rollout shop names it"),
        ("Service", "shop", r"Service shop is in use: 1\.0\.0 of it serves players; shop-2"),
    ):
        with pytest.raises(Conflict, match=why):
            await take_out(shop, replace(WISH, kind=kind, name=name))
    with pytest.raises(Conflict, match=r"Gate ok is in use: .*; somebody else"):
        await take_out(shop, replace(WISH, name="ok", held=("somebody else",)))
    (gate,) = await shop.store.documents("Gate")
    assert len(await uses(shop.a.catalog.ports, gate.value)) == 2
    assert await shop.entries() == before


async def test_what_is_not_there_or_stays_for_ever(shop: Any) -> None:
    with pytest.raises(NotFound, match="There is no Gate spare"):
        await take_out(shop)
    with pytest.raises(Rejected, match="A Segment is not taken out"):
        await take_out(shop, replace(WISH, kind="Segment"))


async def test_somebody_changed_it_meanwhile(shop: Any) -> None:
    await shop.declare(SPARE)
    with pytest.raises(Conflict, match="Gate spare changed meanwhile"):
        await take_out(shop, replace(WISH, expected=7))

    async def other() -> None:
        await shop.declare(Gate("spare", RatioSli("other", good=())))

    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict, match="Gate spare is at version 2, not at 1"):
        await take_out(shop, replace(WISH, expected=1))


async def test_a_service_that_never_served_goes_and_comes_back(shop: Any) -> None:
    await shop.declare(BAR)
    await take_out(shop, replace(WISH, kind="Service", name="bar"))
    await shop.turn()
    assert [service.name for service in (routed.service for routed in shop.router.table.services)] == ["shop"]
    await shop.declare(BAR)
    assert await shop.start_bar() == "bar-1"


async def test_no_rollout_begins_while_its_service_is_taken_out(shop: Any) -> None:
    await shop.declare(BAR)

    async def other() -> None:
        await shop.start_bar()

    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict, match="service bar is at version"):
        await take_out(shop, replace(WISH, kind="Service", name="bar"))
    assert ("Service", "bar") in await kinds(shop)


async def test_the_rollout_document_may_go_while_its_plan_goes_on(shop: Any) -> None:
    rollout = await shop.roll_out()
    await take_out(shop, replace(WISH, kind="Rollout", name="shop"))
    await shop.turn()
    assert (await shop.state(rollout)).confirmed_bp == 2_000
    await shop.a.rollouts.abort(rollout, ASK)
    await shop.turn(2)
    with pytest.raises(NotFound, match="No Rollout says how to roll out shop"):
        await shop.a.rollouts.start("shop", "1.2.0", ASK)


async def test_a_rollout_of_a_service_that_is_gone_is_not_begun_again(shop: Any) -> None:
    rollout = await shop.start_bar()
    await shop.turn()
    await shop.a.rollouts.abort(rollout, ASK)
    await shop.turn(3)
    assert (await shop.state(rollout)).phase == "aborted"
    await take_out(shop, replace(WISH, kind="Rollout", name="bar"))
    await take_out(shop, replace(WISH, kind="Service", name="bar"))
    with pytest.raises(NotFound, match="There is no service 'bar'"):
        await shop.a.rollouts.retry(rollout, ASK)
    await shop.turn(3)
    assert (await shop.state(rollout)).phase == "aborted"
