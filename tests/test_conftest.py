"""The shared fixtures do what they say: a test that relies on a broken fixture proves nothing."""

import socket

import psycopg
import pytest


def test_free_port_can_be_bound(free_port: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port))


@pytest.mark.postgres
def test_postgres_database_is_fresh_and_real(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        connection.execute("CREATE TABLE left_behind (id int)")
    assert tables == (0,)
