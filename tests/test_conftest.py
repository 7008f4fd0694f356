"""The shared fixtures do what they say: a test that relies on a broken fixture proves nothing."""

import socket
import subprocess
import sys

import psycopg
import pytest

from casino.ports import free_port as another_free_port


def test_free_port_can_be_bound(free_port: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port))


def test_no_other_process_is_given_a_port_of_ours() -> None:
    ours = {another_free_port() for _ in range(300)}
    code = "from casino.ports import free_port; print(*(free_port() for _ in range(300)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = {int(port) for port in done.stdout.split()}
    assert theirs
    assert not ours & theirs


@pytest.mark.postgres
def test_postgres_database_is_fresh_and_real(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        connection.execute("CREATE TABLE left_behind (id int)")
    assert tables == (0,)
