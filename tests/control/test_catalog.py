"""Taking in documents and releases: what changes, what does not, and that it is all of it or none."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.control.catalog import Applied, Effect
from croupier.control.ports import Answer, Document
from croupier.control.ports.pins import Opened, PinReport
from croupier.control.rollouts import Ask
from croupier.core.releases import Affinity, IdKind, IdSource, ProcessTemplate, Release, Service, Where
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.spec import Pause, RolloutSpec, SetSegment, SetWeight
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict

ANNA = Ask("anna", "because")
PROCESS = ProcessTemplate(command=("serve", "{port}"))
SHOP = Document("Service", "shop", "sha256:1", Service("shop", ("/shop",), PROCESS), {"kind": "Service"})


def segment(digest: str) -> Document:
    return Document(
        "Segment", "staff", digest, Segment("staff", (AttributeMatch("employee", ("yes",)),)), {"v": digest}
    )


def release(version: str = "1.0.0", digest: str = "sha256:" + "1" * 64) -> Release:
    return Release("shop", version, PROCESS, digest, notes="the first")


async def test_what_is_new_is_created_and_recorded(bare: Any) -> None:
    applied = await bare.a.catalog.apply([SHOP, segment("a")], [release()], actor="anna", reason="go")
    assert applied == (
        Applied("Service", "shop", Effect.CREATED),
        Applied("Segment", "staff", Effect.CREATED),
        Applied("Release", "shop-1.0.0", Effect.CREATED),
    )
    entries = [item.entry for item in await bare.store.entries()]
    assert [(item.action, item.subject) for item in entries] == [
        ("apply", "document/Service/shop"),
        ("apply", "document/Segment/staff"),
        ("release", "release/shop/1.0.0"),
    ]
    assert {(item.actor, item.reason) for item in entries} == {("anna", "go")}
    assert entries[2].events[0]["notes"] == "the first"
    (delivery,) = await bare.store.services()
    assert (delivery.value.service, delivery.value.stable) == ("shop", None)


async def test_what_is_the_same_changes_nothing(bare: Any) -> None:
    await bare.a.catalog.apply([SHOP], [release()], actor="anna")
    before, waking = await bare.entries(), bare.a.reconciler._urgent
    waking.clear()
    applied = await bare.a.catalog.apply([SHOP], [release()], actor="boris")
    assert {item.effect for item in applied} == {Effect.UNCHANGED}
    assert await bare.entries() == before
    assert not waking.is_set()


async def test_what_differs_is_updated(bare: Any) -> None:
    await bare.a.catalog.apply([segment("a")], [], actor="anna")
    applied = await bare.a.catalog.apply([segment("b"), SHOP], [], actor="anna")
    assert [item.effect for item in applied] == [Effect.UPDATED, Effect.CREATED]
    stored = {item.value.kind: item for item in await bare.store.documents()}
    assert (stored["Segment"].value.digest, stored["Segment"].version) == ("b", 2)


async def test_a_service_that_is_declared_again_keeps_what_serves_it(shop: Any) -> None:
    changed = Document("Service", "shop", "sha256:2", Service("shop", ("/store",), PROCESS), {})
    await shop.a.catalog.apply([changed], [], actor="anna")
    (delivery,) = await shop.store.services()
    assert delivery.value.stable == "1.0.0"
    await shop.turn()
    (routed,) = shop.router.table.services
    assert routed.service.prefixes == ("/store",)


async def test_a_dry_run_says_it_and_changes_nothing(bare: Any) -> None:
    applied = await bare.a.catalog.apply([SHOP], [release()], actor="anna", dry_run=True)
    assert [item.effect for item in applied] == [Effect.CREATED, Effect.CREATED]
    assert await bare.entries() == 0
    assert not await bare.store.services()
    assert await bare.store.release("shop", "1.0.0") is None


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_release_is_never_bound_anew(bare: Any, dry_run: bool) -> None:
    await bare.a.catalog.apply([SHOP], [release()], actor="anna")
    before = await bare.entries()
    with pytest.raises(Conflict, match=r"shop 1\.0\.0 exists with other content") as refused:
        await bare.a.catalog.apply(
            [segment("a")], [release("2.0.0"), release(digest="sha256:" + "2" * 64)], actor="anna", dry_run=dry_run
        )
    assert "new version" in refused.value.hint
    assert await bare.entries() == before
    assert await bare.store.release("shop", "2.0.0") is None


async def test_somebody_else_changed_it_first(bare: Any) -> None:
    await bare.a.catalog.apply([segment("a")], [], actor="anna")
    b = bare.site("b")

    async def other() -> None:
        await b.catalog.apply([segment("b")], [], actor="boris")

    bare.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict):
        await bare.a.catalog.apply([SHOP, segment("c")], [], actor="anna")
    assert [item.value.digest for item in await bare.store.documents()] == ["b"]
    assert not await bare.store.services()


async def test_the_answer_is_kept_with_the_change(bare: Any) -> None:
    answer = Answer("key", "print", 200, "{}", bare.clock.now())
    await bare.a.catalog.apply([SHOP], [], actor="anna", answer=answer)
    assert await bare.store.answer("key") == answer


async def test_the_loop_is_told(bare: Any) -> None:
    await bare.a.catalog.apply([SHOP], [], actor="anna")
    assert bare.a.reconciler._urgent.is_set()


def service(**changes: Any) -> Document:
    spec = replace(Service("shop", ("/shop",), PROCESS, attribute_headers=(("employee", "x-employee"),)), **changes)
    return Document("Service", "shop", f"sha256:{hash(spec)}", spec, {})


@pytest.mark.parametrize("by_step", [True, False])
@pytest.mark.parametrize(
    "change, segment_of_rollout, refused",
    [
        ({"identity_header": "x-account-id"}, None, True),
        ({"identity_cookie": "account"}, None, True),
        ({"attribute_headers": (("employee", "x-staff"),)}, "staff", True),
        ({"attribute_headers": (("employee", "x-staff"),)}, None, False),  # nobody asks for it
        ({"attribute_headers": (("employee", "x-employee"), ("market", "x-market"))}, "staff", False),
        ({"prefixes": ("/store",)}, "staff", False),
    ],
)
async def test_players_are_not_dealt_anew_in_the_middle_of_a_rollout(
    bare: Any, change: dict[str, Any], segment_of_rollout: str | None, refused: bool, by_step: bool
) -> None:
    await bare.open()
    await bare.a.catalog.apply([service(), segment("a")], [], actor="anna")
    by_steps = (SetSegment(Segment(segment_of_rollout, ()), 2_000),) if by_step and segment_of_rollout else ()
    whole = None if by_step else segment_of_rollout
    await bare.declare(RolloutSpec("shop", "shop", (*by_steps, SetWeight(2_000), Pause()), segment=whole))
    rollout = await bare.roll_out()
    before = await bare.entries()
    if not refused:
        await bare.a.catalog.apply([service(**change)], [], actor="anna")
        return
    for dry_run in (True, False):
        with pytest.raises(Conflict, match=r"shop-2 is in progress.* abort it, then"):
            await bare.a.catalog.apply([service(**change)], [], actor="anna", dry_run=dry_run)
    assert await bare.entries() == before
    await bare.a.rollouts.abort(rollout, ANNA)
    await bare.turn(2)
    await bare.a.catalog.apply([service(**change)], [], actor="anna")


async def test_a_rollout_that_begins_meanwhile_is_not_overlooked(shop: Any) -> None:
    await shop.a.catalog.apply([service()], [], actor="anna")
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.start("shop", "1.1.0", ANNA)

    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict, match="service shop is at version"):
        await shop.a.catalog.apply([service(identity_header="x-account-id")], [], actor="anna")


ORDERS = (IdSource(Where.HEADER, "x-order-id"), IdSource(Where.QUERY, "order"))
BOTH = Affinity((IdKind("order", ORDERS), by_header("round", "x-round-id")))


@pytest.mark.parametrize(
    "after, lost",
    [
        (None, "ids of the kind 'order' in the header x-order-id, ids"),
        (Affinity((IdKind("order", ORDERS),)), "ids of the kind 'round' in the header x-round-id would"),
        (
            Affinity((IdKind("order", ORDERS[:1]), by_header("round", "x-round-id"))),
            "ids of the kind 'order' in the query parameter order would",
        ),
        (replace(BOTH, ttl_s=60.0, drain_s=60.0), ""),
        (Affinity((by_header("game", "x-game"), *BOTH.kinds)), ""),
    ],
)
async def test_open_rounds_are_not_orphaned_in_the_middle_of_a_rollout(
    bare: Any, after: Affinity | None, lost: str
) -> None:
    await bare.open(affinity=BOTH)
    rollout = await bare.roll_out()
    if not lost:
        await bare.a.catalog.apply([service(affinity=after)], [], actor="anna")
        return
    with pytest.raises(Conflict, match=lost) as refused:
        await bare.a.catalog.apply([service(affinity=after)], [], actor="anna", dry_run=True)
    assert (
        refused.value.hint == f"Say the new place beside the old one, and leave the old one out when {rollout} is over."
    )
    await bare.a.rollouts.abort(rollout, ANNA)
    await bare.turn(2)
    await bare.a.catalog.apply([service(affinity=after)], [], actor="anna")


async def test_open_rounds_are_not_orphaned_while_what_was_left_drains(bare: Any) -> None:
    await bare.open(affinity=BOTH)
    rollout = await bare.roll_out()
    now = bare.clock.now()
    opened = [Opened("round", f"r{n}@{v}", "anna", now) for n, v in enumerate(("1.0.0", "1.1.0", "1.1.0"))]
    await bare.store.report_pins(
        [
            PinReport("shop", version, version, [o for o in opened if o.id.endswith(version)], [], now, now, 600.0)
            for version in ("1.0.0", "1.1.0")
        ]
    )
    await bare.a.rollouts.abort(rollout, ANNA)
    await bare.turn(2)
    with pytest.raises(Conflict, match=r"2 open rounds of 1\.1\.0 still end there") as refused:
        await bare.a.catalog.apply([service(affinity=None)], [], actor="anna")
    assert f"croupier rollout abort {rollout} --now" in refused.value.hint
    await bare.a.rollouts.abort(rollout, ANNA, at_once=True)
    await bare.turn(2)
    await bare.a.catalog.apply([service(affinity=None)], [], actor="anna")


async def test_where_no_rounds_are_kept_none_are_asked_for(bare: Any) -> None:
    await bare.open(affinity=BOTH)
    catalog = replace(bare.a.catalog, ports=replace(bare.a.catalog.ports, pins=None))
    await catalog.apply([service(affinity=None)], [], actor="anna")
