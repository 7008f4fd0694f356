"""Finding the control plane and its token, and what is said when there is none, or something else answers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from croupier.cli.connection import Connection, segment
from croupier.errors import Conflict, NotFound, Rejected, Transient

Answer = Callable[[BaseHTTPRequestHandler], None]


class Other:
    """A server that answers as told; ``asked`` are the requests that came."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.answer: Answer = lambda request: reply(request, 200, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.command, self.path, dict(self.headers.items())))
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.answer(self)

            do_POST = do_GET  # noqa: N815 - the name that the standard library calls

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


PROBLEM = "application/problem+json"


def reply(
    request: BaseHTTPRequestHandler, status: int, body: Any, kind: str = "application/json", *, ours: bool = True
) -> None:
    """Answer as a control plane does, or as others do (``ours`` false)."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request.send_response(status)
    if ours:
        request.send_header("x-request-id", "abc")
    request.send_header("content-type", kind)
    request.send_header("content-length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


@pytest.fixture
def other() -> Iterator[Other]:
    other = Other()
    thread = threading.Thread(target=other.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield other
    other.server.shutdown()
    thread.join()
    other.server.server_close()


def test_no_control_plane(cli: Any, free_port: int) -> None:
    found = cli("--url", f"http://127.0.0.1:{free_port}", "rollout", "list")
    assert (found.code, found.out) == (7, "")
    assert f"error: No control plane answers at http://127.0.0.1:{free_port}" in found.err
    assert "hint: Start one with 'croupier serve'" in found.err


@pytest.mark.parametrize("url", ["nonsense", "http://[::1", "http://127.0.0.1:99999", "ftp://localhost", "http://"])
def test_an_address_that_is_none(cli: Any, url: str) -> None:
    found = cli("--url", url, "rollout", "list")
    assert found.code == 5
    assert found.out == ""
    assert url in found.err
    assert "hint:" in found.err
    assert "Traceback" not in found.err


def test_the_token_is_found_by_itself_or_given(plane: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("rollout", "list").code == 0  # from the state directory
    wrong = cli("--token", "crp_wrong", "rollout", "list")
    assert (wrong.code, wrong.out) == (6, "")
    assert "error:" in wrong.err
    assert "hint:" in wrong.err
    assert "crp_wrong" not in wrong.err
    monkeypatch.setenv("CROUPIER_STATE_DIR", str(plane.folder / "nowhere"))
    assert cli("rollout", "list").code == 6
    token = (plane.folder / "state" / "admin.token").read_text(encoding="utf-8").strip()
    monkeypatch.setenv("CROUPIER_TOKEN", token)
    assert cli("rollout", "list").code == 0
    strange = cli("--token", "tökén", "rollout", "list")
    assert (strange.code, "Traceback" in strange.err) == (6, False)


@pytest.mark.parametrize("host", ["control.example", "192.168.1.9", "127.0.0.1.example", "localhost@control.example"])
def test_this_machines_token_goes_to_no_other_machine(
    cli: Any, other: Other, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    cli.write("state/admin.token", "crp_mine")
    monkeypatch.setenv("CROUPIER_STATE_DIR", str(cli.folder / "state"))
    monkeypatch.setenv("HTTP_PROXY", other.url)  # whatever is asked elsewhere arrives at the one that we watch
    other.answer = lambda request: reply(request, 200, {"items": [], "next": None})
    found = cli("--url", f"http://{host}:8700", "rollout", "list")
    assert (found.code, found.out, other.asked) == (6, "", [])
    assert f"error: There is no token for http://{host}:8700; this machine's own is sent to no other" in found.err
    assert "hint: Give one with --token or CROUPIER_TOKEN." in found.err
    assert cli("--url", f"http://{host}:8700", "--token", "crp_theirs", "rollout", "list").code == 0
    assert len(other.asked) == 1
    assert "crp_mine" not in str(other.asked)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machines_token_is_found_for_this_machine(
    cli: Any, other: Other, monkeypatch: pytest.MonkeyPatch, host: str, free_port: int
) -> None:
    cli.write("state/admin.token", "crp_mine")
    monkeypatch.setenv("CROUPIER_STATE_DIR", str(cli.folder / "state"))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port}")  # nobody is there, and it is not asked
    other.answer = lambda request: reply(request, 200, {"items": [], "next": None})
    assert cli("--url", other.url.replace("127.0.0.1", host), "rollout", "list").code == 0
    assert {headers["authorization"] for _, _, headers in other.asked} == {"Bearer crp_mine"}


def test_a_token_that_may_not_do_this(shop: Any, cli: Any) -> None:
    viewer = shop.post("tokens", name="eve", role="viewer")["token"]
    assert cli("--token", viewer, "rollout", "list").code == 0
    refused = cli("--token", viewer, "rollout", "start", "shop", "1.1.0")
    assert (refused.code, refused.out) == (6, "")
    assert "error:" in refused.err


@pytest.mark.parametrize(
    "status, kind",
    [
        (404, NotFound),
        (409, Conflict),
        (412, Conflict),
        (422, Rejected),
        (418, Rejected),
        (429, Transient),
        (503, Transient),
    ],
)
def test_a_problem_becomes_its_error(other: Other, status: int, kind: type[Exception]) -> None:
    body = {
        "detail": "it is so",
        "hint": "do this",
        "problems": [{"message": "wrong", "field": "spec.x[2]", "document": "documents[0] Gate/ok", "hint": "mend"}],
    }
    other.answer = lambda request: reply(request, status, body, PROBLEM)
    with Connection(other.url).open() as client, pytest.raises(kind) as caught:
        client.get("services")
    assert str(caught.value) == "it is so do this"
    if kind is Rejected:
        assert [str(item) for item in caught.value.problems] == ["documents[0] Gate/ok.spec.x[2]: wrong mend"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "status, body, kind, said",
    [
        (200, "<html>hello</html>", "text/html; charset=utf-8", "it answered 200 with text/html."),
        (200, "{}", "application/json", "it answered 200 with application/json."),
        (401, '{"message": "no"}', "application/json", "it answered 401 with application/json."),
        (404, "<html>no</html>", "text/html", "it answered 404 with text/html."),
        (404, '{"detail": "Not Found"}', "application/json", "it answered 404 with application/json."),
        (422, '["no", "problem"]', PROBLEM, f"it answered 422 with {PROBLEM}."),
        (302, "", "", "it answered 302, which leads to https://other.example/."),
        (500, "oops", "text/plain", "it answered 500 with text/plain."),
    ],
)
def test_something_else_answers(cli: Any, other: Other, status: int, body: str, kind: str, said: str) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in (("content-type", kind), ("location", "https://other.example/" if status == 302 else "")):
            if value:
                request.send_header(name, value)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())

    other.answer = answer
    for arguments in (("rollout", "status", "shop-1"), ("rollout", "list"), ("journal", "tail"), ("journal", "verify")):
        found = cli("--url", other.url, *arguments)
        assert (found.code, found.out) == (5, ""), arguments
        assert f"error: Something answers at {other.url}, but it is not Croupier: {said}" in found.err
        assert "hint: Name the control plane's address with --url or CROUPIER_URL." in found.err
        assert "Traceback" not in found.err


@pytest.mark.parametrize(
    "greeting, code, said",
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 5, "but it is not Croupier: it does not speak HTTP."),
        (b"", 7, "but gives no answer (Server disconnected without sending a response.)."),
    ],
)
def test_something_else_than_http_answers(cli: Any, greeting: bytes, code: int, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            for _ in range(2):  # asked once more
                with server.accept()[0] as connection:
                    connection.sendall(greeting)
                    connection.recv(4_096)

        thread = threading.Thread(target=greet)
        thread.start()
        found = cli("--url", f"http://127.0.0.1:{server.getsockname()[1]}", "rollout", "list")
        thread.join()
    assert (found.code, found.out) == (code, "")
    assert said in found.err


def test_a_proxy_that_does_not_reach_it(cli: Any, other: Other) -> None:
    other.answer = lambda request: reply(request, 502, "<html>", "text/html", ours=False)
    found = cli("--url", other.url, "rollout", "list")
    assert (found.code, found.out) == (7, "")
    assert f"What stands before the control plane at {other.url} does not reach it: it answered 502" in found.err


def test_a_connection_that_breaks_is_tried_once_more_with_the_same_key(other: Other) -> None:
    def breaks(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        if len(other.asked) > 1:
            reply(request, 200, {"ok": True})

    other.answer = breaks
    with Connection(other.url).open() as client:
        assert client.post("rollouts", {}) == {"ok": True}
    keys = [
        {name.lower(): value for name, value in headers.items()}["idempotency-key"] for _, _, headers in other.asked
    ]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_connection_that_always_breaks(other: Other) -> None:
    other.answer = lambda request: setattr(request, "close_connection", True)
    with Connection(other.url).open() as client, pytest.raises(Transient, match="gives no answer"):
        client.get("services")
    assert len(other.asked) == 2


def test_content_of_another_kind(other: Other, free_port: int) -> None:
    other.answer = lambda request: reply(request, 200, "lines", "application/vnd.lines")
    with Connection(other.url).open() as client:
        assert client.content("environments/production/flags", "application/vnd.lines") == b"lines"
        with pytest.raises(Rejected, match="it is not Croupier"):
            client.content("environments/production/flags", "application/other")
    with Connection(f"http://127.0.0.1:{free_port}").open() as client, pytest.raises(Transient):
        client.content("environments/production/flags", "application/vnd.lines")


def test_an_error_from_outside_cannot_paint_the_terminal(cli: Any, other: Other) -> None:
    body = {
        "detail": "no \x1b[31mred[/] [bold]spec.steps[2] \x9b2J",
        "hint": "[blink]\x07",
        "problems": [{"message": "[i]\x1b]8;;http://evil\x1b\\x", "field": "spec.steps[2]"}],
    }
    other.answer = lambda request: reply(request, 422, body, PROBLEM)
    found = cli("--url", other.url, "rollout", "status", "shop-1")
    assert found.code == 5
    assert not set(found.err) & set("\x1b\x07\x9b")
    assert "error: no ␛[31mred[/] [bold]spec.steps[2] �2J" in found.err
    assert "  spec.steps[2]: [i]␛]8;;http://evil␛\\x" in found.err
    assert "hint: [blink]␇" in found.err


@pytest.mark.parametrize("name", ["shop-1", "a/b", "..", ".", "a?b=c", "a#b", "%2e", "ä ö"])
def test_a_name_is_one_segment_of_the_path(other: Other, name: str) -> None:
    with Connection(other.url).open() as client:
        client.get(f"rollouts/{segment(name)}/history")
    ((_, path, _),) = other.asked
    assert path.count("/") == 5
    assert path.startswith("/api/v1/rollouts/")
    assert path.endswith("/history")
    assert "?" not in path


def test_a_stream_that_is_lost(other: Other) -> None:
    def stream(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.send_response(200)
        request.send_header("x-request-id", "abc")
        request.send_header("content-type", "text/event-stream")
        request.send_header("content-length", "1000")
        request.end_headers()
        request.wfile.write(b': hello\n\nid: 7\nevent: entry\ndata: {"seq": 7}\n\n')

    other.answer = stream
    seen: list[Any] = []
    with Connection(other.url).open() as client, pytest.raises(Transient):  # noqa: PT012 - it ends in the loop
        for item in client.events(after=6):
            seen.append(item)  # noqa: PERF402 - what came before the end counts
    assert seen == [(7, {"seq": 7})]
