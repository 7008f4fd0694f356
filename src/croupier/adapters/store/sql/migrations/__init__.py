"""Alembic's folder: how the tables came to be what they are. Shipped in the package, run by ``schema.migrate``."""
