"""Smoke checks of services that move as one: which versions they may be led to, and what a failure does to all."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.control.test_together import ALONE, ANNA, CASHIER, SECOND, World

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import VersionKey
from croupier.control.smoking import moving_with
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Smoke
from croupier.core.smoke import CheckResult, Outcome, SmokeCheck
from croupier.errors import NotFound, Rejected

WALLET, PAYMENTS = VersionKey("wallet", "2.0.0"), VersionKey("payments", "2.0.0")


@dataclass
class Runner:
    """Remembers where each check was led."""

    outcome: Outcome = Outcome.PASSED
    led: list[tuple[VersionKey, ...]] = field(default_factory=list)

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        self.led.append((key, *others))
        return CheckResult(check.name, self.outcome, "it paid")


@pytest.fixture
async def smoked(store: SqlStore) -> World:
    """Both are to move as one, with a check after every switch."""
    world = World(store, seed=1)
    world.smoke = Runner()
    await world.begin()
    smoke = Smoke(("money",))
    ways = (replace(CASHIER, name="smoked", smoke=smoke), replace(ALONE[0], name="alone", smoke=smoke))
    await world.declare_several((), ways, [], [SmokeCheck("money")])
    return world


async def begin(world: World) -> None:
    await world.people.start_together(SECOND, ANNA, strategy="smoked")
    await world.play(8)


async def test_each_check_is_led_to_all_the_new_versions_and_to_no_others(smoked: World) -> None:
    await begin(smoked)
    assert isinstance(smoked.smoke, Runner)
    assert smoked.smoke.led == [(PAYMENTS, WALLET)], "once, where both have it"
    assert [len(state.smokes) for state in await smoked.members()] == [0, 1]
    await smoked.people.promote("wallet-2", ANNA)
    await smoked.play(8)
    assert await smoked.phases() == {Phase.SUCCEEDED}
    assert set(smoked.smoke.led) == {(PAYMENTS, WALLET)}


async def test_a_failure_takes_both_back(smoked: World) -> None:
    assert isinstance(smoked.smoke, Runner)
    smoked.smoke.outcome = Outcome.FAILED
    await begin(smoked)
    wallet, payments = await smoked.members()
    assert await smoked.phases() == {Phase.ABORTED}
    assert wallet.abort is not None
    assert payments.abort is not None
    assert (payments.abort.cause, wallet.abort.cause) == (Cause.SMOKE, Cause.TOGETHER)
    assert payments.abort.at <= wallet.abort.at


async def test_a_token_for_several_is_for_those_of_one_rollout_in_progress(smoked: World) -> None:
    with pytest.raises(Rejected, match=r"payments 2\.0\.0 moves with no other service now"):
        await moving_with(smoked.store, PAYMENTS)
    await begin(smoked)
    assert await moving_with(smoked.store, PAYMENTS) == (WALLET,)
    assert await moving_with(smoked.store, WALLET) == (PAYMENTS,)
    for other in (VersionKey("payments", "1.0.0"), VersionKey("payments", "3.0.0"), VersionKey("lobby", "2.0.0")):
        with pytest.raises(Rejected, match="moves with no other service now"):
            await moving_with(smoked.store, other)
    with pytest.raises(NotFound):
        await moving_with(smoked.store, VersionKey("nobody", "1.0.0"))
    await smoked.people.abort("wallet-2", ANNA)
    await smoked.play(6)
    with pytest.raises(Rejected, match="moves with no other service now"):
        await moving_with(smoked.store, PAYMENTS)


async def test_one_service_alone_is_led_to_alone(smoked: World) -> None:
    await smoked.people.start("wallet", "2.0.0", ANNA, strategy="alone")
    await smoked.play(8)
    assert isinstance(smoked.smoke, Runner)
    assert smoked.smoke.led == [(WALLET,)]
    with pytest.raises(Rejected, match="moves with no other service now"):
        await moving_with(smoked.store, WALLET)
