"""The control plane's memory: states, documents, leases and the journal, on SQLite or PostgreSQL."""
