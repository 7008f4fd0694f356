"""Both ways of a deposit and every switch: who is asked, what is answered, and that no kill moves money twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from casino import identity, payments, wallet
from casino.answers import Answer
from casino.errors import Refusal
from casino.house import House
from casino.identity import Newcomer, Player
from casino.ledger import check, extent
from casino.payment_steps import USUAL_LIMIT_MINOR, carry_out_deposit, carry_out_withdrawal
from casino.psp import Decision, Terminal, decide
from casino.testing import OpenHouse, house_in
from casino.wallet import Order
from casino.world import PROVIDERS

ANN = Player(identity.player_id("ann"), "DE", "aurora")
V2 = {"payments_v2": True}


class Died(Exception):
    """The process ended here."""


@dataclass
class Statement(Terminal):
    """The real terminal without its waiting, which keeps what the providers would have on their statements.

    `dies_at` counts calls: at that one the process ends, after the provider did it if `late`.
    """

    asked: list[tuple[str, str]] = field(default_factory=list)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    dies_at: int = 0
    late: bool = False

    async def ask(self, psp: str, direction: str, reference: str) -> Decision:
        decision = decide(psp, direction, reference)
        return self._did("ask", psp, reference, decision, 1 if decision is Decision.APPROVED else 0)

    async def hold(self, psp: str, reference: str) -> Decision:
        return self._did("hold", psp, reference, decide(psp, "deposit", reference), None)

    async def capture(self, psp: str, reference: str) -> Decision:
        return self._did("capture", psp, reference, Decision.APPROVED, 1)

    async def release(self, psp: str, reference: str) -> None:
        self._did("release", psp, reference, Decision.APPROVED, 0)

    def _did(self, what: str, psp: str, reference: str, decision: Decision, taken: int | None) -> Decision:
        self.dies_at -= 1
        if self.dies_at == 0 and not self.late:
            raise Died
        self.asked.append((what, psp))
        if taken is not None:
            self.taken[psp, reference] = taken  # one reference is charged once, however often it is asked
        if self.dies_at == 0:
            raise Died
        return decision


def order(key: str = "d1", psp: str = "kestrel", amount: int = 1_000, direction: str = "deposit") -> Order:
    return Order(ANN, key, direction, psp, amount, f"{direction}-{amount}")


GOOD = next(
    key
    for key in (f"a{n}" for n in range(1_000))
    if all(decide(name, "deposit", f"{ANN.id}/{key}") is Decision.APPROVED for name in PROVIDERS)
)
"""A deposit that every issuer approves."""


def register(house: House) -> None:
    newcomer = Newcomer("ann", "pbkdf2$1$00$00", "A" * 32, ANN.market, ANN.brand)
    house.database.write_now(lambda tx: identity.add_player(tx, newcomer))


@pytest.mark.parametrize(
    "version, rules, flow, asked",
    [
        ("1.1.0", {}, "charge", ["ask"]),
        ("1.1.0", V2, "hold", ["hold", "capture"]),
        ("1.0.0", V2, "charge", ["ask"]),
        ("1.0.0", {}, "charge", ["ask"]),
    ],
)
async def test_the_flag_chooses_the_way(
    open_house: OpenHouse, version: str, rules: dict[str, Any], flow: str, asked: list[str]
) -> None:
    statement = Statement()
    house = open_house(rules, version=version, terminal=statement)
    register(house)
    answer = await carry_out_deposit(house, order(GOOD))
    assert (answer.status_code, answer.document["flow"]) == (200, flow)
    assert [what for what, _ in statement.asked] == asked
    again = await carry_out_deposit(house, order(GOOD))
    assert (again.body, again.fresh) == (answer.body, False)
    assert check(house.database.path) == []


async def test_an_issuers_decline_is_one_on_either_way(open_house: OpenHouse) -> None:
    key = next(f"n{n}" for n in range(1_000) if decide("tarn", "deposit", f"{ANN.id}/n{n}") is Decision.DECLINED)
    statement = Statement()
    house = open_house(V2, terminal=statement)
    register(house)
    answer = await carry_out_deposit(house, order(key, "tarn"))
    assert (answer.status_code, answer.document["status"]) == (402, "declined")
    assert statement.asked == [("hold", "tarn")]
    assert check(house.database.path) == []


@pytest.mark.parametrize("psp", PROVIDERS)
@pytest.mark.parametrize("direction", ["deposit", "withdrawal"])
async def test_a_provider_that_is_switched_off_is_replaced(open_house: OpenHouse, psp: str, direction: str) -> None:
    statement = Statement()
    house = open_house({f"psp_{psp}": False}, terminal=statement)
    register(house)
    await carry_out_deposit(house, order(GOOD, psp))
    if direction == "withdrawal":
        await carry_out_withdrawal(house, order("w1", psp, 10, "withdrawal"))
    used = {name for _, name in statement.asked}
    assert psp not in used
    assert len(used) == 1
    series = house.metrics.exposition().decode()
    assert f'casino_payments_rerouted_total{{psp="{psp}",used="{used.pop()}",version="1.1.0"}}' in series
    assert check(house.database.path) == []


@pytest.mark.parametrize(
    "version, rules",
    [("1.1.0", {f"psp_{name}": False for name in PROVIDERS}), ("1.0.0", {"psp_kestrel": False})],
)
async def test_where_none_can_replace_it_the_player_is_told_to_choose(
    open_house: OpenHouse, version: str, rules: dict[str, Any]
) -> None:
    statement = Statement()
    house = open_house(rules, version=version, terminal=statement)
    register(house)
    for step, direction in ((carry_out_deposit, "deposit"), (carry_out_withdrawal, "withdrawal")):
        with pytest.raises(Refusal, match="nothing was moved; try velora or tarn") as refused:
            await step(house, order(GOOD, direction=direction))
        assert (refused.value.status, refused.value.code) == (409, "provider_unavailable")
    assert statement.asked == []
    assert extent(house.database.path).open == 0


async def test_large_deposits_take_a_permission(open_house: OpenHouse) -> None:
    house = open_house(terminal=Statement())
    register(house)
    with pytest.raises(Refusal, match="up to 500000 minor units") as refused:
        await carry_out_deposit(house, order(GOOD, amount=USUAL_LIMIT_MINOR + 1))
    assert (refused.value.status, refused.value.code) == (422, "limit_exceeded")
    permitted = open_house({"high_limits": {"rules": [{"if": "market == 'DE'"}]}}, terminal=Statement())
    answer = await carry_out_deposit(permitted, order(GOOD, amount=USUAL_LIMIT_MINOR + 1))
    assert answer.status_code == 200
    assert (await carry_out_deposit(house, order(GOOD, amount=USUAL_LIMIT_MINOR + 1))).body == answer.body


async def test_the_new_ways_fault_fails_the_new_way_only_and_a_kill_ends_it(open_house: OpenHouse) -> None:
    statement = Statement()
    house = open_house(V2, fault="capture-error:share=1", terminal=statement)
    register(house)
    failed = await carry_out_deposit(house, order("d1"))
    assert (failed.status_code, failed.document["flow"]) == (502, "hold")
    assert statement.asked == [("hold", "kestrel"), ("release", "kestrel")], "the money is let go"
    with house.flags.client.override({"payments_v2": {"kill_switch": True, "rules": [{}]}}):
        answer = await carry_out_deposit(house, order(GOOD))
    assert (answer.status_code, answer.document["flow"]) == (200, "charge")
    assert check(house.database.path) == []


async def test_metrics_tell_the_two_ways_apart(open_house: OpenHouse) -> None:
    house = open_house(V2, terminal=Statement())
    register(house)
    await payments._counted(house, order(GOOD), carry_out_deposit)
    with house.flags.client.override({"payments_v2": False}):
        await payments._counted(house, order("another", "velora"), carry_out_deposit)
    lines = [line for line in house.metrics.exposition().decode().splitlines() if line.endswith(" 1.0")]
    variants = [line for line in lines if line.startswith("casino_deposits_total")]
    assert sum('flag="payments_v2",flag_variant="on"' in line for line in variants) == 1
    assert sum('flag="payments_v2",flag_variant="off"' in line for line in variants) == 1


@dataclass(frozen=True)
class Attempt:
    """One process's try at the payment, with the flags that it has, up to where it dies."""

    v2: bool
    off: frozenset[str]
    dies_at: int
    late: bool


ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        v2=st.booleans(),
        off=st.frozensets(st.sampled_from([f"psp_{name}" for name in PROVIDERS]), max_size=2),
        dies_at=st.integers(1, 3),
        late=st.booleans(),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(attempts=ATTEMPTS, last=st.booleans(), key=st.integers(0, 10_000))
