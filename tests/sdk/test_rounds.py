"""Rounds are reported in batches, once written for good, through outages and forks, and never in the way."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from croupier.errors import Rejected
from croupier.sdk import Rounds, rounds


class Desk:
    """A control plane that takes reports; ``status`` is what it answers, ``said`` what it heard."""

    def __init__(self) -> None:
        self.status, self.said = 200, list[dict[str, Any]]()
        self.paths: set[tuple[str, str | None]] = set()
        desk = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                desk.paths.add((self.path, self.headers["authorization"]))
                if desk.status == 200:
                    desk.said.append(body)
                answer = json.dumps({"now": 1_000.0 + len(desk.said)}).encode()
                self.send_response(desk.status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self, what: str = "opened") -> list[str]:
        return [each["id"] for body in list(self.said) for each in body[what]]


@pytest.fixture
def desk() -> Iterator[Desk]:
    started = Desk()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def games(desk: Desk) -> Iterator[Rounds]:
    made = Rounds(desk.url, "crp_1\n", "games", "1.1.0")
    yield made
    made.close()


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_rounds_are_named_and_reported_in_batches(desk: Desk, games: Rounds) -> None:
    ids = [games.named(f"r-{number}") for number in range(2_500)]
    for id_ in ids:
        games.opened(id_, "anna")
    games.opened("o-1", kind="order")
    games.closed(ids[0])
    until(lambda: not games.waiting)
    assert desk.ids() == [*ids, "o-1"]
    assert desk.ids("closed") == ["r-0@1.1.0"]
    assert len([body for body in desk.said if body["opened"]]) < 20
    first = desk.said[0]
    assert (first["version"], desk.paths) == ("1.1.0", {("/api/v1/services/games/pins", "Bearer crp_1")})
    whole = next(body for body in desk.said if body["opened"])["opened"][0]
    assert (whole["kind"], whole["id"], whole["player"]) == ("round", "r-0@1.1.0", "anna")


def test_who_opens_nothing_says_so(desk: Desk, games: Rounds) -> None:
    until(lambda: len(desk.said) >= 3)
    assert [body["seen"] for body in desk.said[:3]] == [0.0, 1_001.0, 1_002.0]
    assert {body["format"] for body in desk.said} == {1}
    assert desk.ids() == []


def test_an_outage_loses_nothing_and_keeps_the_order(desk: Desk, games: Rounds) -> None:
    desk.status = 503
    games.opened("r-1")
    games.closed("r-1")
    games.opened("r-2")
    until(lambda: desk.paths)
    desk.status = 200
    until(lambda: not games.waiting)
    assert (desk.ids(), desk.ids("closed"), games.lost) == (["r-1", "r-2"], ["r-1"], 0)


def test_what_is_refused_is_not_said_for_ever(desk: Desk, games: Rounds) -> None:
    desk.status = 404
    games.opened("r-1")
    until(lambda: games.lost)
    desk.status = 200
    games.opened("r-2")
    until(lambda: desk.ids() == ["r-2"])
    # Somebody knows less than all of it, and does not say otherwise.
    assert {body["seen"] for body in desk.said} == {0.0}


def test_what_nobody_can_say_costs_nothing_else(desk: Desk, games: Rounds) -> None:
    """Ids and players come from outside, a thousand of them in one report."""
    for id_ in ("r 1", "r\n2", "", "ü", "x" * 201, "\ud800"):
        games.opened(id_, "anna")
        games.closed(id_)
    for player in ("an\0na", "\ud800", "x" * 1_000):
        games.opened(f"r-{len(player)}", player)
    until(lambda: not games.waiting)
    told = [(each["id"], each["player"]) for body in desk.said for each in body["opened"]]
    assert told == [("r-5", "anna"), ("r-1", "?"), ("r-1000", "x" * 200)]
    assert games.lost == 12


def test_memory_is_bounded(desk: Desk, games: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_WAITING", 10)
    desk.status = 503
    for number in range(50):
        games.opened(f"r-{number}")
    assert games.waiting <= 10
    assert games.lost >= 40


def test_without_a_control_plane_ids_are_named_and_nothing_waits() -> None:
    alone = Rounds("", "", "games", "1.1.0")
    alone.opened("r-1")
    assert (alone.named("r-1"), alone.waiting) == ("r-1@1.1.0", 0)
    alone.close()
    alone.close()


def test_an_end_brings_out_the_rest(desk: Desk) -> None:
    made = Rounds(desk.url, "crp_1", "games", "1.1.0")
    made.opened("r-1")
    made.close()
    assert desk.ids() == ["r-1"]
    made.opened("r-2")
    assert made.waiting == 0


def test_an_end_waits_for_a_control_plane_that_starts_again(desk: Desk) -> None:
    """Its version is stopped soon after it was left: nobody else could say what was open there."""
    made = Rounds(desk.url, "crp_1", "games", "1.1.0")
    until(lambda: desk.said)
    desk.status = 503
    made.opened("r-1")
    back = threading.Timer(0.3, setattr, (desk, "status", 200))
    back.start()
    made.close(within=120)
    assert desk.ids() == ["r-1"]
    back.join()


def test_nobody_waits_for_long_for_a_control_plane_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    made = Rounds("http://127.0.0.1:9", "crp_1", "games", "1.1.0")
    made.opened("r-1")
    assert made.waiting == 1
    made.close(within=0.0)
    assert "1 reports of rounds are lost at the end" in caplog.text


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://[::bad"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Rejected, match="no address of a control plane"):
        Rounds(url, "", "games", "1.1.0")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_of_a_fork_reports_its_own(desk: Desk, games: Rounds) -> None:
    until(lambda: desk.said)
    games.opened("of-the-parent")
    child = os.fork()
    if child == 0:
        games.opened("of-the-child")
        games.close()
        os._exit(0)
    os.waitpid(child, 0)
    until(lambda: len(desk.ids()) == 2)
    clients = {each["id"]: body["client"] for body in desk.said for each in body["opened"]}
    assert set(clients) == {"of-the-parent", "of-the-child"}
    assert clients["of-the-parent"] != clients["of-the-child"]
