"""Experiments: their runs, the players of those that are not over, and the course of each."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "experiment_runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("tally", sa.Text, nullable=False),
        sa.Column("point_at", sa.Double, nullable=False),
    )
    op.create_index("experiment_runs_started", "experiment_runs", ["experiment", "started_at", "id"])
    op.create_table(
        "experiment_players",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("player", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("waiting_since", sa.Double),
        sqlite_with_rowid=False,
    )
    op.create_index("experiment_players_waiting", "experiment_players", ["run", "waiting_since"])
    op.create_table(
        "experiment_points",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, primary_key=True),
        sa.Column("tally", sa.Text, nullable=False),
    )
