"""Envoy's life: killed, adopted, left alone, refused; and control planes that die or collide."""

import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.process import find_process
from croupier.control.ports import TrafficTable
from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.errors import Conflict, Rejected, Transient

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
TableOf = Callable[..., TrafficTable]
Eventually = Callable[..., Awaitable[None]]

SPLIT = canary_routes("payments", "1.0.0", "1.1.0", 2_500, salt="payments/7")


async def test_killed_it_comes_back_with_the_same_routes(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, eventually: Eventually
) -> None:
    table = table_of(SPLIT, await upstream("1.0.0"), await upstream("1.1.0"))
    await router.apply(table)
    for _ in range(2):
        killed = router.pid
        assert killed
        os.kill(killed, signal.SIGKILL)

        async def back(killed: int = killed) -> bool:
            return router.pid not in (None, killed) and await router.healthy()

        await eventually(back)
        assert await router.served() == {"payments": SPLIT}
        assert (await client.get("/payments")).status_code == 200


async def test_a_change_made_while_envoy_is_dead_is_confirmed_by_the_next_one(
    router: EnvoyRouter, upstream: Start, table_of: TableOf
) -> None:
    instances = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table_of(SPLIT, *instances))
    assert router.pid
    os.kill(router.pid, signal.SIGKILL)
    aborted = canary_routes("payments", "1.0.0", "1.1.0", 0, salt="payments/7")
    await router.apply(table_of(aborted, *instances))
    assert await router.served() == {"payments": aborted}


async def test_the_next_control_plane_adopts_what_runs(
    settings: EnvoySettings, upstream: Start, table_of: TableOf
) -> None:
    table = table_of(SPLIT, await upstream("1.0.0"), await upstream("1.1.0"))
    first = EnvoyRouter(settings)
    await first.start()
    await first.apply(table)
    pid = first.pid
    await first.stop(keep_serving=True)

    second = EnvoyRouter(settings)
    await second.start()
    assert second.pid == pid
    assert await second.served() == {"payments": SPLIT}
    version = (await second._admin.xds_state()).rds.version
    await second.apply(table)
    assert (await second._admin.xds_state()).rds.version == version, "what is served already is not written again"
    await second.apply(table_of(stable_routes("payments", "1.1.0"), await upstream("1.1.0")))
    assert int((await second._admin.xds_state()).rds.version) > int(version)
    await second.stop(keep_serving=False)
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_other_settings_replace_what_runs(settings: EnvoySettings, eventually: Eventually) -> None:
    first = EnvoyRouter(settings)
    await first.start()
    pid = first.pid
    await first.stop(keep_serving=True)
    second = EnvoyRouter(replace(settings, stream_idle_s=60))
    await second.start()
    assert second.pid not in (None, pid)
    assert len(list(settings.run_dir.glob("bootstrap-*.json"))) == 1
    await second.stop(keep_serving=False)


@pytest.mark.parametrize("state", ["draining", "hung"])
async def test_what_runs_but_does_not_serve_is_replaced(
    settings: EnvoySettings, client: httpx.AsyncClient, state: str
) -> None:
    first = EnvoyRouter(settings)
    await first.start()
    pid = first.pid
    assert pid
    if state == "draining":
        await first._admin.drain()
    await first.stop(keep_serving=True)
    if state == "hung":
        os.kill(pid, signal.SIGSTOP)
    second = EnvoyRouter(settings)
    await second.start()
    assert second.pid not in (None, pid)
    assert (await client.get("/payments")).status_code == 404
    await second.stop(keep_serving=False)


async def test_the_same_files_are_served_after_a_full_stop(
    settings: EnvoySettings, upstream: Start, table_of: TableOf
) -> None:
    table = table_of(SPLIT, await upstream("1.0.0"), await upstream("1.1.0"))
    for first_time in (True, False):
        edge = EnvoyRouter(settings)
        await edge.start()
        if first_time:
            await edge.apply(table)
        assert await edge.served() == {"payments": SPLIT}
        await edge.stop(keep_serving=False)


