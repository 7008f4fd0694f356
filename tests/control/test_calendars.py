"""Rollouts in the running loop and the freeze calendar: real documents, real store, virtual time."""

import pytest
from tests.control.conftest import Shop

from croupier.adapters.calendar import Recurrences
from croupier.adapters.store.sql import SqlStore
from croupier.control.calendars import around
from croupier.control.catalog import Catalog
from croupier.control.ports import Document
from croupier.control.rollouts import Ask
from croupier.core.governance.calendar.model import Calendar, Entry, Kind, Scope
from croupier.core.rollout.spec import RolloutSpec, SetWeight
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Rejected
from croupier.testing.simulation import Simulation

ANNA = Ask("anna")
BORIS = Ask("boris", "the jackpot is over early")
TOGETHER = ("wallet", "payments")


def frozen(begins: str = "2026-01-01T00:00", ends: str = "2026-01-01T02:00", scope: Scope | None = None) -> Calendar:
    return Calendar("sports", (Entry("final", Kind.FREEZE, begins, ends, scope=scope or Scope(), why="the final"),))


def frozen_weekly() -> Calendar:
    return Calendar(
        "matches", (Entry("derby", Kind.FREEZE, "2025-01-04T20:00", "2025-01-04T22:00", rule="FREQ=WEEKLY"),)
    )


async def test_a_rollout_waits_in_the_loop_and_goes_on_after_the_freeze(shop: Shop) -> None:
    await shop.declare(frozen())
    rollout = (await shop.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value.id
    await shop.turn(3)
    state = await shop.state(rollout)
    assert (state.phase, state.step, state.frozen[0].id) == ("pending", -1, "sports/final")
    assert shop.served.weight_of("1.1.0") == 0
    assert "1.1.0" in shop.running(), "it is ready when its time comes"
    await shop.wait(2 * 3_600.0)
    await shop.turn(3)
    assert (await shop.state(rollout)).phase == "paused"
    assert shop.served.weight_of("1.1.0") == 2_000
    assert (await shop.events(rollout)).count("frozen") == 1


async def test_an_override_lets_one_rollout_go_on_and_is_in_the_record(shop: Shop) -> None:
    await shop.declare(frozen())
    rollout = (await shop.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value.id
    await shop.turn(2)
    with pytest.raises(Rejected, match="needs a reason"):
        await shop.a.rollouts.override(rollout, Ask("anna"), "final")
    await shop.a.rollouts.override(rollout, BORIS, "final")
    await shop.turn(3)
    assert shop.served.weight_of("1.1.0") == 2_000
    [entry] = [each.entry for each in await shop.store.entries(limit=500) if each.entry.action == "override"]
    assert (entry.actor, entry.reason, entry.events[0]["freeze"]) == ("boris", BORIS.reason, "sports/final")


async def test_what_is_exposed_stays_and_can_be_taken_away(shop: Shop) -> None:
    rollout = await shop.roll_out()
    await shop.declare(frozen())
    await shop.turn(2)
    with pytest.raises(Conflict, match=r"frozen by sports/final until 2026-01-01 02:00 UTC \(the final\)"):
        await shop.a.rollouts.promote(rollout, ANNA)
    assert shop.served.weight_of("1.1.0") == 2_000
    await shop.a.rollouts.abort(rollout, ANNA)
    await shop.turn(2)
    assert shop.served.weight_of("1.1.0") == 0
    await shop.until(rollout, "aborted")


async def test_who_does_not_want_to_wait_is_told_until_when(shop: Shop) -> None:
    await shop.declare(frozen())
    with pytest.raises(Conflict, match=r"would have to wait: .* It is free from 2026-01-01 02:00 UTC on"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA, wait=False)
    await shop.declare(Calendar("sports", (Entry("then", Kind.WINDOW, "2025-01-01T00:00", "2025-01-01T01:00"),)))
    with pytest.raises(Conflict, match="No free moment is in sight"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA, wait=False)
    await shop.declare(frozen(scope=Scope(services=("games",))))
    await shop.a.rollouts.start("shop", "1.1.0", ANNA, wait=False)


async def test_the_clock_may_be_set_back_into_a_freeze(shop: Shop) -> None:
    await shop.wait(3 * 3_600.0)
    rollout = await shop.roll_out()
    await shop.declare(frozen(), frozen_weekly())
    shop.clock.jump(-2 * 3_600.0)
    await shop.turn(5)
    assert (await shop.state(rollout)).frozen
    assert shop.served.weight_of("1.1.0") == 2_000


def test_the_same_time_is_expanded_for_a_month() -> None:
    assert around(1_767_225_600.0) == around(1_767_225_600.0 + 3_600.0)
    assert around(1_767_225_600.0).holds(1_767_225_600.0)


class Both(Simulation):
    """Two services that move as one; 1.0.0 serves everybody."""

    async def begin(self) -> None:
        alone = [RolloutSpec(name, name, (SetWeight(10_000),)) for name in TOGETHER]
        both = RolloutSpec("both", "wallet", (SetWeight(2_500), SetWeight(10_000)), services=TOGETHER)
        await self.declare_several(TOGETHER, (*alone, both), ())
        for name in TOGETHER:
            await self.release("1.0.0", name)
            await self.release("2.0.0", name)
            await self.sites[0].rollouts.start(name, "1.0.0", ANNA, strategy=name)
        await self.play(6)

    async def freeze(self, *calendars: Calendar) -> None:
        site = self.sites[0]
        documents = [Document("Calendar", each.name, f"sha256:{hash(each)}", each, {}) for each in calendars]
        await Catalog(site.rollouts.ports, site.reconciler).apply(documents, (), actor="anna")

    async def play(self, turns: int) -> None:
        for _ in range(turns):
            await self.pass_time(1.0)
            await self.tick(self.sites[0])

    async def members(self) -> list[RolloutState]:
        found = [await self.store.rollout(f"{name}-2") for name in TOGETHER]
        return [stored.value for stored in found if stored is not None]


async def test_of_services_that_move_as_one_only_the_frozen_one_is_overridden(store: SqlStore) -> None:
    world = Both(store, almanac=Recurrences(frozenset({"production"})))
    await world.begin()
    await world.freeze(frozen(scope=Scope(services=("payments",))))
    people = world.sites[0].rollouts
    await people.start_together(dict.fromkeys(TOGETHER, "2.0.0"), ANNA)
    await world.play(10)
    assert [[freeze.id for freeze in state.frozen] for state in await world.members()] == [[], ["sports/final"]]
    with pytest.raises(Rejected, match="'derby' names nothing that is closed for wallet-2"):
        await people.override("wallet-2", BORIS, "derby")
    await people.override("wallet-2", BORIS, "final")
    told = [[event.type for event in await store.history(f"{name}-2")] for name in TOGETHER]
    assert ["freeze_overridden" in types for types in told] == [False, True]
    await world.play(30)
    assert [state.phase for state in await world.members()] == ["succeeded", "succeeded"]


async def test_who_cannot_tell_the_times_of_a_calendar_takes_it_for_closed(store: SqlStore) -> None:
    world = Both(store)
    await world.begin()
    await world.freeze(frozen(begins="2030-01-01T00:00", ends="2030-01-02T00:00"))
    await world.sites[0].rollouts.start_together(dict.fromkeys(TOGETHER, "2.0.0"), ANNA)
    await world.play(10)
    wallet, _ = await world.members()
    assert (wallet.weight_bp, [freeze.id for freeze in wallet.frozen]) == (0, ["sports/final"])
