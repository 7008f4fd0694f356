"""What does the edge cost a request? ``wrk`` at concurrency 64 against an instance directly, through a bare Envoy, and
through ours with what a rollout adds to it: salted buckets, segments, verified players.

All in one run, round by round, so that what else the machine does hits everybody alike. The instance is an Envoy too,
which answers by itself. CPU is the edge's own, by request: it says the same on a busy machine. Needs wrk on the PATH
(Debian's package ``wrk``). Run it by ``python -m benchmarks.routing.overhead``.
"""

import argparse
import asyncio
import json
import logging
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.table import Table

from casino.ports import free_port
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.players import Players
from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.exposure import Inside
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment

CONNECTIONS = 64
PLAYERS = 5_000
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
SERVICE = Service(
    name="payments",
    prefixes=("/payments",),
    process=ProcessTemplate(command=("unused",)),
    attribute_headers=(("market", "x-market"), ("employee", "x-employee")),
)
STABLE, CANARY = "1.0.0", "1.1.0"
SEGMENTS = (
    Inside(Segment("employees", (AttributeMatch("employee", ("true",)),)), 10_000),
    Inside(Segment("se", (AttributeMatch("market", ("SE",)),)), 5_000),
)
ROUTES: dict[str, ServiceRoutes] = {
    "ours, stable only": stable_routes("payments", STABLE),
    "ours, canary at 25 %": canary_routes("payments", STABLE, CANARY, 2_500, salt="payments-1.1"),
    "ours, and two segments": canary_routes("payments", STABLE, CANARY, 2_500, salt="payments-1.1", insides=SEGMENTS),
}
VERIFIED = "ours, and verified players"


@dataclass(frozen=True, slots=True)
class Round:
    """One run of wrk: requests a second, latencies in ms, the edge's CPU in microseconds a request."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


@dataclass(frozen=True, slots=True)
class Arm:
    """Something to load: its port, and the process whose CPU counts."""

    name: str
    port: int
    pid: int | None


def bare(port: int, route: dict[str, Any], clusters: list[dict[str, Any]], admin: Path) -> dict[str, Any]:
    """An Envoy with nothing but one route."""
    routes = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **route}]}]}
    filters = [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}]
    manager = {"@type": HCM, "stat_prefix": "bare", "route_config": routes, "http_filters": filters}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "admin": {"address": {"pipe": {"path": str(admin)}}},
        "static_resources": {
            "listeners": [{"name": "bare", "address": address, "filter_chains": [chain]}],
            "clusters": clusters,
        },
    }


def cluster(port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": "one",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "one", "endpoints": endpoints},
    }


@contextmanager
def envoy(folder: Path, name: str, config: dict[str, Any], port: int, threads: int) -> Iterator[int]:
    """It runs and answers; its pid."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config))
    binary = EnvoySettings(run_dir=folder, port=port).find_binary()
    command = [str(binary), "-c", str(file), "--concurrency", str(threads), "--disable-hot-restart", "-l", "error"]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/payments/x", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def table_of(routes: ServiceRoutes, instance: int) -> TrafficTable:
    versions = (STABLE, CANARY) if len(routes.versions) > 1 else (STABLE,)
    backends = tuple(Backend(VersionKey("payments", v), (Endpoint("127.0.0.1", instance),)) for v in versions)
    return TrafficTable((RoutedService(SERVICE, routes),), backends)


def load(arm: Arm, script: Path, seconds: float) -> Round:
    """One run of wrk against it."""
    process = psutil.Process(arm.pid) if arm.pid else None
    before = sum(process.cpu_times()[:2]) if process else 0.0
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency", "-s", str(script)]
    said = subprocess.run([*command, f"http://127.0.0.1:{arm.port}"], check=True, capture_output=True, text=True).stdout
    after = sum(process.cpu_times()[:2]) if process else 0.0
    requests = int(_said(r"(\d+) requests in", said))
    failed = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", said))
    failed += sum(int(n) for line in re.findall(r"Socket errors: (.*)", said) for n in re.findall(r"\d+", line))
    return Round(
        per_s=float(_said(r"Requests/sec:\s+([\d.]+)", said)),
        p50_ms=_ms(_said(r"(?m)^\s*50%\s+(\S+)", said)),
        p99_ms=_ms(_said(r"(?m)^\s*99%\s+(\S+)", said)),
        cpu_us=1e6 * (after - before) / requests,
        failed=failed,
    )


def _said(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"wrk did not say {pattern!r}:\n{text}")
    return found.group(1)


