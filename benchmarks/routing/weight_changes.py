"""Does shifting traffic lose a request, and how soon is it confirmed? Players load a real Envoy while weights change.

Three processes, so that none measures another's event loop: the instances of two versions, the players (open loop: a
request is sent when it is due, however slow the answers are), and the router with the changes. Run it by
``python benchmarks/routing/weight_changes.py --json``; it ends with 1 when a request was lost.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import multiprocessing
import multiprocessing.connection
import random
import statistics
import sys
import tempfile
import time
from bisect import bisect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from casino.ports import free_port
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.testing import version_for

Ports = dict[str, list[int]]
"""Version -> the ports that its instances listen on."""

OLD, NEW = "1.0.0", "1.1.0"
STEPS = (0, 100, 500, 2_500, 5_000, 10_000, 0)
PLAYERS = 5_000
SERVICE = Service(name="payments", prefixes=("/payments",), process=ProcessTemplate(command=("unused",)))

Sent = tuple[float, float, int, str, str]
"""When sent, when answered (monotonic seconds), status (0: none), version, player."""


@dataclass(frozen=True)
class Change:
    """``called`` and ``confirmed``: monotonic seconds around ``apply``."""

    routes: ServiceRoutes
    called: float
    confirmed: float

    @property
    def latency_ms(self) -> float:
        return (self.confirmed - self.called) * 1000


# --- instances -------------------------------------------------------------------------------------------------------


class Instance(asyncio.Protocol):
    """The least HTTP that Envoy needs: answers its version, reads bodies by their length."""

    def __init__(self, version: str) -> None:
        self._answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(version)}\r\n\r\n{version}".encode()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            _, _, after = head.lower().partition(b"content-length: ")
            length = int(after.split(b"\r\n")[0]) if after else 0
            if len(rest) < length:
                return
            self._received = rest[length:]
            self._transport.write(self._answer)


def run_instances(versions: list[str], ready: "multiprocessing.connection.Connection") -> None:
    """One listening instance per entry; sends their ports."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(lambda v=v: Instance(v), "127.0.0.1", 0) for v in versions]  # type: ignore[misc]
        ready.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    asyncio.run(serve())


# --- players ---------------------------------------------------------------------------------------------------------


def run_players(port: int, rate: float, pipe: "multiprocessing.connection.Connection") -> None:
    """Send ``rate`` requests per second until told to stop, then send back every one of them."""

    async def play() -> list[Sent]:
        requests: list[Sent] = []
        running: set[asyncio.Task[None]] = set()
        chance = random.Random(7)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as http:

            async def request(player: str, method: str) -> None:
                sent, status, version = time.monotonic(), 0, ""
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    body = b"amount=100" if method == "POST" else None
                    async with http.request(
                        method, "/payments/x", headers={"x-player-id": player}, data=body
                    ) as answer:
                        version, status = await answer.text(), answer.status
                requests.append((sent, time.monotonic(), status, version, player))

            await request("first", "GET")
            pipe.send("playing")
            due = time.monotonic()
            while not pipe.poll():
                due += 1 / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                method = "POST" if chance.random() < 0.3 else "GET"
                task = asyncio.create_task(request(f"p{chance.randrange(PLAYERS)}", method))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.gather(*running)
        return requests

    pipe.send(asyncio.run(play()))


# --- the router ------------------------------------------------------------------------------------------------------


def rollout(number: int) -> list[ServiceRoutes]:
    """From stable, by steps to everybody, aborted to nobody, and back to stable alone."""
    salt = f"payments/{number}"
    steps = [canary_routes("payments", OLD, NEW, weight, salt=salt) for weight in STEPS]
    return [*steps, stable_routes("payments", OLD)]


async def run_changes(edge: EnvoyRouter, ports: Ports, changes: int, pause_s: float) -> list[Change]:
    """At least ``changes`` changes, whole rollouts; in each, both versions listen on other ports than before."""
    done: list[Change] = []
    number = 0
    while len(done) < changes:
        number += 1
        for routes in rollout(number):
            called = time.monotonic()
            await edge.apply(table_of(routes, ports, number))
            done.append(Change(routes, called, time.monotonic()))
            assert await edge.served() == {"payments": routes}
            await asyncio.sleep(pause_s)
    return done


