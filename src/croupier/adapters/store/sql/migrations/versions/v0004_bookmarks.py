"""How far each receiver of notices was told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "notifier_bookmarks",
        sa.Column("notifier", sa.Text, primary_key=True),
        sa.Column("bookmark", sa.Text, nullable=False),
    )
