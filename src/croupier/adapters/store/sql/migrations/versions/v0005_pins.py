"""Open rounds, and who reports them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "pins",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("unnamed", sa.Boolean, nullable=False),
        sa.Column("player", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("leave_by", sa.Double),
        sa.Column("moved_by", sa.Text, nullable=False),
        sa.Column("moved_at", sa.Double),
        sa.Column("why", sa.Text, nullable=False),
        sa.Index("pins_version", "service", "version", "moved_by"),
        sa.Index("pins_opened", "service", "moved_by", "opened_at", "kind", "id"),
    )
    op.create_table(
        "pin_reporters",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("told_at", sa.Double, nullable=False),
        sa.Column("heard_at", sa.Double, nullable=False),
    )
