"""Alembic runs this: it hands over the connection, already in a locked transaction, that ``schema.migrate`` opened."""

from alembic import context

from croupier.adapters.store.sql.schema import VERSION_TABLE
from croupier.adapters.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
