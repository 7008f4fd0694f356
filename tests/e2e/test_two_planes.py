"""Two control planes on one PostgreSQL: what is asked of one reaches the applications of both; a kill asked of both is
one kill, whatever is away meanwhile.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.e2e.conftest import until

from casino.ports import free_port
from croupier.cli.client import Client
from croupier.cli.connection import Connection
from croupier.cli.demo.stage import ControlPlane, choose_place
from croupier.errors import CroupierError
from croupier.sdk import FlagClient

pytestmark = pytest.mark.postgres

ON = {"feature": "payments_v2", "type": "ops", "rules": [{"rollout": 1.0}]}


@dataclass(slots=True)
class Plane:
    """A control plane as a process, how to talk to it, and an application that follows its flags."""

    process: ControlPlane
    client: Client
    app: FlagClient

    @property
    def url(self) -> str:
        return self.process.place.page

    def start(self, database: str) -> None:
        """Another process where one was killed."""
        self.process = ControlPlane(self.process.place, CROUPIER_DATABASE_URL=database)

    def stop(self) -> None:
        """End whichever process it is by then."""
        self.process.stop()

    def on(self) -> bool:
        return self.app.is_enabled("payments_v2", user="p1")

    def version(self) -> int:
        return self.app.status().version


@dataclass(slots=True)
class Pair:
    """Two planes, ``a`` first; ``url`` is their database's, as an administrator has it."""

    a: Plane
    b: Plane
    url: str

    def both(self, done: Callable[[Plane], bool], what: str) -> None:
        for plane in (self.a, self.b):
            until(lambda plane=plane: done(plane) or None, f"{what} at {plane.url}")  # type: ignore[misc]

    def database(self, *, there: bool) -> None:
        """Let the database go away, with every connection to it, or come back."""
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as admin:
            name = self.url.partition("?")[0].rsplit("/", 1)[1]
            statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            admin.execute(statement.format(sql.Identifier(name), sql.Literal(there)))
            if not there:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    def croupier(self, *arguments: str, urls: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """The command line, with both addresses in its environment."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("CROUPIER_")}
        env |= {"CROUPIER_URL": ",".join(urls), "CROUPIER_TOKEN": self.a.client.http.headers["authorization"][7:]}
        command = [sys.executable, "-m", "croupier", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def apply_preset(self) -> None:
        """One that kills the flag, approved by somebody else at the other plane."""
        preset = {"name": "stop", "changes": [{"flag": "payments_v2", "kill": True}]}
        digest = self.a.client.put("presets/stop", preset)["digest"]
        token = self.b.client.post("tokens", {"name": "bob", "role": "admin"})["token"]
        with Connection(self.b.url, token).open() as bob:
            bob.post("presets/stop/approve", {"digest": digest})
            bob.post("presets/stop/apply", {"reason": "deposits fail"})

    def kills(self) -> list[dict[str, Any]]:
        events = self.b.client.pages("flags/payments_v2/history", 100)
        return [event for event in events if event["type"] == "flag_killed"]


@pytest.fixture
def pair(postgres_database: str) -> Iterator[Pair]:
    """Both start at the same time, on an empty database; whoever is first makes the admin token."""
    with ExitStack() as stack:
        processes = [_process(stack, postgres_database) for _ in range(2)]
        files = [process.place.folder / "state" / "admin.token" for process in processes]
        token = until(lambda: next((file.read_text().strip() for file in files if file.exists()), None), "a token")
        planes = [_plane(stack, process, token, f"shop-{number}") for number, process in enumerate(processes)]
        found = Pair(planes[0], planes[1], postgres_database)
        found.a.client.put("flags/payments_v2", ON)
        found.both(Plane.on, "the flag to be on")
        yield found


def _process(stack: ExitStack, database: str) -> ControlPlane:
    place = choose_place(free_port(), free_port())
    stack.callback(shutil.rmtree, place.folder, ignore_errors=True)
    process = ControlPlane(place, CROUPIER_DATABASE_URL=database)
    stack.callback(process.stop)
    return process


def _plane(stack: ExitStack, process: ControlPlane, token: str, name: str) -> Plane:
    client = stack.enter_context(Connection(process.place.page, token).open())
    until(lambda: _let_in(client), "the control plane to know the token")
    given = client.post("tokens", {"name": name, "role": "client"})["token"]
    app = FlagClient(process.place.page, given, cache=None, name=name)
    stack.callback(app.close)
    plane = Plane(process, client, app)
    stack.callback(plane.stop)
    return plane


def _let_in(client: Client) -> bool | None:
    try:
        client.get("flags")
    except CroupierError:
        return None
    return True


def test_what_is_asked_of_one_reaches_the_clients_of_both(pair: Pair) -> None:
    a, b = pair.a, pair.b
    first = a.version()
    a.client.post("flags/payments_v2/kill", {"reason": "deposits fail"})
    pair.both(lambda plane: not plane.on(), "the kill")
    b.client.post("flags/payments_v2/restore", {})
    pair.both(Plane.on, "the restore")
    pair.apply_preset()
    pair.both(lambda plane: not plane.on(), "the preset")
    with ThreadPoolExecutor(2) as pool:  # both write at the same time
        list(pool.map(lambda work: declare(*work), [(a, range(5)), (b, range(5, 10))]))
    pair.both(lambda plane: plane.version() == first + 13, "all of it")
    keys = ["payments_v2", *(f"f{number}" for number in range(10))]
    versions = {item["version"] for key in keys for item in b.client.pages(f"flags/{key}/history", 100)}
    assert versions == set(range(first, first + 14)), "one after the other, none left out"
    assert all(plane.client.get("journal/verify")["ok"] for plane in (a, b))
    acting, waiting = sorted((httpx.get(f"{plane.url}readyz", timeout=60).json()["lease"] for plane in (a, b)), key=len)
    assert acting == "ok"
    assert waiting.startswith("another control plane acts")
    # Clients acknowledge within a second or two, spread so that they do not all come at once.
    asked = partial(pair.croupier, "flag", "propagation", urls=(a.url, b.url))
    until(lambda: asked().stdout.startswith("2 of 2 clients run the version") or None, "both to acknowledge")


def declare(plane: Plane, numbers: Iterable[int]) -> None:
    for number in numbers:
        plane.client.put(f"flags/f{number}", {"type": "ops", "rules": [{"rollout": 0.5}]})


def test_a_kill_asked_of_both_is_one_kill_though_the_database_is_away(pair: Pair) -> None:
    pair.database(there=False)
    alone = pair.croupier("flag", "kill", "payments_v2", "-r", "deposits fail", urls=(pair.a.url,))
    assert alone.returncode == 11, alone
    assert "only the clients of this control plane have heard it" in alone.stdout
    until(lambda: not pair.a.on() or None, "the kill at the first")
    assert pair.b.on(), "nobody can tell the other"
    both = pair.croupier("flag", "kill", "payments_v2", "-r", "deposits fail", urls=(pair.a.url, pair.b.url))
    assert both.returncode == 11, both
    pair.both(lambda plane: not plane.on(), "the kill")
    pair.database(there=True)
    pair.both(lambda plane: plane.client.get("flags/payments_v2")["recorded"], "the record")
    decided = [event["at"] for event in pair.kills()]
    # The first command's kill, of one plane alone, is recorded too unless the second one's was recorded before.
    assert len(decided) == len(set(decided)) <= 2, "each decision once"
    assert pair.b.client.get("journal/verify")["ok"]
    pair.b.client.post("flags/payments_v2/restore", {})
    pair.both(Plane.on, "the restore")


def test_a_plane_that_died_with_the_kill_does_not_kill_once_more(pair: Pair) -> None:
    """It kept the kill, and hears only after its start that the other one recorded it, and that it was undone."""
    pair.database(there=False)
    both = pair.croupier("flag", "kill", "payments_v2", "-r", "deposits fail", "--json", urls=(pair.a.url, pair.b.url))
    assert [plane["recorded"] for plane in json.loads(both.stdout)["planes"]] == [False, False]
    pair.a.process.kill()
    pair.database(there=True)
    until(lambda: pair.b.client.get("flags/payments_v2")["recorded"] or None, "the record")
    pair.b.client.post("flags/payments_v2/restore", {})
    pair.a.start(pair.url)
    pair.both(Plane.on, "the restore")
    assert len(pair.kills()) == 1
    assert pair.b.client.get("journal/verify")["ok"]


def test_a_kill_that_one_of_them_cannot_hear(pair: Pair) -> None:
    """One was killed; its clients keep what they know, the other's have it, and the command says so."""
    pair.a.process.kill()
    done = pair.croupier("flag", "kill", "payments_v2", "-r", "deposits fail", urls=(pair.a.url, pair.b.url))
    assert done.returncode == 7, done
    # Which of the two depends on how quick the database is.
    heard = (f"{pair.b.url}: killed and recorded", f"{pair.b.url}: The store is out of reach")
    assert any(words in done.stdout for words in heard), done
    assert f"{pair.a.url}: not killed there: No control plane answers" in done.stderr
    until(lambda: not pair.b.on() or None, "the kill")
    assert pair.croupier("flag", "list", urls=(pair.a.url, pair.b.url)).returncode == 0, "the one that is there"
    pair.a.start(pair.url)
    pair.both(lambda plane: not plane.on(), "the kill")
    assert len(pair.kills()) == 1
