"""How long are players without an edge when Envoy is killed? Kills it, and asks until the same routes answer again.

``python benchmarks/routing/envoy_death.py --json``
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import structlog

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.control.ports import RoutedService, TrafficTable
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import stable_routes

ROUTES = stable_routes("payments", None)
SERVICE = Service(name="payments", prefixes=("/payments",), process=ProcessTemplate(command=("unused",)))


async def back_after_ms(edge: EnvoyRouter, client: httpx.AsyncClient) -> float:
    """From SIGKILL to the first answer by the routes (503: nothing serves yet), in ms."""
    assert edge.pid
    os.kill(edge.pid, signal.SIGKILL)
    killed = time.monotonic()
    while True:
        with contextlib.suppress(httpx.TransportError):
            if (await client.get("/payments")).status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return (time.monotonic() - killed) * 1000
        await asyncio.sleep(0.002)


async def measure(kills: int, port: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        edge = EnvoyRouter(EnvoySettings(run_dir=Path(folder), port=port))
        await edge.start()
        try:
            await edge.apply(TrafficTable((RoutedService(SERVICE, ROUTES),), ()))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                times = []
                for _ in range(kills):
                    await asyncio.sleep(5.5)  # a crash loop waits longer; that is not what is measured here
                    times.append(await back_after_ms(edge, client))
                assert await edge.served() == {"payments": ROUTES}
        finally:
            await edge.stop(keep_serving=False)
    return {"kills": kills, "p50_ms": round(statistics.median(times), 1), "max_ms": round(max(times), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    figures = asyncio.run(measure(options.kills, port))
    print(json.dumps(figures) if options.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
