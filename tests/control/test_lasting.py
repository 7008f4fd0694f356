"""A plan that counts on a service's affinity, from its start to a retry: nobody takes it away in the middle."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.control.ports import Document
from croupier.control.rollouts import Ask
from croupier.core.releases import Affinity, ProcessTemplate, Release, Service
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.model import Chosen, Lane, Lasting, Profile, Rung
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight
from croupier.errors import Conflict, Rejected

ANNA = Ask("anna", "because")
PROCESS = ProcessTemplate(("bar",))
ORDERS = Affinity((by_header("order", "x-order-id"),), ttl_s=1_800.0, drain_s=1_800.0)
PROFILE = Profile(
    "payments", "sha256:p", Lane((Rung(2_000, 0.0),)), keep_stable_s=0.0, lasting=Lasting(("order",), 1_800.0, 1_800.0)
)
STRATEGY = RolloutSpec("shop", "shop", (SetWeight(2_000), Pause()), profile=Chosen(PROFILE))


async def declare(shop: Any, affinity: Affinity | None) -> None:
    """As anybody may who has a token, by any way in."""
    specs = [stored.value.spec for stored in await shop.store.documents("Service")]
    (known,) = [spec for spec in specs if isinstance(spec, Service) and spec.name == "shop"]
    service = replace(known, affinity=affinity)
    await shop.a.catalog.apply([Document("Service", "shop", f"sha256:{affinity}", service, {})], [], actor="anna")


@pytest.mark.parametrize(
    "affinity, less",
    [
        (None, ("affinity none, of the profile order",)),
        (replace(ORDERS, drain_s=300.0), ("affinity.drain 5 min, of the profile 30 min",)),
        (replace(ORDERS, drain_s=7_200.0), ()),
    ],
)
async def test_a_start_is_held_against_the_service_as_it_is_recorded(
    bare: Any, affinity: Affinity | None, less: tuple[str, ...]
) -> None:
    await bare.open(affinity=ORDERS)
    await bare.declare(STRATEGY)
    await declare(bare, affinity)
    started = (await bare.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    assert (started.plan.loosened, started.plan.affinity) == (less, affinity)
    assert (started.plan.consent, started.hold) == ((Consent(), Hold.APPROVAL) if less else (None, None))


async def test_what_a_plan_counts_on_is_not_shortened_under_it(bare: Any) -> None:
    await bare.open(affinity=ORDERS)
    await bare.declare(STRATEGY)
    rollout = await bare.roll_out()
    for less in (replace(ORDERS, ttl_s=60.0), replace(ORDERS, drain_s=1.0)):
        with pytest.raises(Conflict, match=r"shop-2 is in progress, and its profile counts on .* instead of 1800 s"):
            await declare(bare, less)
    await declare(bare, replace(ORDERS, drain_s=3_600.0))
    await declare(bare, ORDERS)
    await bare.a.rollouts.abort(rollout, ANNA)
    await bare.turn(2)
    await declare(bare, replace(ORDERS, drain_s=1.0))


async def test_a_retry_does_not_begin_with_less_than_the_start_did(bare: Any) -> None:
    await bare.open(affinity=ORDERS)
    await bare.declare(STRATEGY)
    rollout = await bare.roll_out()
    await bare.a.rollouts.abort(rollout, ANNA)
    await bare.turn(2)
    for less in (None, replace(ORDERS, drain_s=1.0)):
        await declare(bare, less)
        with pytest.raises(Rejected, match="The affinity of shop is less than it was when shop-2 began") as refused:
            await bare.a.rollouts.retry(rollout, ANNA)
        assert "croupier rollout start" in refused.value.hint
    await declare(bare, replace(ORDERS, ttl_s=3_600.0))
    assert (await bare.a.rollouts.retry(rollout, ANNA)).rollout.value.attempt == 2


async def test_a_service_that_is_applied_while_a_rollout_begins_is_not_overlooked(bare: Any) -> None:
    await bare.open(affinity=ORDERS)
    await bare.declare(STRATEGY)

    async def other() -> None:
        await declare(bare, None)

    bare.a.happenings.once["before commit"] = other
    started = (await bare.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    assert (started.plan.loosened, started.hold) == (("affinity none, of the profile order",), Hold.APPROVAL)


async def test_a_service_that_is_applied_while_several_begin_is_not_overlooked(bare: Any) -> None:
    await bare.open(affinity=ORDERS)
    await bare.start_bar()
    await bare.turn(3)
    await bare.a.catalog.apply([], [Release("bar", "2.0.0", PROCESS, "sha256:b2")], actor="anna")
    both = RolloutSpec("both", "shop", (SetWeight(2_000), Pause()), services=("shop", "bar"))
    await bare.declare(STRATEGY, both)

    async def other() -> None:
        await declare(bare, None)

    bare.a.happenings.once["before services"] = other
    versions = {"shop": "1.1.0", "bar": "2.0.0"}
    started = (await bare.a.rollouts.start_together(versions, ANNA)).rollout.value
    assert (started.plan.loosened, started.hold) == (("affinity none, of the profile order",), Hold.APPROVAL)
