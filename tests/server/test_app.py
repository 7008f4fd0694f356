"""The real thing, started as people start it: SQLite, Envoy, processes, signals."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import pytest
from pydantic import SecretStr

from croupier.errors import CroupierError
from croupier.server.app import open_outside
from croupier.server.settings import Settings

pytestmark = [pytest.mark.envoy, pytest.mark.e2e]

DEADLINE_S = 120.0

SHOP = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0
    def log_message(self, *args): pass
    def do_GET(self):
        Shop.served += self.path.startswith("/shop")
        page = f'# TYPE shop_requests_total counter\\nshop_requests_total{{outcome="ok"}} {Shop.served}\\n'
        body = (page if self.path == "/metrics" else sys.argv[2]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """Not tmp_path: a unix socket's path may have 107 bytes at most."""
    with TemporaryDirectory(prefix="croupier-") as folder:
        (Path(folder) / "shop.py").write_text(SHOP)
        yield Path(folder)


@pytest.fixture
def started(home: Path, free_ports: Callable[[], int]) -> Callable[..., Any]:
    """Starts a control plane on ``home``; the same ports each time."""
    port, edge_port = free_ports(), free_ports()

    @asynccontextmanager
    async def start(
        on_exit: str = "stop", **more: str
    ) -> AsyncIterator[tuple[subprocess.Popen[bytes], httpx.AsyncClient, str]]:
        changes = {"CROUPIER_EDGE_PORT": str(edge_port), "CROUPIER_ON_EXIT": on_exit, "CROUPIER_TICK_S": "0.1", **more}
        with _serve(home / "state", port, home / "log", **changes) as server:
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False, timeout=60.0)
            try:
                await ready(client, server, home / "log")
                token = (home / "state" / "admin.token").read_text().strip()
                client.headers["Authorization"] = f"Bearer {token}"
                yield server, client, f"http://127.0.0.1:{edge_port}"
            finally:
                await client.aclose()
                if server.poll() is None:
                    server.kill()

    return start