def test_a_kill_in_the_middle_of_a_deposit_never_takes_the_money_twice(
    attempts: list[Attempt], last: bool, key: int
) -> None:
    """Processes die at any point, flags flip between them, and the player's last try comes through: whichever way and
    provider it began with, the player is charged exactly what is credited.
    """
    with TemporaryDirectory(prefix="casino-") as folder:
        path = Path(folder) / "casino.db"
        taken: Counter[tuple[str, str]] = Counter()
        wanted = order(f"k{key}")
        answer: Answer | None = None
        began: set[tuple[str, str]] = set()
        for attempt in [*attempts, Attempt(last, frozenset(), 0, late=False)]:
            rules = {"payments_v2": attempt.v2, **dict.fromkeys(attempt.off, False)}
            with house_in(
                path, rules, terminal=Statement(taken=taken, dies_at=attempt.dies_at, late=attempt.late)
            ) as house:
                register(house)
                try:
                    answer = asyncio.run(carry_out_deposit(house, wanted))
                except Died:
                    opened = house.database.write_now(lambda tx: wallet.as_opened(tx, wanted))
                    began.add((opened.psp, opened.flow))
        assert answer is not None
        document = answer.document
        assert len(began | {(document["psp"], document["flow"])}) == 1, "what has begun goes on as it began"
        credited = document["status"] == "credited"
        assert sum(taken.values()) == credited
        assert document["balance_minor"] == (wanted.amount if credited else 0)
        assert check(path) == []
