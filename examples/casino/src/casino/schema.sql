-- The shared database of all casino services: players, double-entry ledger, payments, rounds, claims, stored answers.
-- Money is in integer minor units. Uniqueness that money depends on is enforced here, not only in code.
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS players (
  id TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL,
  totp_secret TEXT NOT NULL,
  market TEXT NOT NULL,
  brand TEXT NOT NULL,
  excluded_at REAL
) WITHOUT ROWID;

-- Players who registered and of whom it is not known yet whether they deposit. The version is that of the first login.
CREATE TABLE IF NOT EXISTS newcomers (
  player_id TEXT PRIMARY KEY REFERENCES players (id),
  version TEXT NOT NULL,
  registered_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS employees (player_id TEXT PRIMARY KEY REFERENCES players (id)) WITHOUT ROWID;

-- Marked test accounts: trial money goes to no other.
CREATE TABLE IF NOT EXISTS testers (player_id TEXT PRIMARY KEY REFERENCES players (id)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS challenges (
  id TEXT PRIMARY KEY,
  player_id TEXT NOT NULL REFERENCES players (id),
  expires_at REAL NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS challenges_by_expiry ON challenges (expires_at);

CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('player', 'psp', 'house', 'bonus')),
  owner TEXT NOT NULL,
  currency TEXT NOT NULL,
  balance INTEGER NOT NULL DEFAULT 0,
  UNIQUE (kind, owner, currency),
  CHECK (kind <> 'player' OR balance >= 0)
);

CREATE TABLE IF NOT EXISTS transactions (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('deposit', 'withdrawal', 'refund', 'bet', 'win', 'bonus')),
  reference TEXT NOT NULL,
  subject TEXT NOT NULL,
  player_id TEXT NOT NULL,
  version TEXT NOT NULL,
  at REAL NOT NULL,
  UNIQUE (kind, reference)
);
CREATE INDEX IF NOT EXISTS transactions_by_subject ON transactions (subject, kind);

CREATE TABLE IF NOT EXISTS entries (
  id INTEGER PRIMARY KEY,
  transaction_id INTEGER NOT NULL REFERENCES transactions (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  amount INTEGER NOT NULL CHECK (amount <> 0),
  balance_after INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_by_account ON entries (account_id, id);
CREATE INDEX IF NOT EXISTS entries_by_transaction ON entries (transaction_id);

CREATE TABLE IF NOT EXISTS payments (
  subject TEXT PRIMARY KEY,
  player_id TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('deposit', 'withdrawal')),
  psp TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  status TEXT NOT NULL CHECK (status IN ('pending', 'credited', 'declined', 'failed', 'paid', 'refused')),
  body_digest TEXT NOT NULL,
  opened_at REAL NOT NULL,
  version TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payments_pending ON payments (opened_at) WHERE status = 'pending';

-- Deposits that go the new way (payments_v2): the provider holds the money first, and is then told to take it.
CREATE TABLE IF NOT EXISTS holds (
  subject TEXT PRIMARY KEY REFERENCES payments (subject),
  state TEXT NOT NULL CHECK (state IN ('asked', 'held', 'captured', 'released'))
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS rounds (
  subject TEXT PRIMARY KEY,
  player_id TEXT NOT NULL,
  game TEXT NOT NULL,
  stake INTEGER NOT NULL CHECK (stake > 0),
  win INTEGER NOT NULL CHECK (win >= 0),
  status TEXT NOT NULL CHECK (status IN ('open', 'settled')),
  body_digest TEXT NOT NULL,
  opened_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rounds_open ON rounds (opened_at) WHERE status = 'open';

-- Rounds of several requests, the version that began each, and every version that served it: one, if all is well.
CREATE TABLE IF NOT EXISTS long_rounds (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL UNIQUE REFERENCES rounds (subject),
  version TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS round_visits (
  id TEXT NOT NULL REFERENCES long_rounds (id),
  version TEXT NOT NULL,
  first_at REAL NOT NULL,
  PRIMARY KEY (id, version)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS claims (
  player_id TEXT NOT NULL,
  offer TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  PRIMARY KEY (player_id, offer)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS answers (
  scope TEXT NOT NULL CHECK (scope IN ('payment', 'round')),
  subject TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  status_code INTEGER NOT NULL,
  body BLOB NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (scope, subject)
) WITHOUT ROWID;
