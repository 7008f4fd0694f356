"""Reading the record and checking it."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any


def test_the_newest_entries_oldest_first(canary: Any, cli: Any) -> None:
    found = cli("journal", "tail", "--lines", "3")
    seqs = [int(row[0]) for row in found.rows]
    assert seqs == sorted(seqs)
    assert len(seqs) == 3
    assert found.heading == ["SEQ", "TIME", "BY", "ACTION", "SUBJECT", "EVENTS", "WHY"]
    assert all(len(row) == 7 for row in found.rows)
    assert all(datetime.fromisoformat(row[1]).tzinfo for row in found.rows)
    started = cli("journal", "tail", "--subject", "rollout/shop-2", "--json").json[0]
    assert (started["actor"], started["action"], started["reason"]) == ("admin", "start", "new")
    assert cli("journal", "tail", "-n", "0").rows == []
    assert cli("journal", "tail", "-n", "201").code == 2


def test_a_subject_that_is_none(canary: Any, cli: Any) -> None:
    found = cli("journal", "tail", "--subject", "rollout/shop-9")
    assert (found.code, found.rows) == (0, [])
    assert found.err.startswith("No entry is about 'rollout/shop-9'. The newest are about: rollout/shop-2, ")
    assert cli("journal", "tail", "--subject", "rollout/shop-9", "--json").json == []


@contextmanager
def following(plane: Any, cli: Any, *arguments: str) -> Iterator[IO[str]]:
    """The output of ``journal tail --follow``, in a pipe like any other."""
    command = cli.command("journal", "tail", "--follow", *arguments)
    with subprocess.Popen(command, env={**os.environ, **plane.env}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout
        finally:
            process.terminate()


def test_following_shows_every_entry_once(canary: Any, cli: Any) -> None:
    with following(canary, cli, "-n", "2", "--subject", "rollout/shop-2") as said:
        assert said.readline().startswith("SEQ\t")
        first = [said.readline() for _ in range(2)]
        canary.post("releases", service="shop", version="3.0.0")  # not of this subject
        canary.post("rollouts/shop-2/abort", reason="harm")
        last = [said.readline() for _ in range(2)]
    seqs = [int(line.split("\t")[0]) for line in first + last]
    assert seqs == sorted(set(seqs))
    assert [line.split("\t")[5] for line in last] == ["abort_started", "aborted"]


def test_following_as_json(canary: Any, cli: Any) -> None:
    with following(canary, cli, "-n", "1", "--json") as said:
        documents = ["".join(iter(said.readline, "}\n")) + "}"]
        canary.post("releases", service="shop", version="3.0.0")
        documents.append("".join(iter(said.readline, "}\n")) + "}")
    first, second = map(json.loads, documents)
    assert first["seq"] < second["seq"]
    assert second["subject"] == "release/shop/3.0.0"


def test_a_record_that_fits(canary: Any, cli: Any) -> None:
    canary.post("flags", feature="lobby")
    found = cli("journal", "verify")
    assert (found.code, found.err) == (0, "")
    assert "2 rollouts and 1 flag rebuilt; nothing was changed." in found.out
    assert found.out.splitlines()[1].startswith("root ")
    assert cli("journal", "verify", "--json").json["ok"] is True


def test_a_record_that_was_changed(canary: Any, cli: Any) -> None:
    with sqlite3.connect(canary.folder / "state" / "croupier.db", timeout=120) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE rollouts SET state = replace(state, '1.1.0', '1.1.1') WHERE id = 'shop-2'")
    database.close()
    found = cli("journal", "verify")
    assert (found.code, found.out) == (1, "")
    assert "✗ the journal does not fit together (1 place):" in found.err
    assert "shop-2" in found.err
    told = cli("journal", "verify", "--json")
    assert (told.code, told.json["ok"]) == (1, False)
