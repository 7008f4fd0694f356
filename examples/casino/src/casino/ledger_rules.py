"""The ledger's invariants, one query each: it returns offences as `subject` and `detail`.

Run by `casino.ledger` on one snapshot of the database.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant, by the name of its breach; the query selects breaches."""

    name: str
    query: str


RULES = (
    Rule(
        "unbalanced",  # every set of entries sums to zero, has at least two, and is in one currency
        "SELECT t.id || ' ' || t.subject AS subject, "
        "'sum ' || coalesce(sum(amount), 0) || ' over ' || count(e.id) || ' entries' AS detail "
        "FROM transactions t LEFT JOIN entries e ON e.transaction_id = t.id "
        "LEFT JOIN accounts a ON a.id = e.account_id GROUP BY t.id "
        "HAVING coalesce(sum(amount), 0) <> 0 OR count(e.id) < 2 OR count(DISTINCT currency) <> 1",
    ),
    Rule(
        "entry_without_transaction",
        "SELECT id AS subject, 'transaction ' || transaction_id AS detail FROM entries "
        "WHERE transaction_id NOT IN (SELECT id FROM transactions)",
    ),
    Rule(
        "double_debit",  # at most one debit per payment or round
        "SELECT subject, count(*) || ' times ' || kind AS detail FROM transactions "
        "WHERE kind IN ('bet', 'withdrawal') GROUP BY kind, subject HAVING count(*) > 1",
    ),
    Rule(
        "double_credit",  # and at most one deposit, win, refund or bonus
        "SELECT subject, count(*) || ' times ' || kind AS detail FROM transactions "
        "WHERE kind NOT IN ('bet', 'withdrawal') GROUP BY kind, subject HAVING count(*) > 1",
    ),
    Rule(
        "balance_drift",  # a balance is the sum of its entries
        "SELECT a.kind || ' ' || owner AS subject, "
        "'balance ' || balance || ', entries ' || coalesce(sum(amount), 0) AS detail "
        "FROM accounts a LEFT JOIN entries e ON e.account_id = a.id GROUP BY a.id "
        "HAVING balance <> coalesce(sum(amount), 0)",
    ),
    Rule(
        "broken_chain",  # each entry continues from the one before
        "SELECT owner || ' entry ' || id AS subject, before || ' + ' || amount || ' <> ' || balance_after AS detail "
        "FROM (SELECT e.id, owner, amount, balance_after, "
        "lag(balance_after, 1, 0) OVER (PARTITION BY account_id ORDER BY e.id) AS before "
        "FROM entries e JOIN accounts a ON a.id = account_id) WHERE before + amount <> balance_after",
    ),
    Rule(
        "negative_player",
        "SELECT owner AS subject, 'balance ' || balance AS detail FROM accounts WHERE kind = 'player' AND balance < 0",
    ),
    Rule(
        "money_from_nowhere",  # all accounts of a currency together hold nothing
        "SELECT currency AS subject, 'sum ' || sum(balance) AS detail FROM accounts GROUP BY currency "
        "HAVING sum(balance) <> 0",
    ),
    Rule(
        "win_without_bet",
        "SELECT subject, 'win' AS detail FROM transactions w WHERE kind = 'win' "
        "AND NOT EXISTS (SELECT 1 FROM transactions b WHERE b.subject = w.subject AND b.kind = 'bet')",
    ),
    Rule(
        "refund_without_withdrawal",
        "SELECT subject, 'refund' AS detail FROM transactions r WHERE kind = 'refund' "
        "AND NOT EXISTS (SELECT 1 FROM transactions w WHERE w.subject = r.subject AND w.kind = 'withdrawal')",
    ),
    Rule(
        "deposit_mismatch",  # money came if and only if the deposit is credited, and exactly that much
        "SELECT p.subject, status || ' ' || p.amount || ', ledger ' || coalesce(sum(e.amount), 0) AS detail "
        "FROM payments p LEFT JOIN transactions t ON t.subject = p.subject AND t.kind = 'deposit' "
        "LEFT JOIN entries e ON e.transaction_id = t.id AND e.amount > 0 WHERE direction = 'deposit' "
        "GROUP BY p.subject "
        "HAVING coalesce(sum(e.amount), 0) <> CASE status WHEN 'credited' THEN p.amount ELSE 0 END",
    ),
    Rule(
        "withdrawal_mismatch",  # paid or pending: the amount is gone; refused or failed: nothing is
        "SELECT p.subject, status || ' ' || p.amount || ', ledger ' || coalesce(-sum(e.amount), 0) AS detail "
        "FROM payments p LEFT JOIN transactions t ON t.subject = p.subject AND t.kind IN ('withdrawal', 'refund') "
        "LEFT JOIN entries e ON e.transaction_id = t.id "
        "AND e.account_id IN (SELECT id FROM accounts WHERE kind = 'player') "
        "WHERE direction = 'withdrawal' GROUP BY p.subject "
        "HAVING coalesce(-sum(e.amount), 0) <> CASE WHEN status IN ('paid', 'pending') THEN p.amount ELSE 0 END",
    ),
    Rule(
        "round_mismatch",  # the stake is gone, the win has come once the round is settled
        "SELECT r.subject, status || ' stake ' || stake || ' win ' || win || ', ledger ' || coalesce(sum(e.amount), 0) "
        "AS detail FROM rounds r LEFT JOIN transactions t ON t.subject = r.subject AND t.kind IN ('bet', 'win') "
        "LEFT JOIN entries e ON e.transaction_id = t.id "
        "AND e.account_id IN (SELECT id FROM accounts WHERE kind = 'player') GROUP BY r.subject "
        "HAVING coalesce(sum(e.amount), 0) <> CASE status WHEN 'settled' THEN win - stake ELSE -stake END",
    ),
    Rule(
        "split_round",  # a round of several requests is served by the version that began it, to its end
        "SELECT l.id AS subject, 'begun on ' || l.version || ', served by ' || group_concat(v.version, ' ') AS detail "
        "FROM long_rounds l JOIN round_visits v USING (id) GROUP BY l.id "
        "HAVING count(*) > 1 OR max(v.version) <> l.version",
    ),
    Rule(
        "unknown_subject",  # money moved for something that nobody asked for
        "SELECT subject, kind AS detail FROM transactions t WHERE "
        "(kind IN ('deposit', 'withdrawal', 'refund') AND subject NOT IN (SELECT subject FROM payments)) "
        "OR (kind IN ('bet', 'win') AND subject NOT IN (SELECT subject FROM rounds)) "
        "OR (kind = 'bonus' AND subject NOT IN (SELECT player_id || '/' || offer FROM claims))",
    ),
    Rule(
        "claim_mismatch",
        "SELECT c.player_id || '/' || offer AS subject, "
        "c.amount || ', ledger ' || coalesce(sum(e.amount), 0) AS detail FROM claims c "
        "LEFT JOIN transactions t ON t.kind = 'bonus' AND t.subject = c.player_id || '/' || c.offer "
        "LEFT JOIN entries e ON e.transaction_id = t.id AND e.amount > 0 GROUP BY c.player_id, offer "
        "HAVING coalesce(sum(e.amount), 0) <> c.amount",
    ),
    Rule(
        "excluded_player_served",  # nothing begins after self-exclusion; what had begun is completed
        "SELECT t.subject, kind || ' after exclusion' AS detail FROM transactions t "
        "JOIN players ON players.id = t.player_id "
        "LEFT JOIN payments p ON p.subject = t.subject LEFT JOIN rounds r ON r.subject = t.subject "
        "WHERE kind IN ('deposit', 'bet', 'bonus') AND coalesce(p.opened_at, r.opened_at, t.at) > excluded_at",
    ),
    Rule(
        "hold_mismatch",  # held money is taken if and only if the deposit is credited, and let go if it is not
        "SELECT h.subject, state || ', deposit ' || coalesce(status, 'unknown') AS detail "
        "FROM holds h LEFT JOIN payments p ON p.subject = h.subject "
        "WHERE (state = 'captured') <> (coalesce(status, '') = 'credited') "
        "OR (state = 'released') <> (coalesce(status, '') IN ('declined', 'failed'))",
    ),
    Rule(
        "settled_without_answer",  # a final payment or round must be able to replay
        "SELECT subject, status AS detail FROM payments WHERE status <> 'pending' "
        "AND subject NOT IN (SELECT subject FROM answers WHERE scope = 'payment') "
        "UNION ALL SELECT subject, status FROM rounds WHERE status = 'settled' "
        "AND subject NOT IN (SELECT subject FROM answers WHERE scope = 'round')",
    ),
)
