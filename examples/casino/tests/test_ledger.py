"""The ledger check can fail: each rule finds the corruption it is for, and nothing is found in an honest book."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from casino import bonuses, identity, rounds, wallet
from casino.book import Book
from casino.database import connect, writing
from casino.identity import Newcomer, Player
from casino.ledger import Unreadable, check, extent, main
from casino.ledger_rules import RULES
from casino.psp import Decision
from casino.rounds import Bet
from casino.testing import Silent
from casino.wallet import Flow, Order
from casino.world import OFFERS

ANN = Player(identity.player_id("ann"), "DE", "aurora")
CORRUPTIONS = {
    "unbalanced": "UPDATE entries SET amount = amount + 1, balance_after = balance_after + 1 WHERE id = 1",
    "entry_without_transaction": "INSERT INTO entries (transaction_id, account_id, amount, balance_after) "
    "VALUES (999, 1, 5, 0)",
    "double_debit": "INSERT INTO transactions (kind, reference, subject, player_id, version, at) "
    "SELECT kind, reference || '#2', subject, player_id, version, at FROM transactions WHERE kind = 'bet' LIMIT 1",
    "double_credit": "INSERT INTO transactions (kind, reference, subject, player_id, version, at) "
    "SELECT kind, reference || '#2', subject, player_id, version, at FROM transactions WHERE kind = 'deposit' LIMIT 1",
    "split_round": "INSERT INTO long_rounds SELECT 'x@1.1.0', subject, '1.1.0' FROM rounds LIMIT 1; "
    "INSERT INTO round_visits VALUES ('x@1.1.0', '1.0.0', 1.0)",
    "balance_drift": "UPDATE accounts SET balance = balance + 1 WHERE kind = 'player'",
    "broken_chain": "UPDATE entries SET balance_after = balance_after + 1 WHERE id = 2",
    "negative_player": "UPDATE accounts SET balance = -1 WHERE kind = 'player'",
    "money_from_nowhere": "UPDATE accounts SET balance = balance + 1 WHERE kind = 'house'",
    "win_without_bet": "DELETE FROM transactions WHERE kind = 'bet'",
    "refund_without_withdrawal": "DELETE FROM transactions WHERE kind = 'withdrawal' AND subject LIKE '%/w2'",
    "deposit_mismatch": "UPDATE payments SET status = 'declined' WHERE subject LIKE '%/d1'",
    "withdrawal_mismatch": "UPDATE payments SET amount = amount + 1 WHERE subject LIKE '%/w1'",
    "round_mismatch": "UPDATE rounds SET win = win + 1 WHERE win > 0",
    "unknown_subject": "DELETE FROM rounds",
    "claim_mismatch": "UPDATE claims SET amount = amount + 1",
    "excluded_player_served": "UPDATE players SET excluded_at = 1.0",
    "hold_mismatch": "UPDATE holds SET state = 'released' WHERE subject LIKE '%/h1'",
    "settled_without_answer": "DELETE FROM answers WHERE scope = 'payment'",
    "answer_altered": "UPDATE answers SET body = '{}' WHERE scope = 'round'",
    "answer_lies": "UPDATE payments SET status = 'failed' WHERE subject LIKE '%/d2'",
}


@pytest.fixture
def honest(tmp_path: Path) -> Path:
    """A small book in which everything happened once: deposits, a win, withdrawals paid and refunded, a bonus."""
    path = tmp_path / "casino.db"
    connection = connect(path)
    with writing(connection) as tx:
        identity.add_player(tx, Newcomer("ann", "pbkdf2$1$00$00", "A" * 16, "DE", "aurora"))
        book = Book(tx, "1.1.0", Silent())
        for key, decision in (("d1", Decision.APPROVED), ("d2", Decision.DECLINED), ("d3", Decision.FAILED)):
            order = Order(ANN, key, "deposit", "kestrel", 1_000, key)
            wallet.open_deposit(tx, order)
            wallet.settle_deposit(book, order, decision)
        for key, decision in (("h1", Decision.APPROVED), ("h2", Decision.FAILED)):
            order = Order(ANN, key, "deposit", "velora", 1_000, key, flow=Flow.HOLD)
            wallet.open_deposit(tx, order)
            wallet.note_hold(tx, order)
            wallet.settle_deposit(book, order, decision)
        for key, multiple in (("r1", 2), ("r2", 0)):
            bet = Bet(ANN, key, "comet", 100, key)
            rounds.place(book, bet, multiple)
            rounds.settle(book, bet)
        rounds.place(book, Bet(ANN, "r3", "comet", 5_000, "r3"), 0)
        for key, decision in (("w1", Decision.APPROVED), ("w2", Decision.DECLINED)):
            order = Order(ANN, key, "withdrawal", "tarn", 200, key)
            wallet.reserve_withdrawal(book, order)
            wallet.settle_withdrawal(book, order, decision)
        bonuses.claim(book, ANN, OFFERS["welcome"])
    connection.close()
    return path


def corrupt(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.executescript(statement)
    connection.commit()
    connection.close()


def test_an_honest_book_has_no_findings(honest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(honest) == []
    assert main(["check", str(honest)]) == 0
    assert "0 findings in 9 transactions" in capsys.readouterr().out


@pytest.mark.parametrize("rule", CORRUPTIONS)
def test_each_corruption_is_found_by_its_rule(honest: Path, rule: str) -> None:
    corrupt(honest, CORRUPTIONS[rule])
    assert rule in {finding.rule for finding in check(honest)}


def test_every_rule_has_a_corruption() -> None:
    assert {rule.name for rule in RULES} <= set(CORRUPTIONS)


def test_open_work_is_counted_but_no_finding(honest: Path) -> None:
    connection = connect(honest)
    with writing(connection) as tx:
        wallet.open_deposit(tx, Order(ANN, "d9", "deposit", "kestrel", 70, "d9"))
        wallet.reserve_withdrawal(Book(tx, "1.1.0", Silent()), Order(ANN, "w9", "withdrawal", "kestrel", 70, "w9"))
    connection.close()
    assert check(honest) == []
    assert extent(honest).open == 2


def test_the_command_exits_1_with_findings_and_2_without_a_ledger(honest: Path, tmp_path: Path) -> None:
    corrupt(honest, CORRUPTIONS["double_debit"])
    command = [sys.executable, "-m", "casino.ledger", "check"]
    done = subprocess.run([*command, str(honest)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"double_debit: {ANN.id}/r1: 2 times bet" in done.stdout
    (tmp_path / "text").write_text("no database")
    assert main(["check", str(tmp_path / "text")]) == 2
    with pytest.raises(Unreadable, match="does not exist"):
        check(tmp_path / "nothing")
