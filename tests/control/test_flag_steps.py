"""Flags that a rollout turns: in its own commits, seen by clients, put back by content. On a real store."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.database import place_database

from croupier.adapters.store.sql import open_store
from croupier.control.flag_steps import OpenDoor, before_flags, check_flags
from croupier.control.ports import Commit
from croupier.control.rollouts import Ask
from croupier.core.flags.read import read_flag
from croupier.core.gates import ClassicRule, Gate, Objective, RatioSli
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Pause, RolloutSpec, SetFlag, SetWeight
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Rejected, Transient
from croupier.testing.simulation import Simulation

ANNA = Ask("anna")
FLAG: dict[str, Any] = {
    "feature": "new-cashier",
    "owner": "anna",
    "rules": [{"if": "market == 'DE'", "variant": "off"}],
}
GATE = Gate(
    "errors",
    RatioSli("requests_total", good=(("outcome", ("ok",)),)),
    objective=Objective(0.95),
    rule=ClassicRule(interval_s=5.0, window_s=30.0, consecutive=2),
)
STEPS = (
    SetWeight(2_500),
    SetFlag("new-cashier", share_bp=2_500),
    Pause(20.0),
    SetWeight(10_000),
    SetFlag("new-cashier"),
    Pause(20.0),
)
SERVICES = ("wallet", "payments")


class World(Simulation):
    """Two services that move as one, and a flag."""

    async def begin(self) -> None:
        alone = [RolloutSpec(name, name, (SetWeight(10_000),)) for name in SERVICES]
        cashier = RolloutSpec("cashier", "wallet", STEPS, guards=("errors",), services=SERVICES)
        await self.declare_several(SERVICES, (*alone, cashier), [GATE])
        await self.declare_flags(FLAG)
        for name in SERVICES:
            await self.release("1.0.0", name)
            await self.release("2.0.0" if name == "wallet" else "3.0.0", name)
            await self.sites[0].rollouts.start(name, "1.0.0", ANNA, strategy=name)
        await self.play(6.0)
        await self.sites[0].rollouts.start_together({"wallet": "2.0.0", "payments": "3.0.0"}, ANNA)

    async def play(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            await self.pass_time(1.0)
            await self.tick(self.sites[0])

    async def payments(self) -> RolloutState:
        stored = await self.store.rollout("payments-2")
        assert stored is not None
        assert replay(await self.store.history("payments-2")) == stored.value
        return stored.value

    def declared(self) -> dict[str, Any]:
        state = self.sites[0].flags.flags.book.recorded("new-cashier")
        assert state is not None
        return dict(state.source)

    async def until(self, what: Callable[[RolloutState], bool]) -> RolloutState:
        for _ in range(120):
            if what(state := await self.payments()):
                return state
            await self.play(1.0)
        raise AssertionError(await self.payments())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    await place_database(url)
    store = await open_store(url)
    try:
        made = World(store)
        await made.begin()
        yield made
    finally:
        await store.close()


async def told(world: World, kind: type[Any]) -> list[Any]:
    return [event for event in await world.store.history("payments-2") if isinstance(event, kind)]


async def test_the_last_member_turns_it_when_all_carry_the_code(world: World) -> None:
    before = world.declared()
    state = await world.until(lambda state: bool(state.turned and state.turned[0].seen_at))
    assert [world.router.routes(name).weight_of(v) for name, v in (("wallet", "2.0.0"), ("payments", "3.0.0"))] == [  # type: ignore[union-attr]
        2_500,
        2_500,
    ]
    rules = world.declared()["rules"]
    assert rules[0] == before["rules"][0]  # who is excluded stays so
    assert (rules[1]["rollout"], rules[1]["bucketing"]["salt"]) == (0.25, state.salt)
    await world.until(lambda state: state.phase is Phase.SUCCEEDED)
    assert world.declared()["default"] == "on"
    assert len(world.declared()["rules"]) == 1
    wallet = await world.store.rollout("wallet-2")
    assert wallet is not None
    assert wallet.value.turned == ()


async def test_it_goes_back_before_its_players_do(world: World) -> None:
    before = world.declared()
    await world.until(lambda state: bool(state.turned))
    assert world.declared() != before
    world.metrics.break_version("2.0.0", 1.0)
    state = await world.until(lambda state: state.phase is Phase.ABORTED)
    assert world.declared() == before
    kinds = [event.type for event in await world.store.history("payments-2")]
    assert kinds[kinds.index("abort_started") :] == ["abort_started", "flag_back", "aborted"]
    assert state.turned[0].settled_at == state.abort.at  # type: ignore[union-attr]


async def test_what_somebody_else_changed_is_left_and_said(world: World) -> None:
    await world.until(lambda state: bool(state.turned))
    mine = {**FLAG, "default": "on"}
    await world.sites[0].flags.flags.changes.declare([read_flag(mine)], actor="boris")
    await world.sites[0].rollouts.abort("wallet-2", ANNA)
    await world.until(lambda state: state.phase is Phase.ABORTED)
    assert world.declared()["default"] == "on"
    (left,) = await told(world, e.FlagLeft)
    assert left.reason == "flag new-cashier was changed by boris since, so it was left as it is"


async def test_a_step_does_not_turn_what_somebody_else_changed(world: World) -> None:
    await world.until(lambda state: bool(state.turned))
    await world.sites[0].flags.flags.changes.declare([read_flag({**FLAG, "default": "on"})], actor="boris")
    state = await world.until(lambda state: state.phase is Phase.PAUSED)
    assert state.step == 4
    (paused,) = await told(world, e.Paused)
    assert "was changed by boris since, so this step does not turn it" in paused.reason
    await world.sites[0].rollouts.promote("payments-2", ANNA)
    await world.until(lambda state: state.phase is Phase.SUCCEEDED)


async def test_a_killed_flag_stays_killed(world: World) -> None:
    flags = world.sites[0].flags.flags
    await flags.changes.kill("new-cashier", actor="boris", reason="no")
    await world.until(lambda state: bool(state.turned))
    assert [kill.actor for kill in flags.book.recorded("new-cashier").kills] == ["boris"]  # type: ignore[union-attr]
    await world.sites[0].rollouts.abort("payments-2", ANNA)
    await world.until(lambda state: state.phase is Phase.ABORTED)
    assert [kill.actor for kill in flags.book.recorded("new-cashier").kills] == ["boris"]  # type: ignore[union-attr]


async def test_clients_are_waited_for_and_those_who_have_it_not_are_named(world: World) -> None:
    flags = world.sites[0].flags.flags
    await flags.book.refresh()
    old = f"{flags.book.lineage}:{flags.book.version}"
    flags.propagation.acknowledge("lobby-1", "production", old, "0", held_s=0.0, now=world.clock.now())
    state = await world.until(lambda state: bool(state.turned))
    assert state.turned[0].seen_at is None
    await world.play(5.0)
    assert (await world.payments()).turned[0].seen_at is None
    state = await world.until(lambda state: state.turned[0].seen_at is not None)
    (seen,) = await told(world, e.FlagSeen)
    assert (seen.clients, seen.missing, seen.behind) == (1, 1, ("lobby-1",))


async def test_an_abort_waits_for_nobody_who_changes_flags(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.until(lambda state: bool(state.turned))
    door = world.sites[0].reconciler.flags
    assert door is not None
    join, tries = type(door).join, 0

    async def overtaken(self: Any, *asked: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:  # boris is faster, in this moment
            await world.sites[0].flags.flags.changes.declare([read_flag({"feature": "other"})], actor="boris")
            world.sites[0].flags.flags.book.version -= 1
        return await join(self, *asked)

    monkeypatch.setattr(type(door), "join", overtaken)
    world.metrics.break_version("3.0.0", 1.0)
    state = await world.until(lambda state: state.phase is Phase.ABORTED)
    assert state.turned[0].settled_at is not None
    assert tries >= 2


def test_who_goes_back_after_a_flag_waits_for_it_where_somebody_changes_flags() -> None:
    seen = e.WeightConfirmed(2_500, 1.0)
    abort = e.AbortStarted(Cause.PERSON, "harm", 1.0)
    back = e.FlagBack("new-cashier", FLAG, "sha256:0", 1.0)
    assert before_flags([(seen, abort), (abort, back)]) == [(seen,), (abort,)]
    assert before_flags([(seen, abort), (abort,)]) == [(seen, abort), (abort,)]
    assert before_flags([(back, seen)]) == [()]


async def test_nothing_is_superseded_while_flags_are_turned(world: World) -> None:
    state = await world.until(lambda state: bool(state.turned))
    from croupier.core.rollout import commands

    with pytest.raises(Conflict, match="has turned new-cashier"):
        commands.supersede(state, world.clock.now(), by="payments-3")


async def test_a_flag_that_there_is_not_is_refused_at_the_start(world: World) -> None:
    await world.until(lambda state: state.phase is Phase.SUCCEEDED)
    other = RolloutSpec("other", "wallet", (SetWeight(10_000), SetFlag("old-cashier")), services=SERVICES)
    await world.declare_several((), (other,), ())
    for name in SERVICES:
        await world.release("4.0.0", name)
    with pytest.raises(Rejected, match="there is no flag 'old-cashier'"):
        await world.sites[0].rollouts.start_together(dict.fromkeys(SERVICES, "4.0.0"), ANNA, strategy="other")


async def test_flags_that_were_not_read_yet_are_not_taken_for_gone(world: World) -> None:
    state = await world.until(lambda state: bool(state.turned))
    site = world.sites[0]
    world.restart(site)
    world.store_down = True
    door = site.reconciler.flags
    assert door is not None
    assert await door.known(("new-cashier",), world.clock.now()) is None
    with pytest.raises(Transient):
        await check_flags(door, state.plan, world.clock.now())
    world.store_down = False
    known = await door.known(("new-cashier",), world.clock.now())
    assert known is not None
    assert list(known.states) == ["new-cashier"]


async def test_players_leave_while_nobody_knows_of_the_flags(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise Transient("The store is away.")

    await world.until(lambda state: bool(state.turned))
    monkeypatch.setattr(OpenDoor, "known", away)
    await world.sites[0].rollouts.abort("wallet-2", ANNA)
    await world.play(5.0)
    assert (await world.payments()).phase is Phase.ABORTING
    wallet, payments = (world.router.routes(name) for name in SERVICES)
    assert wallet is not None
    assert payments is not None
    assert (wallet.weight_of("2.0.0"), payments.weight_of("3.0.0")) == (0, 0)
    monkeypatch.undo()
    await world.until(lambda state: state.phase is Phase.ABORTED)


async def test_a_step_is_taken_anew_where_somebody_changes_flags_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flags, join, tries = world.sites[0].flags.flags, OpenDoor.join, 0

    async def overtaken(self: Any, *asked: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:  # boris is faster, in this moment
            await flags.changes.declare([read_flag({"feature": "other"})], actor="boris")
            flags.book.version -= 1
        return await join(self, *asked)

    monkeypatch.setattr(OpenDoor, "join", overtaken)
    caplog.set_level("INFO", "croupier.control")
    await world.until(lambda state: bool(state.turned))
    assert tries == 2
    assert "somebody was faster, reading again" in caplog.text
    assert len(await told(world, e.FlagTurned)) == 1
    assert world.declared()["rules"][1]["rollout"] == 0.25
    assert flags.book.recorded("other") is not None


async def test_a_commit_without_flags_tells_clients_nothing(world: World) -> None:
    flags = world.sites[0].flags.flags
    before = (flags.book.lineage, flags.book.version)
    await OpenDoor(flags).tell(Commit((), world.clock.now()))
    assert (flags.book.lineage, flags.book.version) == before