async def ready(client: httpx.AsyncClient, server: subprocess.Popen[bytes], log: Path) -> None:
    url = f"{str(client.base_url).removesuffix('/api/v1/')}/readyz"
    async with asyncio.timeout(DEADLINE_S):
        while True:
            assert server.poll() is None, f"it ended, see {log}"
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def until(client: httpx.AsyncClient, path: str, done: Callable[[Any], bool]) -> Any:
    found: Any = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not done(found := (await client.get(path)).json()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within {DEADLINE_S} s; last: {found}")
    return found


def documents(home: Path) -> list[dict[str, Any]]:
    head = {"apiVersion": "croupier/v1"}
    process = {"command": [sys.executable, str(home / "shop.py"), "{port}", "{version}"]}
    steps = [{"setWeight": 50}, {"pause": {}}]
    service = {"routes": [{"prefix": "/shop"}], "process": process}
    return [
        {**head, "kind": "Service", "metadata": {"name": "shop"}, "spec": service},
        {
            **head,
            "kind": "Rollout",
            "metadata": {"name": "shop"},
            "spec": {"service": "shop", "strategy": {"canary": {"steps": steps}}},
        },
        *(
            {**head, "kind": "Release", "spec": {"service": "shop", "version": version}}
            for version in ("1.0.0", "1.1.0")
        ),
    ]


async def versions(edge: str) -> set[str]:
    """Which versions a hundred players get."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as players:
        answers = [await players.get(f"{edge}/shop", headers={"x-player-id": f"p{number}"}) for number in range(100)]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.text for answer in answers}


async def end(server: subprocess.Popen[bytes]) -> int:
    server.send_signal(signal.SIGTERM)
    return await asyncio.to_thread(server.wait, DEADLINE_S)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """What settings name the database."""
    if request.param == "sqlite":
        return {}
    return {"CROUPIER_DATABASE_URL": request.getfixturevalue("postgres_database")}


async def test_from_the_first_start_to_the_last_stop(started: Any, home: Path, database: dict[str, str]) -> None:
    async with started(on_exit="keep", **database) as (server, client, edge):
        answer = await client.post("/apply", json={"documents": documents(home)})
        assert answer.status_code == 200, answer.text
        await client.post("/rollouts", json={"service": "shop", "version": "1.0.0"})
        await until(client, "/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
        await client.post("/rollouts", json={"service": "shop", "version": "1.1.0"})
        await until(client, "/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
        assert await versions(edge) == {"1.0.0", "1.1.0"}
        busy = await asyncio.to_thread(_fail, home / "other", client.base_url.port)
        assert f"Port {client.base_url.port} of 127.0.0.1 cannot be used" in busy
        async with client.stream("GET", "/events") as stream:  # an open stream does not hold up the end
            assert stream.status_code == 200
            assert await end(server) == 0
    # Nobody controls, everybody is served.
    assert await versions(edge) == {"1.0.0", "1.1.0"}

    async with started(**database) as (server, client, edge):
        answer = await client.post("/rollouts/shop-2/abort", json={"reason": "enough"})
        assert answer.status_code in (200, 202)  # on a busy machine it is acted on before it is recorded
        await until(client, "/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert await versions(edge) == {"1.0.0"}
        assert (await client.get("/journal/verify")).json()["ok"] is True
        assert await end(server) == 0
    assert not left_behind(home)
    assert "crp_" not in (home / "log").read_text()


async def test_down_stops_what_was_left(started: Any, home: Path) -> None:
    async with started(on_exit="keep") as (server, client, _):
        await client.post("/apply", json={"documents": documents(home)})
        await client.post("/rollouts", json={"service": "shop", "version": "1.0.0"})
        await until(client, "/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
        second = await asyncio.to_thread(_down, home, client.base_url.port)
        assert "Another control plane" in second.stderr
        assert await end(server) == 0
    assert len(left_behind(home)) == 2
    assert (await asyncio.to_thread(_down, home, 1)).stdout == "2\n"
    assert not left_behind(home)
    assert (await asyncio.to_thread(_down, home, 1)).stdout == "0\n"


async def test_a_start_that_fails_leaves_alone_what_serves(started: Any, home: Path) -> None:
    """Also where the end of a control plane is to be the end of everything: this one never was in control."""
    async with started(on_exit="keep") as (server, client, edge):
        await client.post("/apply", json={"documents": documents(home)})
        await client.post("/rollouts", json={"service": "shop", "version": "1.0.0"})
        await until(client, "/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
        assert await end(server) == 0
    token = home / "state" / "admin.token"
    token.unlink()
    token.mkdir()  # the new token cannot be written: the start fails after everything else was found
    changes = {
        "CROUPIER_EDGE_PORT": edge.rpartition(":")[2],
        "CROUPIER_ON_EXIT": "stop",
        "CROUPIER_NEW_ADMIN_TOKEN": "1",
    }
    said = await asyncio.to_thread(partial(_fail, home / "state", client.base_url.port, **changes))
    assert "admin.token" in said
    assert await versions(edge) == {"1.0.0"}
    assert len(left_behind(home)) == 2
    assert (await asyncio.to_thread(_down, home, 1)).stdout == "2\n"


def _down(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    code = (
        "from croupier.server.app import down; from croupier.server.settings import Settings; print(down(Settings()))"
    )
    env = {**os.environ, "CROUPIER_STATE_DIR": str(home / "state"), "CROUPIER_PORT": str(port)}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def _serve(state_dir: Path, port: int | None, log: Path, **changes: str) -> subprocess.Popen[bytes]:
    code = "from croupier.server.app import serve; from croupier.server.settings import Settings; serve(Settings())"
    env = {**os.environ, "CROUPIER_STATE_DIR": str(state_dir), "CROUPIER_PORT": str(port), **changes}
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, "-c", code], env=env, stderr=file)


def _fail(state_dir: Path, port: int | None, **changes: str) -> str:
    """What a start that must fail says."""
    log = state_dir.with_suffix(".log")
    with _serve(state_dir, port, log, **changes) as server:
        assert server.wait(DEADLINE_S) != 0
    return log.read_text()


def left_behind(home: Path) -> list[str]:
    """Processes that name our folder."""
    found: list[str] = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(home) in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words)
    return found


def test_the_edges_port_is_busy(home: Path, free_ports: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        edge_port = taken.getsockname()[1]
        said = _fail(home / "state", free_ports(), CROUPIER_EDGE_PORT=str(edge_port))
    assert f"Envoy cannot listen on 127.0.0.1:{edge_port}" in said.strip().splitlines()[-1]


async def test_a_notifier_that_others_can_listen_in_on_is_warned_of_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = "---\napiVersion: croupier/v1\nkind: Notifier\n"
    (tmp_path / "notifiers.yaml").write_text(
        f"{head}metadata: {{name: inside}}\nspec: {{format: slack, url: 'http://alerts.internal/s3cret'}}\n"
        f"{head}metadata: {{name: here}}\nspec: {{format: slack, url: 'http://127.0.0.1:9093/'}}\n"
    )
    settings = Settings(
        state_dir=tmp_path / "state",
        notifiers_file=tmp_path / "notifiers.yaml",
        database_url=SecretStr("nonsense://none"),
    )
    with pytest.raises(CroupierError):  # a start that comes as far as the store
        async with open_outside(settings):
            pytest.fail("there is no such store")
    (said,) = [item.message for item in caplog.records if "notifier" in item.message]
    assert said.startswith("notifier inside has a plain HTTP address: whoever is on the way to alerts.internal reads")
    assert "s3cret" not in said
