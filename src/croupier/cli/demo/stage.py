"""The demo's stage: a control plane of its own in a temporary folder, on ports that are free. Stops all it started."""

import json
import os
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from croupier.adapters.manifests import parse_text, to_objects
from croupier.cli.client import Client
from croupier.cli.connection import Connection
from croupier.cli.demo.leftovers import PREFIX, claim, sweep
from croupier.errors import CroupierError, Rejected, Transient

_READY_S: Final = 180.0
_STOP_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo runs. ``notes`` are for people (which usual port was busy); ``lock`` is the descriptor that holds
    the folder.
    """

    folder: Path
    port: int
    edge_port: int
    notes: tuple[str, ...]
    lock: int | None = None

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def flags_token(self) -> Path:
        """The file that holds the token by which the casino's processes ask for their flags."""
        return self.folder / "flags.token"

    @property
    def edge(self) -> str:
        return f"http://127.0.0.1:{self.edge_port}"


def choose_place(port: int = 8700, edge_port: int = 8080) -> Place:
    """A new folder, and these ports where they are free (0: any free one). What killed demos left is removed."""
    notes = sweep(Path(tempfile.gettempdir()))
    port = _port(port, "the page", notes)
    edge_port = _port(edge_port, "the players", notes)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    return Place(folder, port, edge_port, tuple(notes), claim(folder))


class ControlPlane:
    """``croupier serve`` as a process of its own, as a user would run it; ``more`` are further CROUPIER_* variables."""

    def __init__(self, place: Place, **more: str) -> None:
        self.place = place
        env = {name: value for name, value in os.environ.items() if not name.startswith("CROUPIER_")}
        self._log = (place.folder / "serve.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "croupier", "serve"],
            env=env
            | {
                "CROUPIER_STATE_DIR": str(place.folder / "state"),
                "CROUPIER_PORT": str(place.port),
                "CROUPIER_EDGE_PORT": str(place.edge_port),
                "CROUPIER_ON_EXIT": "stop",
                "CROUPIER_TICK_S": "0.25",
                "CROUPIER_SCRAPE_S": "0.5",
            }
            | more,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops this in good order
            pass_fds=() if place.lock is None else (place.lock,),
        )

    def connection(self) -> Connection:
        """How to talk to it, once it is ready; ``Transient`` with its last words where it does not become ready."""
        token_file = self.place.folder / "state" / "admin.token"
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if token_file.exists():
                connection = Connection(self.place.page, token_file.read_text(encoding="utf-8").strip())
                if _answers(connection):
                    return connection
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)  # it answers some time, or ends
        last_words = (self.place.folder / "serve.log").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise Transient(f"The control plane did not start:\n{last_words}")

    def kill(self) -> None:
        """End it as ``kill -9`` does: nothing is stopped in order, traffic and workloads go on."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> None:
        """Stop it and, since the demo runs it with on_exit=stop, all that it started."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()


def documents(place: Place) -> list[dict[str, Any]]:
    """The demo's documents as the API takes them."""
    template = resources.files("croupier.cli.demo").joinpath("files/casino.yaml").read_text(encoding="utf-8")
    text = string.Template(template).substitute(
        python=sys.executable, database=place.folder / "casino.db", page=place.page, token=place.flags_token
    )
    bundle = parse_text(text, "casino.yaml")
    bundle.require_clean()
    return [*map(to_objects, bundle.documents), *map(to_objects, bundle.releases)]


def flags() -> list[dict[str, Any]]:
    """The casino's flags as the API takes them; all are safe at first."""
    text = resources.files("croupier.cli.demo").joinpath("files/flags.json").read_text(encoding="utf-8")
    declared: list[dict[str, Any]] = json.loads(text)
    return declared


def open_casino(client: Client, place: Place) -> None:
    """Declare everything and let version 1.0.0 of every service serve everybody."""
    token = client.post("tokens", {"name": "casino", "role": "client", "environment": "production"})["token"]
    with os.fdopen(os.open(place.flags_token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    client.post("flags/apply", {"flags": flags(), "reason": "the demo"})
    client.post("apply", {"documents": documents(place), "reason": "the demo"})
    for service in ("auth", "games", "promo", "payments"):
        client.post("rollouts", {"service": service, "version": "1.0.0", "reason": "the first version"})
    deadline = time.monotonic() + _READY_S
    while any(item["stable"] is None for item in client.pages("services", 100)):
        if time.monotonic() > deadline:
            raise Transient("The casino did not open.", hint=f"See the logs in {place.folder}.")
        time.sleep(0.1)  # a few seconds, once: a look now and then is simpler than a stream of four services


def _answers(connection: Connection) -> bool:
    try:
        with connection.open() as client:
            client.get("services")
    except CroupierError:
        return False
    return True


def _port(usual: int, whose: str, notes: list[str]) -> int:
    for port in (usual, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            if usual not in (0, chosen):
                notes.append(f"port {usual} for {whose} is busy; using {chosen}")
            return chosen
    raise Rejected("No free port on 127.0.0.1.")
