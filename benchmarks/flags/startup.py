"""What a service's start waits for where the flags' server is away: our SDK and the others, side by side in one run.

Three servers that are none: one that refuses connections, one that accepts them and says nothing, one that answers
every request with 500. Each SDK as its documentation shows it, with its defaults, in a process of its own; loading its
code is not counted. Packages as for ``peers``. Ends with 1 where ours waits longer than 0.1 s, or raises.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.flags.peers import ROOT, environment
from benchmarks.flags.rivals._startup import STARTS

OURS = "Croupier"


class Failing(BaseHTTPRequestHandler):
    """500, whatever is asked."""

    def do_GET(self) -> None:
        self.send_error(500)

    def do_POST(self) -> None:
        self.send_error(500)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def refusing() -> Iterator[str]:
    with socket.socket() as taken:  # bound, and not listening: nobody else gets the port meanwhile
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def mute() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def failing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


SERVERS = {"refuses": refusing, "says nothing": mute, "answers 500": failing}


def tried(python: Path, name: str, url: str, limit_s: float) -> dict[str, Any]:
    """What the process said before it ended, or was ended."""
    command = [str(python), "-m", "benchmarks.flags.rivals._startup", name, url]
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir()}
    died = ""
    try:
        run = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=limit_s + 30
        )
        output = run.stdout
        died = f"the process ends by signal {-run.returncode}" if run.returncode < 0 else ""
        if run.returncode > 0:
            died = (run.stderr.strip().splitlines() or ["no output"])[-1][:60]
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode()  # of text, too, it is bytes
        died = f"more than {limit_s:g} s"
    said: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith("RESULT "):
            said = json.loads(line[len("RESULT ") :])
    if died:
        said["start" if "start" not in said else "answer"] = died
    return said


def words(said: dict[str, Any]) -> str:
    """One cell of the table."""
    start = f"{said['start_s']:7.3f} s, {said['start']}" if "start_s" in said else said["start"]
    if "answer" not in said:
        return start
    took = f" in {said['answer_ms']:.3g} ms" if "answer_ms" in said else ""
    return f"{start}; asked: {said['answer']}{took}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="systems whose names contain one of these, by comma")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds that one may take")
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = [part.strip().lower() for part in options.only.split(",") if part.strip()]
    names = [name for name in STARTS if not wanted or any(part in name.lower() for part in wanted)]
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        python = environment(options.venv or Path(folder) / "venv")
        for name in names:
            print(name, flush=True)
            for kind, server in SERVERS.items():
                with server() as url:
                    said = rows.setdefault(name, {})[kind] = tried(python, name, url, options.limit)
                print(f"  {kind:14}{words(said)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    ours = rows.get(OURS, {})
    wrong = [
        f"ours, where the server {kind}: {words(said)}"
        for kind, said in ours.items()
        if said.get("start") != "returns" or said["start_s"] > 0.1 or said.get("answer") != "False"
    ]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
