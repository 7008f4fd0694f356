"""The first tables, and the triggers that let the journal only grow."""

import sqlalchemy as sa
from alembic import op

from croupier.core.journal.merkle import EMPTY_ROOT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create everything in one transaction."""
    _create_journal()
    _create_states()
    _create_rest()
    _append_only_postgresql() if op.get_bind().dialect.name == "postgresql" else _append_only_sqlite()


def _create_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("journal_subject", "journal", ["subject", "seq"])
    op.create_table(
        "journal_nodes",
        sa.Column("last_leaf", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    head = op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "size": 0, "root": EMPTY_ROOT}])


def _create_states() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_index("rollouts_active", "rollouts", ["active", "created_at", "id"])
    op.create_index("rollouts_created", "rollouts", ["created_at", "id"])
    op.create_index("rollouts_service", "rollouts", ["service", "created_at", "id"])
    op.create_table(
        "services",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
    )
    op.create_index("releases_added", "releases", ["seq", "service", "version"])
    op.create_index("releases_service", "releases", ["service", "seq", "version"])


def _create_rest() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_index("answers_at", "answers", ["at"])
    op.create_table(
        "samples",
        sa.Column("id", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("canary", sa.Boolean, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("good", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
    )
    op.create_index("samples_rollout", "samples", ["rollout", "at"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
        sa.UniqueConstraint("sha256", name="tokens_sha256"),
    )


def _append_only_sqlite() -> None:
    """REPLACE deletes without firing delete triggers, so inserts are guarded too: only the next number may come."""
    for table in ("journal", "journal_nodes"):
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} only grows: {change} is refused'); END"
            )
    op.execute(
        "CREATE TRIGGER journal_next BEFORE INSERT ON journal "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM journal) "
        "BEGIN SELECT RAISE(ABORT, 'journal only grows: the next entry must follow the last'); END"
    )
    op.execute(
        "CREATE TRIGGER journal_nodes_new BEFORE INSERT ON journal_nodes "
        "WHEN EXISTS (SELECT 1 FROM journal_nodes WHERE last_leaf = NEW.last_leaf AND level = NEW.level) "
        "BEGIN SELECT RAISE(ABORT, 'journal_nodes only grows: this node exists'); END"
    )


def _append_only_postgresql() -> None:
    """TRUNCATE has its own trigger: it fires none of the row triggers."""
    op.execute(
        "CREATE FUNCTION croupier_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation'; "
        "END $$"
    )
    op.execute(
        "CREATE FUNCTION croupier_journal_next() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq) + 1, 0) FROM journal) THEN "
        "RAISE EXCEPTION 'journal only grows: the next entry must follow the last' "
        "USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
    )
    for table in ("journal", "journal_nodes"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION croupier_append_only()"
        )
    op.execute(
        "CREATE TRIGGER journal_next BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION croupier_journal_next()"
    )