def _ms(text: str) -> float:
    number, unit = re.match(r"([\d.]+)(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def players_script(folder: Path, tokens: list[str]) -> Path:
    """Each request is from one of many players; with tokens, they say who they are by these."""
    file = folder / f"players-{len(tokens)}.lua"
    file.write_text(
        f"""local tokens = {{{", ".join(f'"{token}"' for token in tokens)}}}
local markets = {{"DE", "AT", "SE", "FI"}}
local n = 0
function request()
  n = n + 1
  local p = n * 7919 % {PLAYERS}
  local headers = {{["x-player-id"] = "p" .. p, ["x-market"] = markets[p % 4 + 1]}}
  if #tokens > 0 then headers["authorization"] = "Bearer " .. tokens[p % #tokens + 1] end
  return wrk.format("GET", "/payments/x", headers)
end
"""
    )
    return file


def issuer(folder: Path) -> tuple[Players, list[str]]:
    """Keys, and tokens of five hundred players."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": [{**public, "kid": "1", "alg": "ES256", "use": "sig"}]}))
    claims = (("market", "x-market"), ("employee", "x-employee"))
    until = int(time.time()) + 3600
    tokens = [
        jwt.encode(
            {"iss": "casino", "sub": f"p{n}", "market": ("DE", "AT", "SE", "FI")[n % 4], "exp": until},
            key,
            algorithm="ES256",
            headers={"kid": "1"},
        )
        for n in range(500)
    ]
    return Players(jwks_file=file, issuer="casino", claims=claims), tokens


async def measure(rounds: int, seconds: float) -> dict[str, list[Round]]:
    """Every arm once a round, in the same order."""
    found: dict[str, list[Round]] = {}
    with tempfile.TemporaryDirectory(prefix="edge-") as name, ExitStack() as stack:
        folder = Path(name)
        instance, plain = free_port(), free_port()
        answer = {"direct_response": {"status": 200, "body": {"inline_string": "ok!"}}}
        one = bare(instance, answer, [], folder / "instance.sock")
        stack.enter_context(envoy(folder, "instance", one, instance, 1))
        through = bare(plain, {"route": {"cluster": "one"}}, [cluster(instance)], folder / "bare.sock")
        pid = stack.enter_context(envoy(folder, "bare", through, plain, 2))
        players, tokens = issuer(folder)
        anybody, verified = players_script(folder, []), players_script(folder, tokens)
        edges = [EnvoyRouter(EnvoySettings(run_dir=folder / kind, port=free_port(), concurrency=2)) for kind in "a"]
        edges.append(EnvoyRouter(EnvoySettings(run_dir=folder / "b", port=free_port(), concurrency=2, players=players)))
        try:
            for edge in edges:
                await edge.start()
            for _ in range(rounds):
                for arm in (Arm("direct", instance, None), Arm("bare Envoy", plain, pid)):
                    found.setdefault(arm.name, []).append(await asyncio.to_thread(load, arm, anybody, seconds))
                for kind, routes in ROUTES.items():
                    await edges[0].apply(table_of(routes, instance))
                    arm = Arm(kind, edges[0].address[1], edges[0].pid)
                    found.setdefault(kind, []).append(await asyncio.to_thread(load, arm, anybody, seconds))
                await edges[1].apply(table_of(ROUTES["ours, and two segments"], instance))
                arm = Arm(VERIFIED, edges[1].address[1], edges[1].pid)
                found.setdefault(VERIFIED, []).append(await asyncio.to_thread(load, arm, verified, seconds))
        finally:
            for edge in edges:
                await edge.stop(keep_serving=False)
    return found


def report(found: dict[str, list[Round]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds, and ratios: to the direct way, and to a bare Envoy."""
    figures: dict[str, dict[str, float]] = {}
    for name, rounds in found.items():
        middle = {
            key: statistics.median(getattr(each, key) for each in rounds)
            for key in ("per_s", "p50_ms", "p99_ms", "cpu_us")
        }
        figures[name] = {**middle, "failed": sum(each.failed for each in rounds)}
    for seen in figures.values():
        for base in ("direct", "bare Envoy"):
            for key in ("per_s", "p50_ms", "p99_ms"):
                seen[f"{key} : {base}"] = seen[key] / figures[base][key]
        seen["cpu : bare Envoy"] = seen["cpu_us"] / figures["bare Envoy"]["cpu_us"]
    return {name: {key: round(value, 3) for key, value in seen.items()} for name, seen in figures.items()}


def show(figures: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"{CONNECTIONS} connections; medians")
    for head in (
        "way",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "CPU µs",
        "requests/s : direct",
        ": bare",
        "p99 : bare",
        "CPU : bare",
    ):
        table.add_column(head, justify="left" if head == "way" else "right", no_wrap=True)
    for name, seen in figures.items():
        cells = [f"{seen['per_s']:,.0f}", f"{seen['p50_ms']:.2f}", f"{seen['p99_ms']:.2f}", f"{seen['cpu_us']:.0f}"]
        ratios = ("per_s : direct", "per_s : bare Envoy", "p99_ms : bare Envoy", "cpu : bare Envoy")
        table.add_row(name, *cells, *(f"{seen[key]:.2f}" for key in ratios))
    Console(width=max(Console().width, 130)).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load by way and round")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is not on the PATH: install it (Debian: apt-get install wrk).", file=sys.stderr)
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = report(asyncio.run(measure(asked.rounds, asked.seconds)))
    print(json.dumps(figures, indent=2)) if asked.json else show(figures)
    return 1 if any(seen["failed"] for seen in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
