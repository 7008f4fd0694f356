"""Services that move as one: what of it is refused, and in which words; what is asked of one is recorded for all."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from sqlalchemy import text

from croupier.adapters.calendar import Recurrences
from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Document
from croupier.control.rollouts import Ask, Rollouts
from croupier.control.whom import Whom
from croupier.core.gates import Gate, HoldPlayers, Objective, OnGroupFail, RatioSli
from croupier.core.governance.calendar.model import Calendar, Entry, Kind, Scope
from croupier.core.releases import Service
from croupier.core.rollout import approval as single
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.profile.model import Chosen, Lane, Profile, Rung
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.approval import digest
from croupier.errors import Conflict, Corrupt, NotFound, Rejected
from croupier.testing.simulation import PROCESS, Simulation

SERVICES = ("wallet", "payments")
SECOND = dict.fromkeys(SERVICES, "2.0.0")
ANNA = Ask("anna", "because")
STEPS = (SetWeight(5_000), Pause(), SetWeight(10_000))
ALONE = tuple(RolloutSpec(name, name, (SetWeight(5_000), Pause())) for name in (*SERVICES, "lobby"))
CASHIER = RolloutSpec("cashier", "wallet", STEPS, services=SERVICES)
HOLDING = Gate(
    "errors",
    RatioSli("requests_total", good=(("outcome", ("ok",)),)),
    by=("market",),
    objective=Objective(0.95),
    on_group_fail=OnGroupFail((HoldPlayers(("market",)),)),
)


class World(Simulation):
    """Two services that may move as one, each at 1.0.0 and with later releases; a lobby that serves nobody yet."""

    async def begin(self) -> None:
        self.almanac = Recurrences(frozenset({"production"}))
        self.restart(self.sites[0])
        await self.declare_several((*SERVICES, "lobby"), (*ALONE, CASHIER), [])
        for name in (*SERVICES, "lobby"):
            for version in ("1.0.0", "2.0.0", "3.0.0"):
                await self.release(version, name)
        for name in SERVICES:
            await self.people.start(name, "1.0.0", ANNA, strategy=name)
        await self.play(6)

    @property
    def people(self) -> Rollouts:
        return self.sites[0].rollouts

    async def play(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.pass_time(1.0)
            await self.tick(self.sites[0])

    async def members(self) -> list[RolloutState]:
        found = [await self.store.rollout(f"{name}-2") for name in SERVICES]
        return [stored.value for stored in found if stored is not None]

    async def phases(self) -> set[Phase]:
        return {state.phase for state in await self.members()}

    async def move(self) -> None:
        """Both stand at their pause."""
        await self.people.start_together(SECOND, ANNA)
        await self.play(8)
        assert [(state.hold, state.confirmed_bp) for state in await self.members()] == [("step", 5_000)] * 2

    async def freeze(self, *services: str) -> None:
        final = Entry("final", Kind.FREEZE, "2026-01-01T00:00", "2026-01-01T02:00", scope=Scope(services=services))
        document = Document("Calendar", "sports", f"sha256:{services}", Calendar("sports", (final,)), {})
        await self._catalog().apply((document,), (), actor="anna")

    async def declare_service(self, service: Service) -> None:
        document = Document("Service", service.name, f"sha256:{service}", service, {})
        await self._catalog().apply((document,), (), actor="anna")

    async def size(self) -> int:
        return (await self.store.head()).size


@pytest.fixture
async def world(store: SqlStore) -> World:
    opened = World(store, seed=1)
    await opened.begin()
    return opened


# --- which Rollout it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "versions, strategy, said, hint",
    [
        (
            {"wallet": "2.0.0", "lobby": "2.0.0"},
            None,
            "No Rollout moves wallet, lobby as one.",
            "Write one with services: [wallet, lobby] and apply it.",
        ),
        (SECOND, "slow", "No Rollout 'slow' moves wallet, payments as one.", None),
    ],
)
async def test_a_rollout_that_there_is_not(
    world: World, versions: Mapping[str, str], strategy: str | None, said: str, hint: str | None
) -> None:
    before = await world.size()
    with pytest.raises(NotFound) as refused:
        await world.people.start_together(versions, ANNA, strategy=strategy)
    assert said in str(refused.value)
    assert hint in (None, refused.value.hint)
    assert await world.size() == before


async def test_a_rollout_that_moves_others_is_shown_with_what_it_wants(world: World) -> None:
    with pytest.raises(Rejected, match=r"Rollout 'cashier' does not move wallet, lobby\.") as several:
        await world.people.start_together({"wallet": "2.0.0", "lobby": "2.0.0"}, ANNA, strategy="cashier")
    assert several.value.hint == "Write: croupier rollout start --strategy cashier wallet=VERSION payments=VERSION."
    with pytest.raises(Rejected, match=r"Rollout 'wallet' does not move wallet, payments\.") as single:
        await world.people.start_together(SECOND, ANNA, strategy="wallet")
    assert single.value.hint == "Write: croupier rollout start --strategy wallet wallet VERSION."
    with pytest.raises(Rejected, match=r"Rollout 'cashier' does not move wallet\.") as alone:
        await world.people.start("wallet", "2.0.0", ANNA, strategy="cashier")
    assert alone.value.hint == several.value.hint


async def test_one_of_several_rollouts_is_to_be_named(world: World) -> None:
    other = RolloutSpec("another", "payments", STEPS, services=("payments", "wallet"))
    await world.declare_several((), (other,), [])
    with pytest.raises(Rejected, match=r"Several Rollouts move these services: another, cashier\.") as refused:
        await world.people.start_together(SECOND, ANNA)
    assert refused.value.hint == "Choose one: --strategy NAME."
    outcome = await world.people.start_together(SECOND, ANNA, strategy="another")
    assert outcome.rollout.value.id == "payments-2"


# --- who may begin ----------------------------------------------------------------------------------------------------


async def test_nothing_begins_beside_what_is_in_progress(world: World) -> None:
    await world.people.start("payments", "3.0.0", ANNA, strategy="payments")
    with pytest.raises(Conflict, match="payments-2 is in progress, so payments cannot move with others") as refused:
        await world.people.start_together(SECOND, ANNA)
    assert "croupier rollout abort payments-2" in refused.value.hint
    assert await world.store.rollout("wallet-2") is None


async def test_a_service_with_nothing_to_go_back_to_does_not_move_with_others(world: World) -> None:
    lobby = RolloutSpec("lobbies", "wallet", STEPS, services=("wallet", "lobby"))
    await world.declare_several((), (lobby,), [])
    with pytest.raises(Rejected, match="lobby has no stable version yet, so there is nothing to go back to") as refused:
        await world.people.start_together({"wallet": "2.0.0", "lobby": "1.0.0"}, ANNA)
    assert "croupier rollout start lobby VERSION" in refused.value.hint


async def test_a_service_that_has_it_already_does_not_move_with_others(world: World) -> None:
    with pytest.raises(Rejected, match=r"1\.0\.0 is the stable version of payments already") as refused:
        await world.people.start_together({"wallet": "2.0.0", "payments": "1.0.0"}, ANNA)
    assert refused.value.hint == "Roll the others out without it."


async def test_a_gate_that_would_hold_players_of_one_of_them(world: World) -> None:
    holding = RolloutSpec("holding", "wallet", STEPS, guards=("errors",), services=SERVICES)
    await world.declare_several((), (holding,), [HOLDING])
    with pytest.raises(
        Rejected, match=r"rollout 'holding' cannot start: .*gate 'errors' would hold players"
    ) as refused:
        await world.people.start_together(SECOND, ANNA, strategy="holding")
    assert len(refused.value.problems) == 1
    assert await world.members() == []


async def test_who_does_not_want_to_wait_for_any_of_them_is_told_until_when(world: World) -> None:
    await world.freeze("payments")
    with pytest.raises(Conflict, match=r"payments 2\.0\.0 would have to wait: .*sports/final") as refused:
        await world.people.start_together(SECOND, ANNA, wait=False)
    assert "It is free from 2026-01-01 02:00 UTC on." in refused.value.hint
    assert await world.members() == []
    await world.freeze("lobby")
    await world.people.start_together(SECOND, ANNA, wait=False)
    assert len(await world.members()) == 2


async def test_a_member_begins_nothing_alone(world: World) -> None:
    await world.move()
    with pytest.raises(Conflict, match="payments moves together with wallet-2, by payments-2") as refused:
        await world.people.start("payments", "3.0.0", ANNA, strategy="payments")
    assert "give all of them up: croupier rollout abort payments-2" in refused.value.hint


# --- what is asked of one ---------------------------------------------------------------------------------------------


async def test_what_is_so_already_records_nothing(world: World) -> None:
    await world.people.start_together(SECOND, ANNA)
    await world.people.pause("wallet-2", ANNA)
    assert {state.hold for state in await world.members()} == {"person"}
    before = await world.size()
    outcome = await world.people.pause("payments-2", ANNA)
    assert (outcome.seq, outcome.rollout.value.id) == (None, "payments-2")
    assert await world.size() == before


async def test_what_is_for_one_service_alone_is_not_asked_of_several(world: World) -> None:
    told_apart = Service("payments", ("/payments",), PROCESS, attribute_headers=(("employee", "x-employee"),))
    await world.declare_service(told_apart)
    await world.move()
    said = "wallet-2 moves with payments-2, and this is for one service alone"
    with pytest.raises(Rejected, match=said) as refused:
        await world.people.hold("payments-2", ANNA, Whom(match=(("employee", ("true",)),)))
    assert refused.value.hint == "Pause, promote or abort them; or write a Rollout of one service."


async def test_nor_is_it_while_the_store_is_away(world: World) -> None:
    """Held players would have one version of one service, and the other of the next."""
    await world.move()
    held = Whom(match=(("employee", ("true",)),))
    with pytest.raises(Rejected, match="this is for one service alone"):
        world.people.hold_unrecorded("payments-2", ANNA, held)
    assert not world.sites[0].reconciler.ports.spool.pending()


async def test_who_started_or_retried_them_is_known(world: World) -> None:
    await world.move()
    await world.people.abort("wallet-2", ANNA)
    await world.play(8)
    await world.people.retry("payments-2", Ask("boris", "again"))
    assert {state.starters for state in await world.members()} == {("anna", "boris")}


async def test_a_member_that_is_gone_from_the_record(world: World, store: SqlStore) -> None:
    await world.move()
    async with store._database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM rollouts WHERE id = 'payments-2'"))
    with pytest.raises(Corrupt, match="wallet-2 moves with payments-2, of which there is no record"):
        await world.people.pause("wallet-2", ANNA)


async def test_the_stable_version_of_one_takes_all_of_them_back(world: World) -> None:
    await world.move()
    await world.people.start("payments", "1.0.0", Ask("anna"))
    await world.play(8)
    assert await world.phases() == {Phase.ABORTED}
    assert {stored.value.stable for stored in await world.store.services()} == {"1.0.0", None}


# --- all of them again ------------------------------------------------------------------------------------------------


async def test_all_of_them_are_retried_with_other_players(world: World) -> None:
    await world.move()
    before = [state.salt for state in await world.members()]
    await world.people.abort("wallet-2", ANNA)
    await world.play(8)
    assert await world.phases() == {Phase.ABORTED}
    await world.people.retry("payments-2", ANNA)
    states = await world.members()
    assert {state.attempt for state in states} == {2}
    assert all(state.phase.active for state in states)
    assert not set(before) & {state.salt for state in states}
    await world.play(8)
    assert [(state.hold, state.confirmed_bp) for state in await world.members()] == [("step", 5_000)] * 2


async def test_none_is_retried_beside_another_rollout_of_one_of_them(world: World) -> None:
    await world.move()
    await world.people.abort("wallet-2", ANNA)
    await world.play(8)
    await world.people.start("payments", "3.0.0", ANNA, strategy="payments")
    with pytest.raises(Rejected, match=r"payments-3 is in progress\.") as refused:
        await world.people.retry("wallet-2", ANNA)
    assert refused.value.hint == "Wait for it or abort it, then retry."
    assert await world.phases() == {Phase.ABORTED}


# --- freezes ----------------------------------------------------------------------------------------------------------


async def test_a_freeze_of_one_is_overridden_where_it_is_closed(world: World) -> None:
    await world.move()
    await world.freeze("wallet")
    with pytest.raises(Conflict, match="frozen by sports/final"):
        await world.people.promote("wallet-2", ANNA)
    await world.people.override("payments-2", ANNA, "final")
    wallet, payments = await world.members()
    assert ([each.freeze for each in wallet.overrides], payments.overrides) == (["sports/final"], ())
    with pytest.raises(Rejected, match="'nosuch' names nothing that is closed for wallet-2"):
        await world.people.override("payments-2", ANNA, "nosuch")
    await world.people.promote("wallet-2", ANNA)
    await world.play(8)
    assert await world.phases() == {Phase.SUCCEEDED}


async def test_nobody_goes_ahead_of_one_that_could_not_follow(world: World) -> None:
    await world.move()
    await world.freeze("payments")
    for asked in ("wallet-2", "payments-2"):
        with pytest.raises(Conflict, match="payments-2 cannot go on: frozen by sports/final"):
            await world.people.promote(asked, ANNA)
    assert [state.confirmed_bp for state in await world.members()] == [5_000, 5_000]
    await world.people.override("wallet-2", ANNA, "final")
    await world.people.promote("wallet-2", ANNA)
    await world.play(8)
    assert await world.phases() == {Phase.SUCCEEDED}


# --- approvals --------------------------------------------------------------------------------------------------------


async def test_one_approval_lets_all_of_them_begin_also_after_a_crash(world: World) -> None:
    await world.declare_several((), (replace(CASHIER, name="asked", consent=Consent()),), [])
    await world.people.start_together(SECOND, ANNA, strategy="asked")
    await world.play(3)
    states = await world.members()
    assert [(state.phase, state.hold, state.starters) for state in states] == [
        (Phase.PAUSED, Hold.APPROVAL, ("anna",))
    ] * 2
    running = await world.workloads.observe()
    assert not any(key.version == "2.0.0" for key in running)
    world.restart(world.sites[0])
    boris = Ask("boris", "seen", role="operator")
    with pytest.raises(Rejected, match="anna started wallet-2: somebody else must approve it"):
        await world.people.approve("payments-2", replace(boris, actor="anna"), digest=digest(states))
    with pytest.raises(Conflict, match="are not what you looked at"):
        await world.people.approve("payments-2", boris, digest=single.digest(states[1]))
    await world.people.approve("payments-2", boris, digest=digest(states))
    await world.play(20)  # the lease of the one that crashed ends first
    assert [(state.hold, state.confirmed_bp) for state in await world.members()] == [("step", 5_000)] * 2


async def test_the_profile_of_one_service_is_asked_of_all(world: World) -> None:
    careful = Profile("payments", "sha256:p", Lane((Rung(5_000, 60.0),), Consent(2, ("admin",))))
    own = RolloutSpec("careful", "payments", (SetWeight(5_000), Pause(60.0)), profile=Chosen(careful))
    await world.declare_several((), (own,), [])
    await world.people.start_together(SECOND, ANNA, strategy="cashier")
    states = await world.members()
    assert {state.plan.consent for state in states} == {Consent(2, ("admin",))}
    assert [state.plan.profile.name if state.plan.profile else None for state in states] == [None, "payments"]
