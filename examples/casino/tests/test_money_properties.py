"""Any order of deposits, bets, settlements, withdrawals, replays and crashes keeps every invariant of the ledger."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from casino import bonuses, identity, rounds, wallet
from casino.answers import Answer
from casino.book import Book
from casino.database import connect, writing
from casino.identity import Newcomer, Player
from casino.ledger import inspect
from casino.psp import Decision
from casino.rounds import Bet
from casino.wallet import Flow, Order
from casino.world import OFFERS, PROVIDERS

LOGINS = ("ann", "bob")
PLAYERS = st.sampled_from([Player(identity.player_id(login), "DE", "aurora") for login in LOGINS])
AMOUNTS = st.integers(1, 60)
FIRST_DEPOSIT = 100
"""Enough for a few bets, not for all."""
KEYS = st.sampled_from([f"k{n}" for n in range(40)])


class CountingAlarms:
    def __init__(self) -> None:
        self.raised = 0

    def drift(self) -> None:
        self.raised += 1

    def duplicate(self) -> None:
        self.raised += 1


class Money(RuleBasedStateMachine):
    """Steps are taken one by one, so a step that never comes is a crash; steps come back as retries and sweeps."""

    orders = Bundle("orders")
    bets = Bundle("bets")

    def __init__(self) -> None:
        super().__init__()
        self.connection = connect(Path(":memory:"))
        self.alarms = CountingAlarms()
        self.expected: dict[str, int] = {}
        self.answers: dict[str, Answer] = {}
        self.began: dict[str, tuple[str, Flow]] = {}
        with writing(self.connection) as tx:
            for login in LOGINS:
                identity.add_player(tx, Newcomer(login, "pbkdf2$1$00$00", "A" * 32, "DE", "aurora"))
                player = Player(identity.player_id(login), "DE", "aurora")
                first = Order(player, "first", "deposit", "kestrel", FIRST_DEPOSIT, "first")
                wallet.settle_deposit(self.book(), first, Decision.APPROVED)
                self.move(player, FIRST_DEPOSIT)

    def teardown(self) -> None:
        self.connection.close()

    def book(self) -> Book:
        return Book(self.connection, "1.1.0", self.alarms)

    def move(self, player: Player, amount: int) -> None:
        self.expected[player.id] = self.expected.get(player.id, 0) + amount

    def remember(self, subject: str, answer: Answer | None) -> bool:
        """Whether the answer is a new one; a repeated one must be the same."""
        if answer is None:
            return False
        first = self.answers.setdefault(subject, answer)
        assert (answer.body, answer.status_code) == (first.body, first.status_code)
        assert answer.fresh == (answer is first)
        return answer.fresh

    def is_known_otherwise(self, order: Order) -> bool:
        """Whether the key belongs to another body, which is refused (and tested elsewhere)."""
        query = "SELECT body_digest FROM payments WHERE subject = ?"
        known = self.connection.execute(query, (order.subject,)).fetchone()
        return known is not None and known["body_digest"] != order.body_digest

    @rule(
        target=orders, player=PLAYERS, key=KEYS, amount=AMOUNTS, psp=st.sampled_from(list(PROVIDERS)),
        how=st.tuples(st.sampled_from(["deposit", "withdrawal"]), st.booleans()),
        flags=st.tuples(st.sampled_from(list(PROVIDERS)), st.sampled_from(Flow)),
    )  # fmt: skip
    def open_payment(
        self, player: Player, key: str, amount: int, psp: str, how: tuple[str, bool], flags: tuple[str, Flow]
    ) -> object:
        """Flags send it to some provider, some way, unless it has begun already."""
        direction, intent = how
        used, flow = flags
        order = Order(player, f"{direction}-{key}", direction, psp, amount, f"{direction}-{psp}-{amount}")
        known = self.connection.execute(
            "SELECT body_digest FROM payments WHERE subject = ?", (order.subject,)
        ).fetchone()
        if known is not None and known["body_digest"] != order.body_digest:
            return multiple()
        with writing(self.connection) as tx:
            if direction == "withdrawal":
                answer = wallet.reserve_withdrawal(self.book(), order, lambda new: replace(new, psp=used))
                if known is None and answer is None:
                    self.move(player, -amount)
            else:
                begin = wallet.open_deposit if intent else wallet.check_deposit
                answer = begin(tx, order, lambda new: replace(new, psp=used, flow=flow))
        self.remember(order.subject, answer)
        return order

    @rule(order=orders)
    def hold_money(self, order: Order) -> None:
        """The provider holds the money, and the process may die upon it."""
        with writing(self.connection) as tx:
            wallet.note_hold(tx, order)

    @rule(order=orders)
    def retry_payment(self, order: Order) -> None:
        """The first step again, by the player's retry or by the sweep."""
        if self.is_known_otherwise(order):
            return
        with writing(self.connection) as tx:
            known = tx.execute("SELECT 1 FROM payments WHERE subject = ?", (order.subject,)).fetchone()
            if order.direction == "withdrawal":
                answer = wallet.reserve_withdrawal(self.book(), order)
                assert known is not None, "an opened withdrawal is remembered"
            else:
                answer = wallet.open_deposit(tx, order)
        self.remember(order.subject, answer)

    @rule(bet=bets, multiple_of=st.sampled_from([0, 3]))
    def retry_bet(self, bet: Bet, multiple_of: int) -> None:
        """The same bet again; new dice must not change the result that was fixed."""
        with writing(self.connection):
            self.remember(f"round {bet.subject}", rounds.place(self.book(), bet, multiple_of))

    @rule(order=orders, decision=st.sampled_from(Decision))
    def settle_payment(self, order: Order, decision: Decision) -> None:
        if self.is_known_otherwise(order):
            return
        with writing(self.connection):
            settle = wallet.settle_deposit if order.direction == "deposit" else wallet.settle_withdrawal
            answer = settle(self.book(), order, decision)
        if self.remember(order.subject, answer):
            approved = decision is Decision.APPROVED
            if order.direction == "deposit":
                self.move(order.player, order.amount if approved else 0)
            else:
                self.move(order.player, 0 if approved else order.amount)

    @rule(target=bets, player=PLAYERS, key=KEYS, stake=AMOUNTS, multiple_of=st.sampled_from([0, 0, 1, 2, 20]))
    def place_bet(self, player: Player, key: str, stake: int, multiple_of: int) -> object:
        bet = Bet(player, key, "comet", stake, f"comet-{stake}")
        known = self.connection.execute("SELECT body_digest FROM rounds WHERE subject = ?", (bet.subject,)).fetchone()
        stored = self.connection.execute(
            "SELECT body_digest FROM answers WHERE scope = 'round' AND subject = ?", (bet.subject,)
        ).fetchone()
        if any(row is not None and row["body_digest"] != bet.body_digest for row in (known, stored)):
            return multiple()
        with writing(self.connection):
            answer = rounds.place(self.book(), bet, multiple_of)
        if self.remember(f"round {bet.subject}", answer) or answer is not None:
            return multiple()
        if known is None:
            self.move(player, -stake)
        return bet

    @rule(bet=bets)
    def settle_bet(self, bet: Bet) -> None:
        with writing(self.connection):
            answer = rounds.settle(self.book(), bet)
        if self.remember(f"round {bet.subject}", answer):
            self.move(bet.player, int(answer.document["win_minor"]))

    @rule(player=PLAYERS, offer=st.sampled_from(list(OFFERS.values())))
    def claim(self, player: Player, offer: object) -> None:
        with writing(self.connection):
            granted, amount = bonuses.claim(self.book(), player, offer)  # type: ignore[arg-type]
        self.move(player, amount if granted else 0)

    @invariant()
    def what_has_begun_goes_on_as_it_began(self) -> None:
        query = "SELECT payments.subject, psp, holds.subject AS hold FROM payments LEFT JOIN holds USING (subject)"
        for row in self.connection.execute(query):
            now = (row["psp"], Flow.HOLD if row["hold"] else Flow.CHARGE)
            assert self.began.setdefault(row["subject"], now) == now

    @invariant()
    def every_rule_holds(self) -> None:
        assert inspect(self.connection) == []
        assert self.alarms.raised == 0

    @invariant()
    def balances_are_the_model(self) -> None:
        rows = self.connection.execute("SELECT owner, balance FROM accounts WHERE kind = 'player'").fetchall()
        held = {row["owner"]: row["balance"] for row in rows if row["balance"]}
        assert held == {player: amount for player, amount in self.expected.items() if amount}


Money.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestMoney = Money.TestCase


def test_slots_and_roulette_pay_back_less_than_they_take() -> None:
    dice = random.Random(7)
    for game, respins in (("comet", False), ("comet", True), ("roulette", False)):
        turns = 20_000
        returned = sum(rounds.draw(game, dice, respins) for _ in range(turns)) / turns
        assert 0.85 < returned < 1.02, (game, respins, returned)
