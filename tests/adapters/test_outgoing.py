"""Where requests may go: real listeners, and names that lead where they should not."""

import asyncio
import ipaddress
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from croupier.adapters.outgoing import (
    Allowed,
    Forbidden,
    Resolve,
    TooMuch,
    check_url,
    open_client,
    read_up_to,
    why_private,
)
from croupier.errors import Rejected


class Listener:
    """Answers ``body``, and counts who comes."""

    def __init__(self) -> None:
        self.body, self.status, self.headers = b"hello", 200, {"x": "y"}
        self.hosts: list[str] = []
        one = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                one.hosts.append(self.headers["host"])
                self.send_response(one.status)
                for name, value in one.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(one.body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.stop()


@pytest.mark.parametrize(
    "address, why",
    [
        ("93.184.215.14", None),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", None),
        ("127.0.0.1", "this machine"),
        ("127.255.0.9", "this machine"),
        ("::1", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
        ("64:ff9b::7f00:1", "this machine"),
        ("2002:7f00:1::", "this machine"),
        ("169.254.169.254", "a link-local address"),
        ("::ffff:169.254.169.254", "a link-local address"),
        ("fe80::1", "a link-local address"),
        ("10.0.0.1", "a private address"),
        ("172.16.3.4", "a private address"),
        ("192.168.1.1", "a private address"),
        ("100.64.0.1", "a private address"),
        ("fd00:ec2::254", "a private address"),
        ("fec0::1", "a private address"),
        ("64:ff9b::a00:1", "a private address"),
        ("64:ff9b:1::5db8:d70e", "no host's address"),
        ("0.0.0.0", "no host's address"),  # noqa: S104 - nobody listens there
        ("::", "no host's address"),
        ("224.0.0.1", "no host's address"),
        ("255.255.255.255", "no host's address"),
        ("ff02::1", "no host's address"),
    ],
)
def test_what_is_private(address: str, why: str | None) -> None:
    assert why_private(ipaddress.ip_address(address)) == why


@pytest.mark.parametrize(
    "url, why",
    [
        ("https://hooks.example/croupier?x=1", None),
        ("https://93.184.215.14/", None),
        ("http://hooks.example/", "would be asked by plain HTTP"),
        ("ftp://hooks.example/", "no URL of a web server"),
        ("file:///etc/passwd", "no URL of a web server"),
        ("https:///x", "no URL of a web server"),
        ("https://hooks.example/ x", "no URL of a web server"),
        ("https://hooks.example:x/", "cannot be read"),
        ("https://me:pw@hooks.example/", "holds a user or a password"),
        ("https://127.0.0.1/", "is this machine"),
        ("https://[::1]:8443/", "is this machine"),
        ("https://169.254.169.254/latest/meta-data", "is a link-local address"),
    ],
)
def test_an_address_is_judged_before_it_is_used(url: str, why: str | None) -> None:
    if why is None:
        check_url(url, Allowed())
        return
    with pytest.raises(Rejected, match=why) as refused:
        check_url(url, Allowed())
    assert "pw" not in str(refused.value)


def test_the_operator_may_allow_hosts() -> None:
    allowed = Allowed.read(["Alerts.internal", "127.0.0.1:9093", "[::1]:1", "10.2.0.0/16"])
    for url in (
        "http://alerts.internal/",
        "https://alerts.internal:8443/",
        "http://127.0.0.1:9093/",
        "http://10.2.3.4/",
        "https://[::1]:1/",
    ):
        check_url(url, allowed)
    for url in ("http://127.0.0.1:9094/", "https://10.3.0.1/"):
        with pytest.raises(Rejected):
            check_url(url, allowed)


@pytest.mark.parametrize("word", ["10.2.0.0/99", "*.internal", "https://x/", " "])
def test_what_is_no_host(word: str) -> None:
    with pytest.raises(Rejected, match="no host"):
        Allowed.read([word])


@pytest.mark.parametrize(
    "addresses, why",
    [
        (["127.0.0.1"], "leads to this machine"),
        (["93.184.215.14", "127.0.0.1"], "leads to this machine"),
        (["fe80::1%eth0"], "leads to a link-local address"),
        (["10.0.0.1"], "leads to a private address"),
        (["93.184.215.14"], "by plain HTTP"),
    ],
)
async def test_a_name_that_leads_inside_is_not_followed(listener: Listener, addresses: Sequence[str], why: str) -> None:
    async with open_client(Allowed(), timeout_s=60, names=lambda host, port: addresses) as client:
        with pytest.raises(Forbidden, match=why):
            await client.get(f"http://hooks.example:{listener.port}/")
    assert not listener.hosts


async def test_a_name_that_changes_its_mind_is_checked_each_time(listener: Listener) -> None:
    """What was allowed a moment ago says nothing about now, and there is no connection left over from then."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    allowed = Allowed.read(["127.0.0.1/32"])
    url = f"http://hooks.example:{listener.port}/"
    async with open_client(allowed, timeout_s=60, names=lambda host, port: next(answers)) as client:
        assert (await client.get(url)).text == "hello"
        with pytest.raises(Forbidden):
            await client.get(url)
    assert listener.hosts == [f"hooks.example:{listener.port}"]


async def test_allowed_hosts_are_reached_and_nobody_is_followed_from_there(listener: Listener) -> None:
    listener.status, listener.headers = 302, {"location": "http://169.254.169.254/"}
    async with open_client(Allowed.read([f"127.0.0.1:{listener.port}"]), timeout_s=60) as client:
        answer = await client.get(f"http://127.0.0.1:{listener.port}/")
    assert answer.status_code == 302
    assert str(answer.request.url) == f"http://127.0.0.1:{listener.port}/"


async def test_a_name_that_nobody_knows() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    answers: tuple[Resolve, ...] = (unknown, lambda host, port: [])
    for names in answers:
        async with open_client(Allowed(), timeout_s=60, names=names) as client:
            with pytest.raises(httpx.ConnectError, match=r"hooks\.example"):
                await client.get("https://hooks.example/")


async def test_a_name_server_that_hangs_is_not_waited_for() -> None:
    let_go = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        let_go.wait(120)
        return []

    async with open_client(Allowed(), timeout_s=60, names=slow) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.get("https://hooks.example/")
        await asyncio.to_thread(lambda: None)  # others have threads left
        let_go.set()


async def test_a_long_answer_is_cut_off(listener: Listener) -> None:
    listener.body = b"x" * 5_000
    async with open_client(Allowed.read(["127.0.0.1"]), timeout_s=60) as client:
        url = f"http://127.0.0.1:{listener.port}/"
        async with client.stream("GET", url) as answer:
            assert len(await read_up_to(answer, 5_000)) == 5_000
        with pytest.raises(TooMuch):
            async with client.stream("GET", url) as answer:
                await read_up_to(answer, 4_999)
