"""How a decision becomes a record: what serves the service afterwards, and that it is one commit."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.control.ports import ServiceState, Stored
from croupier.control.recording import Who, delivered, draft, entry, fold, record
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Plan
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Corrupt, Fenced

WHO = Who("anna", "abort", "because")
STATE = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", Plan((), (), ()), 1.0))


@pytest.mark.parametrize(
    "phase, before, active, stable",
    [
        (Phase.PENDING, None, "shop-2", "1.0.0"),
        (Phase.PROMOTING, "shop-2", "shop-2", "1.0.0"),
        (Phase.ABORTING, "shop-2", "shop-2", "1.0.0"),
        (Phase.SUCCEEDED, "shop-2", None, "1.1.0"),
        (Phase.ABORTED, "shop-2", None, "1.0.0"),
        (Phase.SUPERSEDED, "shop-2", None, "1.0.0"),
        (Phase.SUPERSEDED, "shop-3", "shop-3", "1.0.0"),
    ],
)
def test_what_serves_a_service_afterwards(phase: Phase, before: str | None, active: str | None, stable: str) -> None:
    delivery = Stored(ServiceState("shop", "1.0.0", before, 3), 7)
    after = delivered(delivery, replace(STATE, phase=phase))
    expected = ServiceState("shop", stable, active, 3)
    assert (after.value if after else delivery.value) == expected
    assert (after is None) == (expected == delivery.value)
    assert after is None or after.version == 8


def test_an_entry_says_what_was_decided() -> None:
    found = entry(WHO, "rollout/shop-2", (e.Paused(Hold.PERSON, 5.0), e.Resumed(6.0)), 7.0)
    assert (found.at, found.actor, found.action, found.reason) == (7.0, "anna", "abort", "because")
    assert [event["type"] for event in found.events] == ["paused", "resumed"]


def test_events_fold_into_the_next_version() -> None:
    stored: Stored[RolloutState] = Stored(STATE, 4)
    after = fold(stored, (e.Paused(Hold.PERSON, 5.0), e.Resumed(6.0)))
    assert (after.value.phase, after.version) == (Phase.PROGRESSING, 5)
    with pytest.raises(Corrupt):
        fold(stored, (e.Aborted(5.0),))


def test_a_service_that_was_read_too_early_is_read_again() -> None:
    """Its rollout had not begun then, or was not taken back yet: what else is recorded of the service is not known."""
    early = Stored(ServiceState("shop", "1.1.0", None, 2), 5)
    with pytest.raises(Conflict, match="shop changed meanwhile"):
        draft(Stored(replace(STATE, phase=Phase.ABORTING), 4), early, (e.Aborted(5.0),), WHO, 5.0)


async def test_what_is_too_late_changes_nothing(shop: Any) -> None:
    rollout = await shop.roll_out()
    stored = await shop.store.rollout(rollout)
    (delivery,) = await shop.store.services()
    events = commands.abort(stored.value, 1.0, reason="late")
    before, now = await shop.entries(), shop.clock.now()
    with pytest.raises(Conflict):
        await record(shop.store, draft(Stored(stored.value, stored.version - 1), delivery, events, WHO, now))
    lease = replace(shop.a.reconciler._lease, token=99)
    with pytest.raises(Fenced):
        await record(shop.store, draft(stored, delivery, events, WHO, now, lease=lease))
    assert await shop.entries() == before
    assert (await shop.store.rollout(rollout)) == stored


async def test_a_change_is_one_commit(shop: Any) -> None:
    rollout = await shop.roll_out()
    stored = await shop.store.rollout(rollout)
    (delivery,) = await shop.store.services()
    now = shop.clock.now()
    given_up = commands.abort(stored.value, now, reason="r")
    aborting = await record(shop.store, draft(stored, delivery, given_up, WHO, now))
    assert aborting.delivery is None  # it is still the active one
    ended = await record(shop.store, draft(aborting.rollout, delivery, (e.Aborted(now),), WHO, now))
    assert ended.delivery
    assert ended.delivery.value.active is None
    assert await shop.store.services() == [ended.delivery]
    assert await shop.store.rollout(rollout) == ended.rollout
    assert (await shop.store.verify()).ok
