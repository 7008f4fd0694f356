"""The tables as this version uses them. Migrations create them; a test holds the two equal.

Values that are only ever read whole are JSON text beside the columns that queries need. Epoch seconds throughout.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

# Only `INTEGER PRIMARY KEY` is SQLite's own row number.
_Seq = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("journal_subject", "subject", "seq"),
)
"""The entries. ``body`` is the leaf, byte for byte; the other columns repeat parts of it for queries."""

nodes = Table(
    "journal_nodes",
    metadata,
    Column("last_leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""The tree's nodes, named by level and last leaf below: so rows are added at the end, in the order of completion."""

head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
)
"""One row: what the journal amounts to. Every commit locks it first, so commits stand in one line."""

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Index("rollouts_active", "active", "created_at", "id"),
    Index("rollouts_created", "created_at", "id"),
    Index("rollouts_service", "service", "created_at", "id"),
)

services = Table(
    "services",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("service", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("release", Text, nullable=False),
    Index("releases_added", "seq", "service", "version"),
    Index("releases_service", "service", "seq", "version"),
)
"""``seq`` is the first journal entry of the commit that added the release: the order of adding."""

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Double, nullable=False),
)
"""Rows are never removed, so that tokens rise for ever."""

answers = Table(
    "answers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("answers_at", "at"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", _Seq, primary_key=True, autoincrement=True),
    Column("rollout", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("canary", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    Column("good", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Index("samples_rollout", "rollout", "at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    UniqueConstraint("sha256", name="tokens_sha256"),
)

ruleset = Table(
    "ruleset",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("lineage", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)
"""One row: the version that all flags and the segments of their rules count in, and the name of this record."""

flags = Table(
    "flags",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Index("flags_version", "version", "key"),
)
"""``version`` is the ruleset's at which the flag last changed. Archived flags stay."""

flag_segments = Table(
    "flag_segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""The ruleset's version at which a segment last changed; none for one that is older than flags."""

presets = Table(
    "presets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
)

experiment_runs = Table(
    "experiment_runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("experiment", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("run", Text, nullable=False),
    Column("tally", Text, nullable=False),
    Column("point_at", Double, nullable=False),
    Index("experiment_runs_started", "experiment", "started_at", "id"),
)
"""``run`` never changes, ``tally`` has the totals, ``point_at`` is when the last of ``experiment_points`` was taken."""

experiment_players = Table(
    "experiment_players",
    metadata,
    Column("run", Text, primary_key=True),
    Column("player", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("waiting_since", Double),
    Index("experiment_players_waiting", "run", "waiting_since"),
    sqlite_with_rowid=False,
)
"""``player`` is a hash. ``waiting_since``: did something, and was not given a variant yet. Forgotten with the run."""

experiment_points = Table(
    "experiment_points",
    metadata,
    Column("run", Text, primary_key=True),
    Column("at", Double, primary_key=True),
    Column("tally", Text, nullable=False),
)

bookmarks = Table(
    "notifier_bookmarks",
    metadata,
    Column("notifier", Text, primary_key=True),
    Column("bookmark", Text, nullable=False),
)
"""How far each receiver of notices was told."""

pins = Table(
    "pins",
    metadata,
    Column("service", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("unnamed", Boolean, nullable=False),
    Column("player", Text, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("leave_by", Double),
    Column("moved_by", Text, nullable=False),
    Column("moved_at", Double),
    Column("why", Text, nullable=False),
    Index("pins_version", "service", "version", "moved_by"),
    Index("pins_opened", "service", "moved_by", "opened_at", "kind", "id"),
)
"""Open rounds, and those that a rollout moved. One without a version was closed before anybody said it was opened."""

pin_reporters = Table(
    "pin_reporters",
    metadata,
    Column("service", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("told_at", Double, nullable=False),
    Column("heard_at", Double, nullable=False),
)
"""``told_at``: all that the process opened until then is known. ``heard_at``: when it last said anything."""