def table_of(routes: ServiceRoutes, ports: Ports, number: int) -> TrafficTable:
    backends = tuple(
        Backend(VersionKey("payments", v), (Endpoint("127.0.0.1", ports[v][number % len(ports[v])]),))
        for v in ((OLD, NEW) if routes.shares[0].weights[0][0] == NEW else (OLD,))
    )
    return TrafficTable((RoutedService(SERVICE, routes),), backends)


def late_answers(changes: list[Change], requests: list[Sent]) -> tuple[list[float], int]:
    """Per change that moved somebody who then played: ms from the command to the last request to the version before.

    And how many requests went where no routes sent them, neither old ones nor any commanded before their answer.
    """
    called = [change.called for change in changes]
    last_old: dict[int, float] = {}
    misrouted = 0
    for sent, answered, status, version, player in requests:
        now, then = bisect(called, sent) - 1, bisect(called, answered)
        if now < 1 or status != 200 or version in {version_for(c.routes, player) for c in changes[now:then]}:
            continue
        if version == version_for(changes[now - 1].routes, player):
            last_old[now] = max(last_old.get(now, 0.0), (sent - called[now]) * 1000)
        else:
            misrouted += 1
    return list(last_old.values()), misrouted


def report(changes: list[Change], requests: list[Sent]) -> dict[str, Any]:
    """Figures over all changes; times in ms."""
    requests.sort()
    last_old, misrouted = late_answers(changes, requests)
    aborts = [change for change in changes if change.routes.salt and change.routes.weight_of(NEW) == 0]
    return {
        "changes": len(changes),
        "aborts": len(aborts),
        "requests": len(requests),
        "requests_per_s": round(len(requests) / (requests[-1][0] - requests[0][0]), 1),
        "lost": sum(1 for request in requests if request[2] != 200),
        "misrouted": misrouted,
        "request_ms": _quantiles([(done - sent) * 1000 for sent, done, *_ in requests]),
        "apply_to_confirmed_ms": _quantiles([change.latency_ms for change in changes]),
        "abort_to_confirmed_ms": _quantiles([change.latency_ms for change in aborts]),
        "last_old_ms": _quantiles(last_old),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"n": len(values)}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"n": len(values), "p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "max": round(max(values), 2)}


async def measure(changes: int, rate: float, pause_s: float) -> dict[str, Any]:
    """The whole run, in processes of its own; everything it started is ended with it."""
    spawn = multiprocessing.get_context("spawn")
    ready, tell_ready = spawn.Pipe()
    pipe, players_pipe = spawn.Pipe()
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        settings = EnvoySettings(run_dir=Path(folder), port=free_port(), linger_s=0.5)
        edge = EnvoyRouter(settings)
        instances = spawn.Process(target=run_instances, args=([OLD, OLD, NEW, NEW], tell_ready), daemon=True)
        players = spawn.Process(target=run_players, args=(settings.port, rate, players_pipe), daemon=True)
        try:
            instances.start()
            listening = await asyncio.to_thread(ready.recv)
            ports = {OLD: listening[:2], NEW: listening[2:]}
            await edge.start()
            await edge.apply(table_of(stable_routes("payments", OLD), ports, 0))
            players.start()
            await asyncio.to_thread(pipe.recv)
            done = await run_changes(edge, ports, changes, pause_s)
            pipe.send("stop")
            requests: list[Sent] = await asyncio.to_thread(pipe.recv)
        finally:
            await edge.stop(keep_serving=False)
            for process in (players, instances):
                if process.is_alive():
                    process.terminate()
                    process.join()
    return report(done, requests)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=200, help="at least this many changes (default %(default)s)")
    parser.add_argument("--rate", type=float, default=600.0, help="requests per second (default %(default)s)")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds between changes (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = asyncio.run(measure(options.changes, options.rate, options.pause))
    print(json.dumps(figures) if options.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 1 if figures["lost"] or figures["misrouted"] else 0


if __name__ == "__main__":
    sys.exit(main())