CONTROL_PLANE = """
import asyncio, sys
from pathlib import Path
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings

async def main():
    edge = EnvoyRouter(EnvoySettings(run_dir=Path(sys.argv[1]), port=int(sys.argv[2]), concurrency=1))
    await edge.start()
    print(edge.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_outlives_a_killed_control_plane(settings: EnvoySettings, client: httpx.AsyncClient) -> None:
    """Also one that is ended with its whole process group, as Ctrl-C in a terminal does."""
    pids = []
    for fatal in (signal.SIGKILL, signal.SIGINT):
        plane = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", textwrap.dedent(CONTROL_PLANE), str(settings.run_dir), str(settings.port)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        assert plane.stdout
        async for line in plane.stdout:
            if line.strip().isdigit():
                pids.append(int(line))
                break
        with pytest.raises(Conflict, match=f"pid {plane.pid}"):
            await EnvoyRouter(settings).start()
        os.killpg(plane.pid, fatal)
        await plane.wait()
        assert (await client.get("/payments")).status_code == 404
    assert len(pids) == 2
    assert pids[0] == pids[1]
    assert psutil.Process(pids[0]).environ() == {}


async def test_a_port_in_use_is_told_with_its_owner(settings: EnvoySettings) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        edge = EnvoyRouter(settings)
        with pytest.raises(Transient, match=rf"{settings.port}.*pid {os.getpid()}"):
            await edge.start()
        assert find_process(settings.run_dir) is None
    await edge.start()
    await edge.stop(keep_serving=False)


async def test_one_control_plane_per_run_directory(router: EnvoyRouter, settings: EnvoySettings) -> None:
    with pytest.raises(Conflict, match="holds the run directory"):
        await EnvoyRouter(settings).start()
    assert await router.healthy()


async def test_no_envoy_to_run(settings: EnvoySettings) -> None:
    with pytest.raises(Rejected, match=r"croupier\[server\]"):
        await EnvoyRouter(replace(settings, binary=settings.run_dir / "envoy")).start()


async def test_settings_that_envoy_refuses(settings: EnvoySettings) -> None:
    with pytest.raises(Rejected, match="malformed IP address"):
        await EnvoyRouter(replace(settings, listen_host="localhost")).start()


async def test_a_run_directory_that_is_a_file(settings: EnvoySettings) -> None:
    path = settings.run_dir / "file"
    path.touch()
    with pytest.raises(Rejected, match="cannot be used"):
        await EnvoyRouter(replace(settings, run_dir=path)).start()


async def test_an_envoy_that_cannot_live_is_reported_and_not_started_in_a_rush(
    router: EnvoyRouter, settings: EnvoySettings, eventually: Eventually
) -> None:
    assert router.pid
    bootstrap = next(settings.run_dir.glob("bootstrap-*.json"))
    kept = bootstrap.read_bytes()
    bootstrap.write_text("{")
    os.kill(router.pid, signal.SIGKILL)

    async def tried() -> bool:
        return b"Protobuf message" in settings.log_file.read_bytes() or b"rror" in settings.log_file.read_bytes()

    await eventually(tried)
    assert not await router.healthy()
    bootstrap.write_bytes(kept)
    await eventually(router.healthy)


async def test_its_log_is_bounded(settings: EnvoySettings, eventually: Eventually) -> None:
    edge = EnvoyRouter(replace(settings, log_limit_bytes=2_000))
    await edge.start()
    with settings.log_file.open("ab") as log:
        log.write(b"x" * 5_000)

    async def emptied() -> bool:
        return settings.log_file.stat().st_size < 2_000

    await eventually(emptied)
    assert settings.log_file.with_suffix(".log.1").stat().st_size >= 5_000
    await edge.stop(keep_serving=False)


async def test_a_log_that_cannot_be_kept_ends_no_supervision(settings: EnvoySettings, eventually: Eventually) -> None:
    edge = EnvoyRouter(replace(settings, log_limit_bytes=2_000))
    await edge.start()
    killed = edge.pid
    settings.log_file.with_suffix(".log.1").mkdir()  # the older part cannot be written, as on a full disk
    with settings.log_file.open("ab") as log:
        log.write(b"x" * 5_000)

    async def emptied() -> bool:
        return settings.log_file.stat().st_size < 2_000

    await eventually(emptied)
    assert killed
    os.kill(killed, signal.SIGKILL)

    async def back() -> bool:
        return edge.pid not in (None, killed) and await edge.healthy()

    await eventually(back)
    await edge.stop(keep_serving=False)


async def test_a_stop_lets_requests_in_flight_end(
    settings: EnvoySettings, upstream: Start, table_of: TableOf, eventually: Eventually
) -> None:
    edge = EnvoyRouter(settings)
    await edge.start()
    slow = await upstream("1.0.0", "slow")
    await edge.apply(table_of(stable_routes("payments", "1.0.0"), slow))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", trust_env=False, timeout=60) as client:
        request = asyncio.create_task(client.post("/payments"))

        async def arrived() -> bool:
            return bool(slow.hits)

        await eventually(arrived)
        await edge.stop(keep_serving=False)
        assert (await request).status_code == 200


def private(path: Path) -> bool:
    return path.stat().st_mode & 0o077 == 0


async def test_nobody_else_may_look_in(router: EnvoyRouter, settings: EnvoySettings) -> None:
    paths = [settings.run_dir, *settings.run_dir.rglob("*")]
    assert all(map(private, paths)), [path for path in paths if not private(path)]
