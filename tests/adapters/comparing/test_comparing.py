"""The comparing process, asked as the data plane asks it, with real versions behind it."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from croupier.adapters.comparing import ProcessComparer
from croupier.adapters.comparing.process import LARGEST, Asked
from croupier.adapters.comparing.wire import read_report, read_wanted, write_report, write_wanted
from croupier.control.ports import Endpoint
from croupier.control.ports.comparing import Comparison
from croupier.core.rollout.shadow.mirror import Ignored
from croupier.core.rollout.shadow.report import Difference, ShadowReport

NOWHERE = Endpoint("127.0.0.1", 1)


@dataclass
class Version:
    """Answers what ``bodies`` says for a path, in turn; keeps the heads of requests."""

    name: str
    bodies: dict[str, list[bytes]] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    endpoint: Endpoint = NOWHERE

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.heads.append(head)
        path = head.split(" ")[1].partition("?")[0]
        kept = self.bodies.get(path, [json.dumps({"version": self.name, "path": path}).encode()])
        body = kept[0] if len(kept) == 1 else kept.pop(0)
        kind = "text/event-stream" if path == "/shop/stream" else "application/json"
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n".encode())
        writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()


Start = Callable[..., Awaitable[Version]]


@pytest.fixture
async def version() -> AsyncIterator[Start]:
    servers: list[asyncio.Server] = []

    async def start(name: str, **bodies: list[bytes]) -> Version:
        one = Version(name, {f"/shop/{path}": list(answers) for path, answers in bodies.items()})
        servers.append(await asyncio.start_server(one.answer, "127.0.0.1", 0))
        one.endpoint = Endpoint("127.0.0.1", servers[-1].sockets[0].getsockname()[1])
        return one

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cmp-") as folder:
        yield Path(folder) / "diff.sock"


@pytest.fixture
async def comparer(socket: Path) -> AsyncIterator[ProcessComparer]:
    one = ProcessComparer(socket)
    yield one
    await one.stop()


@pytest.fixture
async def edge(socket: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket)), timeout=60) as client:
        yield client


def comparison(stable: Version, canary: Version, **ignored: object) -> Comparison:
    arms = [(one.name, (one.endpoint,)) for one in (stable, canary)]
    return Comparison("shop-1.1/0", "shop", arms[0], arms[1], Ignored(**ignored))  # type: ignore[arg-type]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.02)


async def copy(edge: httpx.AsyncClient, path: str, method: str = "GET", **headers: str) -> None:
    sent = {"x-croupier-compare": "shop", "x-croupier-shadow": "1", **headers}
    async with asyncio.timeout(120):
        while True:
            try:
                answer = await edge.request(method, f"http://shop.example{path}", headers=sent)
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # it is being started
            else:
                assert answer.status_code == 202
                return


async def counted(comparer: ProcessComparer, total: int) -> ShadowReport:
    def report() -> ShadowReport:
        return comparer.found("shop-1.1/0") or ShadowReport(0)

    await until(lambda: report().compared + sum(count for _, count in report().skipped) >= total)
    return report()


async def test_a_field_that_differs_is_reported_exactly_there(
    version: Start, comparer: ProcessComparer, edge: httpx.AsyncClient
) -> None:
    def prices(price: int, at: int) -> bytes:
        return json.dumps({"items": [{"price": price, "at": at}]}).encode()

    stable = await version("1.0.0", prices=[prices(10, number) for number in range(20)], same=[b"1"])
    canary = await version("1.1.0", prices=[prices(12, 99)], same=[b"1"])
    comparer.compare([comparison(stable, canary)])
    for number in range(5):
        await copy(edge, f"/shop/prices?n={number}")
        await copy(edge, "/shop/same")
    await copy(edge, "/shop/named")  # each names its own version
    report = await counted(comparer, 11)
    assert (report.compared, report.differing, report.noisy) == (11, 5, 5)
    assert report.differences == (Difference("/shop/prices", "$.items[*].price", 5, (("10", "12"),)),)
    assert (len(stable.heads), len(canary.heads)) == (22, 11)
    assert all("x-croupier-shadow: 1" in head.lower() for head in (*stable.heads, *canary.heads))
    assert not any("x-croupier-compare" in head.lower() for head in (*stable.heads, *canary.heads))


async def test_what_is_ignored_is_not_reported(
    version: Start, comparer: ProcessComparer, edge: httpx.AsyncClient
) -> None:
    stable, canary = await version("1.0.0", a=[b'{"x": 100}']), await version("1.1.0", a=[b'{"x": 101}'])
    comparer.compare([comparison(stable, canary, tolerance=0.02)])
    await copy(edge, "/shop/a")
    assert (await counted(comparer, 1)).differing == 0


async def test_what_cannot_be_compared_is_counted(
    version: Start, comparer: ProcessComparer, edge: httpx.AsyncClient
) -> None:
    large = b"x" * (LARGEST + 1)
    stable = await version("1.0.0", large=[large], broken=[b'{"a":'])
    canary = await version("1.1.0", large=[large], broken=[b'{"a": 1}'])
    comparer.compare([comparison(stable, canary)])
    await copy(edge, "/shop/large")
    await copy(edge, "/shop/stream")
    await copy(edge, "/shop/a", "POST")
    await copy(edge, "/shop/a", accept="text/event-stream")
    await copy(edge, "/shop/broken")
    await copy(edge, "/shop/a", **{"x-croupier-compare": "another"})
    report = await counted(comparer, 5)
    assert report.skipped == (("a large answer", 1), ("a stream", 2), ("not a read", 1))
    assert [(each.path, each.field) for each in report.differences] == [("/shop/broken", "body")]


async def test_a_canary_that_is_gone_is_no_difference(
    version: Start, comparer: ProcessComparer, edge: httpx.AsyncClient
) -> None:
    stable = await version("1.0.0")
    comparer.compare([comparison(stable, Version("1.1.0"))])
    await copy(edge, "/shop/a")
    assert await counted(comparer, 1) == ShadowReport(0, skipped=(("the canary did not answer", 1),))
    comparer.compare([Comparison("shop-1.1/0", "shop", ("1.0.0", (stable.endpoint,)), ("1.1.0", ()))])

    async def none_left() -> None:
        while "the canary has no instance" not in dict((comparer.found("shop-1.1/0") or ShadowReport(0)).skipped):
            await copy(edge, "/shop/a")
            await asyncio.sleep(0.05)

    async with asyncio.timeout(120):
        await none_left()


async def test_more_than_it_can_do_is_dropped_and_counted(comparer: ProcessComparer, edge: httpx.AsyncClient) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    slow = Version("1.0.0", endpoint=Endpoint("127.0.0.1", server.sockets[0].getsockname()[1]))
    comparer.compare([comparison(slow, slow)])
    for _ in range(230):
        await copy(edge, "/shop/a")
    report = await counted(comparer, 20)
    assert dict(report.skipped)["too many at once"] >= 20
    await comparer.stop()
    server.close()


async def test_a_process_that_dies_is_started_again_and_nothing_counted_is_lost(
    version: Start, comparer: ProcessComparer, edge: httpx.AsyncClient
) -> None:
    stable, canary = await version("1.0.0"), await version("1.1.0", a=[b"1"])
    comparer.compare([comparison(stable, canary)])
    await copy(edge, "/shop/a")
    await counted(comparer, 1)
    first = comparer.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: comparer.pid not in (None, first))
    await copy(edge, "/shop/a")
    report = await counted(comparer, 2)
    assert [(each.field, each.count) for each in report.differences] == [("body", 2)]


async def test_it_runs_only_while_something_is_compared(
    version: Start, comparer: ProcessComparer, edge: httpx.AsyncClient
) -> None:
    wanted = comparison(await version("1.0.0"), await version("1.1.0"))
    comparer.compare([])
    assert comparer.pid is None
    comparer.compare([wanted])
    comparer.compare([wanted])
    await copy(edge, "/shop/a")
    await counted(comparer, 1)
    comparer.compare([])
    assert comparer.found(wanted.id) is None
    await until(lambda: comparer.pid is None)
    comparer.compare([wanted])
    await copy(edge, "/shop/a")
    await counted(comparer, 1)


def test_what_is_told_arrives_as_it_was() -> None:
    wanted = [comparison(Version("1.0.0"), Version("1.1.0"), fields=("$.a",), headers=("x",), tolerance=0.5)]
    assert read_wanted(write_wanted(wanted)) == wanted
    report = ShadowReport(1, 2, 3, 4, (("a", 5),), (Difference("/a", "$.b", 6, (("c", "d"),)),))
    assert read_report(write_report("id", report)) == ("id", report)


def test_what_a_request_says_of_its_player_is_known() -> None:
    headers = (("x-player-id", "olga"), ("cookie", "a=b; session=s1"), ("x-croupier-compare", "shop"), ("accept", ""))
    assert Asked("GET", "/players/olga", headers).said == {"olga", "b", "s1", "a=b; session=s1"}
