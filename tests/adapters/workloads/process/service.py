"""A tiny real service for the tests: says what it was given, and misbehaves as its environment asks."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def _is_there(variable: str) -> bool:
    """Whether the file that an environment variable names exists."""
    return variable in os.environ and Path(os.environ[variable]).exists()


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._say(200 if not _is_there("SICK_WHILE") else 503, b"")
        elif self.path == "/slow":
            Path(os.environ["ENTERED"]).touch()
            Path(os.environ["GO_ON"]).read_bytes()  # a pipe: whoever writes lets it go on
            self._say(200, b"finished")
        elif self.path == "/about":
            about = {
                "pid": os.getpid(),
                "env": dict(os.environ),
                "argv": sys.argv,
                "cwd": str(Path.cwd()),
                "stdin": str(Path("/proc/self/fd/0").readlink()),
                "sid": os.getsid(0),
                "files": resource.getrlimit(resource.RLIMIT_NOFILE),
                "data": resource.getrlimit(resource.RLIMIT_DATA),
                "fds": [str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()],
            }
            self._say(200, json.dumps(about).encode())
        elif self.path.startswith("/write/"):
            sys.stderr.write("x" * 99 + "\n")
            os.write(1, (b"y" * 99 + b"\n") * int(self.path.rsplit("/", 1)[1]))
            self._say(200, b"")
        elif self.path == "/die":
            os._exit(7)
        elif self.path == "/eat":
            try:
                bytearray(512 * 1024 * 1024)
            except MemoryError:
                self._say(507, b"")
            else:
                self._say(200, b"")
        else:
            self._say(404, b"")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Service(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for requests in flight


def main() -> None:
    mode = os.environ.get("MODE", "plain")
    sys.stderr.write(f"service begins {mode}\n")
    if mode == "crash":
        sys.stderr.write("no database at db.example:5432\n")
        sys.exit(3)
    if mode == "mute":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.environ.get("ENTERED"):
            Path(os.environ["ENTERED"]).touch()
        while True:
            signal.pause()
    service = Service(("127.0.0.1", int(sys.argv[1])), Answers)
    if mode == "parent":  # leaves a child behind that ignores SIGTERM
        code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(600); signal.pause()"
        child = subprocess.Popen([sys.executable, "-c", code])
        Path(os.environ["CHILD"]).write_text(str(child.pid))
        child.returncode = 0
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=service.shutdown).start())
    service.serve_forever(poll_interval=0.02)
    service.server_close()


main()
