"""Services that were promoted as one are taken back as one, with the store and without it."""

import pytest

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Intent, VersionKey
from croupier.control.rollouts import Ask
from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import stable_routes
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight, Timing
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Rejected
from croupier.testing.simulation import Simulation

SERVICES = ("wallet", "payments")
ANNA = Ask("anna", "orders are lost")
KEPT = Timing(keep_stable_s=600.0)
CASHIER = RolloutSpec(
    "cashier", "wallet", (SetWeight(5_000), Pause(2.0), SetWeight(10_000)), services=SERVICES, timing=KEPT
)
ALONE = tuple(RolloutSpec(name, name, (SetWeight(10_000),)) for name in SERVICES)


class World(Simulation):
    """Two services that move as one."""

    async def play(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.pass_time(1.0)
            await self.tick(self.sites[0])

    async def begin(self) -> None:
        await self.declare_several(SERVICES, (*ALONE, CASHIER), [])
        for name in SERVICES:
            for version in ("1.0.0", "2.0.0"):
                await self.release(version, name)
            await self.sites[0].rollouts.start(name, "1.0.0", ANNA, strategy=name)
        await self.play(6)
        await self.sites[0].rollouts.start_together(dict.fromkeys(SERVICES, "2.0.0"), ANNA)

    async def members(self) -> list[RolloutState]:
        found = [await self.store.rollout(f"{name}-2") for name in SERVICES]
        return [stored.value for stored in found if stored is not None]

    async def until(self, phase: Phase) -> None:
        for _ in range(120):
            if {state.phase for state in await self.members()} == {phase}:
                return
            await self.play(1)
        pytest.fail(f"not {phase}: {await self.members()}")

    async def gone(self) -> list[str]:
        """The services in the order in which they were taken back."""
        entries = [recorded.entry for recorded in await self.store.entries(limit=1_000)]
        kinds = [(each.subject, event["type"]) for each in entries for event in each.events if "type" in event]
        return [
            subject.removeprefix("rollout/").removesuffix("-2") for subject, kind in kinds if kind == "abort_started"
        ]

    def all_back(self) -> bool:
        return all(self.router.routes(name) == stable_routes(name, "1.0.0") for name in SERVICES)


@pytest.fixture
async def world(store: SqlStore) -> World:
    opened = World(store, seed=1)
    await opened.begin()
    return opened


async def test_all_of_them_go_back_in_one_turn_the_last_one_first(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    outcome = await world.sites[0].rollouts.undo("wallet-2", ANNA)
    assert outcome is not None
    assert (outcome.rollout.value.id, outcome.delivery) == ("wallet-2", None)
    assert [state.phase for state in await world.members()] == [Phase.SUCCEEDED, Phase.ABORTING]
    await world.tick(world.sites[0])
    assert world.all_back()
    await world.until(Phase.ABORTED)
    assert await world.gone() == ["payments", "wallet"]
    assert {state.abort.cause for state in await world.members() if state.abort} == {Cause.UNDO}
    assert {stored.value.stable for stored in await world.store.services()} == {"1.0.0"}


async def test_without_the_store_too(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    site = world.sites[0]
    world.store_down = True
    assert await site.rollouts.undo("payments-2", ANNA) is None
    await world.tick(site)
    assert world.all_back()
    world.store_down = False
    await world.until(Phase.ABORTED)


async def test_a_crash_in_between_changes_nothing(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    await world.sites[0].rollouts.undo("wallet-2", ANNA)
    world.restart(world.sites[0])
    world.router.confirms_after_s = 1.5
    await world.play(1)
    world.restart(world.sites[0])
    assert [state.phase for state in await world.members()] == [Phase.SUCCEEDED, Phase.ABORTING]
    await world.until(Phase.ABORTED)
    assert world.all_back()
    assert await world.gone() == ["payments", "wallet"]
    assert {stored.value.active for stored in await world.store.services()} == {None}


async def test_nothing_begins_where_one_waits_for_its_turn(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    await world.release("3.0.0", "wallet")
    people = world.sites[0].rollouts
    await people.undo("payments-2", ANNA)
    with pytest.raises(Conflict, match="wallet moves together with payments-2, by wallet-2"):
        await people.start("wallet", "3.0.0", ANNA, strategy="wallet")
    with pytest.raises(Conflict, match="is in progress, so wallet cannot move with others"):
        await people.start_together(dict.fromkeys(SERVICES, "3.0.0"), ANNA)
    again = await people.undo("wallet-2", ANNA)
    assert again is not None
    assert again.seq is None
    await world.until(Phase.ABORTED)
    await people.retry("wallet-2", ANNA)
    await world.until(Phase.SUCCEEDED)


async def test_without_the_store_none_goes_back_where_one_cannot(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    await world.sites[0].rollouts.start("payments", "1.0.0", ANNA, strategy="payments")
    for _ in range(20):
        await world.play(1)
    world.store_down = True
    with pytest.raises(Rejected, match="what was promoted with it was left meanwhile"):
        await world.sites[0].rollouts.undo("wallet-2", ANNA)
    await world.tick(world.sites[0])
    routes = world.router.routes("wallet")
    assert routes is not None
    assert routes.default == "2.0.0"


async def test_when_the_store_goes_away_in_between_the_others_follow_all_the_same(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    await world.sites[0].rollouts.undo("wallet-2", ANNA)
    world.router.confirms_after_s = 1.5
    await world.tick(world.sites[0])
    assert not world.all_back()
    world.store_down = True
    await world.play(5)
    assert world.all_back()
    assert await world.sites[0].rollouts.undo("wallet-2", ANNA) is None
    world.store_down = False
    await world.until(Phase.ABORTED)


async def test_one_whose_version_runs_no_more_keeps_all_of_them(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    world.workloads.crash_loop(VersionKey("payments", "1.0.0"), "it crashed")
    fresh = world.sites[0]
    world.restart(fresh)  # nothing is known of them but what the store says
    with pytest.raises(Rejected, match=r"payments-2 cannot be undone: 1\.0\.0 does not run: it crashed"):
        await fresh.rollouts.undo("wallet-2", ANNA)
    assert {state.phase for state in await world.members()} == {Phase.SUCCEEDED}


async def test_while_they_move_they_are_aborted(world: World) -> None:
    await world.play(2)
    await world.sites[0].rollouts.undo("wallet-2", ANNA)
    await world.until(Phase.ABORTED)
    causes = [state.abort.cause for state in await world.members() if state.abort]
    assert Cause.UNDO not in causes
    assert world.all_back()


async def test_none_goes_back_where_one_cannot(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    await world.play(1)
    await world.sites[0].rollouts.start("payments", "1.0.0", ANNA, strategy="payments")
    with pytest.raises(Rejected, match="payments-3 is in progress"):
        await world.sites[0].rollouts.undo("wallet-2", ANNA)
    assert not world.all_back()


async def test_one_on_disk_is_enough_for_all_of_them(world: World) -> None:
    """Killed between two files: who comes next takes all back, or the services no longer fit each other."""
    await world.until(Phase.SUCCEEDED)
    site, (wallet, _) = world.sites[0], await world.members()
    site.reconciler.abort_unrecorded(
        Intent(wallet.id, e.AbortStarted(Cause.UNDO, "lost", site.reconciler.ports.clock.now()), "anna")
    )
    await world.until(Phase.ABORTED)
    assert world.all_back()
    assert {state.abort.cause for state in await world.members() if state.abort} == {Cause.UNDO}


@pytest.mark.parametrize("name", SERVICES)
async def test_one_on_disk_moves_all_of_them_also_while_the_store_is_away(world: World, name: str) -> None:
    await world.until(Phase.SUCCEEDED)
    site = world.sites[0]
    world.store_down = True
    back = e.AbortStarted(Cause.UNDO, "lost", site.reconciler.ports.clock.now())
    site.reconciler.abort_unrecorded(Intent(f"{name}-2", back, "anna"))
    await world.tick(site)
    assert world.all_back()
    assert {state.phase for state in await world.members()} == {Phase.SUCCEEDED}
    await world.play(3)
    assert world.all_back()
    world.store_down = False
    await world.until(Phase.ABORTED)
    assert {state.abort.cause for state in await world.members() if state.abort} == {Cause.UNDO}
    assert {stored.value.stable for stored in await world.store.services()} == {"1.0.0"}
    assert not site.spool.pending()


@pytest.mark.parametrize("name", SERVICES)
async def test_one_abort_on_disk_gives_all_of_them_up_at_once(world: World, name: str) -> None:
    while {state.confirmed_bp for state in await world.members()} != {5_000}:
        await world.play(1)
    site = world.sites[0]
    world.store_down = True
    given_up = e.AbortStarted(Cause.PERSON, "no", site.reconciler.ports.clock.now())
    site.reconciler.abort_unrecorded(Intent(f"{name}-2", given_up, "anna"))
    await world.tick(site)
    assert world.all_back()
    world.store_down = False
    size = (await world.store.head()).size
    await world.tick(site)
    recorded = [each.entry for each in await world.store.entries(after=size - 1, limit=10)]
    assert [entry.action for entry in recorded[:2]] == ["abort", "abort"], "in one commit"
    await world.until(Phase.ABORTED)
    assert {state.id: state.abort.cause for state in await world.members() if state.abort} == {
        each.id: Cause.PERSON if each.service == name else Cause.TOGETHER for each in await world.members()
    }


async def _payments_goes_on(world: World) -> None:
    """One of those that were promoted together begins a rollout of its own."""
    await world.release("3.0.0", "payments")
    await world.sites[0].rollouts.start("payments", "3.0.0", ANNA, strategy="payments")


async def test_where_one_cannot_go_back_none_does_while_the_store_is_away(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    site = world.sites[0]
    await _payments_goes_on(world)
    await world.play(1)
    world.store_down = True
    back = e.AbortStarted(Cause.UNDO, "lost", site.reconciler.ports.clock.now())
    site.reconciler.abort_unrecorded(Intent("wallet-2", back, "anna"))
    await world.play(2)
    assert world.router.routes("wallet") == stable_routes("wallet", "2.0.0")
    world.store_down = False
    await world.play(8)
    assert {state.phase for state in await world.members()} == {Phase.SUCCEEDED}


async def test_what_one_of_them_left_meanwhile_is_not_taken_back_for_the_others(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    site = world.sites[0]
    await _payments_goes_on(world)
    await world.play(1)
    world.store_down = True
    with pytest.raises(Rejected, match="was left meanwhile"):
        await site.rollouts.undo("wallet-2", ANNA)
    world.store_down = False
    await world.play(8)
    assert {state.phase for state in await world.members()} == {Phase.SUCCEEDED}
    assert world.router.routes("payments") == stable_routes("payments", "3.0.0")


async def test_an_undo_of_all_that_waits_ends_nothing_that_one_of_them_began(world: World) -> None:
    await world.until(Phase.SUCCEEDED)
    site = world.sites[0]
    wallet, payments = await world.members()
    await _payments_goes_on(world)
    for state in (wallet, payments):
        back = e.AbortStarted(Cause.UNDO, "lost", site.reconciler.ports.clock.now())
        site.reconciler.abort_unrecorded(Intent(state.id, back, "anna"))
    await world.play(8)
    assert {state.phase for state in await world.members()} == {Phase.SUCCEEDED}
    assert world.router.routes("payments") == stable_routes("payments", "3.0.0")
    assert world.router.routes("wallet") == stable_routes("wallet", "2.0.0")
