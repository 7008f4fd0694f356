"""The matrix: every way in which Python services make processes, with the real servers.

Wherever a client is made before a fork, the parent's and each child's must hear of a change; none may hang at its end.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from tests.sdk.plane import Plane, until

BIN = Path(sys.executable).parent

WEB = """
    import faulthandler, os, sys
    from croupier.sdk import FlagClient
    # A worker that is late says where it hangs.
    os.register_at_fork(after_in_child=lambda: faulthandler.dump_traceback_later(15, exit=False))
    flags = FlagClient(os.environ["PLANE"], os.environ["TOKEN"], cache=None, name=os.environ.get("NAME", ""))

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
        return [f"{os.getpid()} {flags.is_enabled('new_lobby')} {flags.status()}".encode()]

    async def asgi(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        loop = type(__import__("asyncio").get_running_loop()).__module__
        said = f"{os.getpid()} {flags.is_enabled('new_lobby')} {loop}"
        await send({"type": "http.response.body", "body": said.encode()})
"""


class Followed(Protocol):
    """A control plane, the small one or the real one."""

    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...
    def change(self, rules: Any) -> object: ...


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def environment(plane: Followed, folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    return kept | {
        "PLANE": plane.url,
        "TOKEN": plane.token,
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(folder),
    }


@contextmanager
def running(plane: Followed, folder: Path, *command: str) -> Iterator[Callable[[], str]]:
    """The process, until the end of the block; what it wrote is in the failure's words."""
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(plane, folder), stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield output.read_text
        assert process.poll() is None, output.read_text()
    except BaseException:
        sys.stderr.write(output.read_text())
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            sys.stderr.write(output.read_text())
            raise
    sys.stderr.write(output.read_text())


def ran(plane: Plane, folder: Path, text: str, *, quiet: bool = True) -> str:
    """What the script prints; it must end by itself, and say nothing on its way out."""
    script = written(folder, "script.py", text)
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        env=environment(plane, folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if quiet:
        assert done.stderr == ""
    return done.stdout


def answers(url: str) -> tuple[str, str] | None:
    """Process and answer."""
    try:
        said = httpx.get(url, timeout=120).text.split()
    except httpx.HTTPError:
        return None
    return said[0], said[1]


def every_worker_follows(plane: Followed, url: str, workers: int) -> set[str]:
    """Both answers of at least so many processes, the changed one after the change only."""
    seen: set[str] = set()

    def heard(wanted: str) -> bool:
        answer = answers(url)
        if answer is not None and answer[1] == wanted:
            seen.add(answer[0])
        return len(seen) >= workers

    until(lambda: heard("True"), f"{workers} workers that know the flag")
    first, seen = seen, set()
    plane.change({"new_lobby": False})
    until(lambda: heard("False"), f"{workers} workers that know of the change")
    return first | seen


GUNICORN = [
    pytest.param(["-k", "sync"], "application", id="sync"),
    pytest.param(["-k", "gthread", "--threads", "2"], "application", id="threads"),
    pytest.param(["-k", "gevent"], "application", id="gevent"),
]


@pytest.mark.parametrize("preload", [True, False], ids=["preload", "lazy"])
@pytest.mark.parametrize("worker, application", GUNICORN)
def test_gunicorn(
    plane: Plane,
    tmp_path: Path,
    *,
    free_port: int,
    monkeypatch: pytest.MonkeyPatch,
    worker: list[str],
    application: str,
    preload: bool,
) -> None:
    written(tmp_path, "web.py", WEB)
    monkeypatch.setenv("NAME", "web" if preload else "")
    command = [str(BIN / "gunicorn"), "-b", f"127.0.0.1:{free_port}", "-w", "2", "--no-control-socket", *worker]
    with running(plane, tmp_path, *command, *(["--preload"] if preload else []), f"web:{application}"):
        pids = every_worker_follows(plane, f"http://127.0.0.1:{free_port}/", 2)
        until(lambda: len(plane.listening) == 2 + preload, "a stream for each process")
        if preload:  # of the one name that the master gave them
            assert len(set(plane.listening)) == 3
            assert all(name.startswith("web") for name in plane.listening)
        # A worker that dies is forked anew, long after the start, and must know what the master knows by now.
        os.kill(int(min(pids)), signal.SIGKILL)
        until(lambda: (answers(f"http://127.0.0.1:{free_port}/") or ("",))[0] not in {*pids, ""}, "the new worker")
        until(lambda: (answers(f"http://127.0.0.1:{free_port}/") or ("", ""))[1] == "False", "the new worker's answer")


def test_uvicorn_with_uvloop(plane: Plane, tmp_path: Path, free_port: int) -> None:
    written(tmp_path, "web.py", WEB)
    command = [str(BIN / "uvicorn"), "--port", str(free_port), "--workers", "2", "--loop", "uvloop", "web:asgi"]
    with running(plane, tmp_path, *command):
        every_worker_follows(plane, f"http://127.0.0.1:{free_port}/", 2)
        assert httpx.get(f"http://127.0.0.1:{free_port}/", timeout=60).text.endswith("uvloop")


UWSGI = BIN / "uwsgi"


@pytest.mark.skipif(not UWSGI.exists(), reason="uWSGI has no wheel for this machine")
@pytest.mark.parametrize(
    "options, workers",
    [
        (["--master", "--processes", "2"], 2),
        (["--master", "--processes", "2", "--lazy-apps"], 2),
        (["--master", "--processes", "2", "--py-call-osafterfork"], 2),
        (["--master", "--processes", "2", "--threads", "2"], 2),
        ([], 1),
    ],
    ids=["preload", "lazy", "hooks", "threads", "alone"],
)
def test_uwsgi(
    plane: Plane, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, options: list[str], workers: int
) -> None:
    written(tmp_path, "web.py", WEB)
    monkeypatch.setenv("NAME", "" if not options or "--lazy-apps" in options else "web")
    command = [str(UWSGI), "--http-socket", f"127.0.0.1:{free_port}", "--wsgi-file", "web.py", "--enable-threads"]
    command += ["--die-on-term", "--need-app", "--disable-logging", "--home", sys.prefix]
    with running(plane, tmp_path, *command, *options):
        every_worker_follows(plane, f"http://127.0.0.1:{free_port}/", workers)
        until(lambda: len(plane.listening) == workers, "a stream for each worker")  # the master needs no flags
        assert len(set(plane.listening)) == workers


@pytest.mark.skipif(not UWSGI.exists(), reason="uWSGI has no wheel for this machine")
def test_uwsgi_without_threads_is_told(plane: Plane, tmp_path: Path, free_port: int) -> None:
    written(tmp_path, "web.py", WEB)
    command = [str(UWSGI), "--http-socket", f"127.0.0.1:{free_port}", "--wsgi-file", "web.py", "--master"]
    command += ["--processes", "1", "--die-on-term", "--need-app", "--disable-logging", "--home", sys.prefix]
    with running(plane, tmp_path, *command) as output:
        until(lambda: answers(f"http://127.0.0.1:{free_port}/"), "an answer")
        assert "enable-threads = true" in output()
    assert plane.streams == []


CELERY = """
    import os
    from celery import Celery
    from croupier.sdk import DecisionLog, FlagClient, JsonLines

    folder = os.environ["HOME"]
    app = Celery("work", broker="filesystem://")
    app.conf.broker_transport_options = {
        "data_folder_in": folder + "/queue", "data_folder_out": folder + "/sent",
        "control_folder": folder + "/control",
        "polling_interval": 0.05,
    }
    app.conf.update(worker_prefetch_multiplier=1, worker_hijack_root_logger=False)
    log = DecisionLog(JsonLines(folder + "/decisions"), per_second=1)
    flags = FlagClient(os.environ["PLANE"], "client-token", cache=None, decisions=log)

    @app.task
    def ask(number):
        answer = [flags.is_enabled("new_lobby") for _ in range(3)][0]
        with open(folder + "/answers", "a") as file:
            file.write(f"{os.getpid()} {answer}\\n")
"""


def test_celery_prefork(plane: Plane, tmp_path: Path) -> None:
    for name in ("queue", "sent", "control"):
        (tmp_path / name).mkdir()
    written(tmp_path, "work.py", CELERY)
    said = tmp_path / "answers"

    def send_tasks() -> None:
        ran(plane, tmp_path, "import work\nfor number in range(8): work.ask.delay(number)\nwork.flags.close()")
        # This broker does not write its files in one go, and a worker would die of one that is half written.
        for message in (tmp_path / "sent").iterdir():
            message.rename(tmp_path / "queue" / message.name)

    def answered() -> list[list[str]]:
        return [line.split() for line in said.read_text().splitlines()] if said.exists() else []

    command = [str(BIN / "celery"), "-A", "work", "worker", "-P", "prefork", "-c", "2", "--without-mingle"]
    with running(plane, tmp_path, *command, "--without-gossip", "--without-heartbeat", "-l", "WARNING"):
        until(lambda: len(plane.listening) == 3, "a stream for each process")
        send_tasks()
        until(lambda: len(answered()) == 8, "the first answers")
        assert {answer for _, answer in answered()} == {"True"}
        plane.change({"new_lobby": False})
        until(
            lambda: len({ack["client"] for ack in plane.acknowledged if ack["position"] == "test:2"}) >= 3, "the news"
        )
        send_tasks()
        until(lambda: len(answered()) == 16, "the second answers")
        assert {answer for _, answer in answered()[8:]} == {"False"}
    entries = [json.loads(line) for line in (tmp_path / "decisions").read_text().splitlines()]
    counted = sum(entry.get("left_out", 1) for entry in entries)
    assert counted == 16 * 3  # what the children had not said yet was said at their end


FORKED = """
    import multiprocessing, os, sys, time
    from croupier.sdk import FlagClient

    flags = None

    def client():
        global flags
        if flags is None:
            name = "work" if "METHOD" == "fork" else ""
            flags = FlagClient(os.environ["PLANE"], "client-token", cache=None, name=name)
        return flags

    def follows(name, pipe):
        held = client()
        assert held.wait_ready(60)
        pipe.send(held.is_enabled("new_lobby"))
        while held.is_enabled("new_lobby"):
            time.sleep(0.01)
        pipe.send(held.is_enabled("new_lobby"))

    if __name__ == "__main__":
        method = "METHOD"
        assert client().wait_ready(60)
        context = multiprocessing.get_context(method)
        pipes = []
        for number in range(2):
            ours, theirs = context.Pipe()
            process = context.Process(target=follows, args=(number, theirs))
            process.start()
            pipes.append((ours, process))
        for ours, process in pipes:
            assert ours.recv() is True
        print("all know", flush=True)
        while client().is_enabled("new_lobby"):
            time.sleep(0.01)
        for ours, process in pipes:
            assert ours.recv() is False
            process.join(60)
            assert process.exitcode == 0
        print("all heard", flush=True)
"""


def begun(plane: Plane, folder: Path, script: str) -> subprocess.Popen[str]:
    """A Python process that runs the script, with what it says in pipes."""
    return subprocess.Popen(
        [sys.executable, written(folder, "script.py", script)],
        cwd=folder,
        env=environment(plane, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(plane: Plane, tmp_path: Path, method: str) -> None:
    script = FORKED.replace("METHOD", method)
    process = begun(plane, tmp_path, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "all know\n", process.communicate(timeout=60)
    until(lambda: len(set(plane.listening)) == 3, "a stream for each process")
    plane.change({"new_lobby": False})
    output, errors = process.communicate(timeout=120)
    assert (output, errors, process.returncode) == ("all heard\n", "", 0)
    # Nobody's connection outlives its process: a child had let go of what it inherited.
    until(lambda: not plane.listening, "the end of every stream")


@pytest.mark.parametrize(
    "around",
    [
        "asyncio.run(whole())",
        "import uvloop; uvloop.run(whole())",
        "import gevent.monkey; gevent.monkey.patch_all(); import gevent; gevent.spawn(plain).get()",
        "plain()",
    ],
    ids=["asyncio", "uvloop", "gevent", "plain"],
)
def test_subprocesses_leave_the_parents_stream_alone(plane: Plane, tmp_path: Path, around: str) -> None:
    plane.change({"go": False})
    *first, last = around.split("; ")
    script = f"""
    {"; ".join(first) or "pass"}
    import asyncio, os, subprocess, sys, time
    from croupier.sdk import FlagClient
    flags = FlagClient(os.environ["PLANE"], "client-token", cache=None)
    children = []

    def check():
        assert flags.is_enabled("new_lobby")
        # The child is heard by the control plane before the parent asks what is new.
        flags.value("go", False)

    async def whole():
        assert await flags.ready(60)
        check()
        for _ in range(3):
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            assert await child.wait() == 0
        print("ran", flush=True)
        while flags.is_enabled("new_lobby"):
            await asyncio.sleep(0.01)
        print("heard", flush=True)

    def plain():
        assert flags.wait_ready(60)
        check()
        for _ in range(3):
            assert subprocess.run([sys.executable, "-c", "pass"]).returncode == 0
            pid = os.fork()
            if not pid:
                os._exit(0)
            os.waitpid(pid, 0)
        print("ran", flush=True)
        while flags.is_enabled("new_lobby"):
            time.sleep(0.01)
        print("heard", flush=True)

    {last}
    """
    process = begun(plane, tmp_path, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ran\n", process.communicate(timeout=60)
    plane.change({"new_lobby": False})
    output, errors = process.communicate(timeout=120)
    assert (output, errors, process.returncode) == ("heard\n", "", 0)
    assert len({stream.client for stream in plane.streams}) == len(plane.streams)  # nobody had to dial twice


def test_the_background_imports_nothing(plane: Plane, tmp_path: Path) -> None:
    """A fork amid an import leaves the child with a lock that nobody gives back, so there must be no imports."""
    script = """
    import os, sys, time
    from croupier.sdk import DecisionLog, FlagClient, JsonLines
    log = DecisionLog(JsonLines("decisions"))
    flags = FlagClient(os.environ["PLANE"], "client-token", cache="cache", decisions=log)
    before = set(sys.modules)
    assert flags.wait_ready(60)
    flags.is_enabled("new_lobby")
    print("ready", flush=True)
    while not os.path.exists("decisions") or not os.path.exists("cache") or flags.is_enabled("new_lobby"):
        time.sleep(0.01)
    print(sorted(set(sys.modules) - before))
    """
    process = begun(plane, tmp_path, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate(timeout=60)
    plane.say("resync", '{"within_s": 0}')
    until(lambda: plane.acknowledged, "the acknowledgement")
    plane.hang_up()
    until(lambda: len(plane.streams) == 2, "another connection")
    plane.change({"new_lobby": False})
    output, errors = process.communicate(timeout=120)
    assert output == "[]\n"
    assert errors.endswith("the server ended the stream\n")


def test_a_thread_that_forks_while_flags_change(plane: Plane, tmp_path: Path) -> None:
    """Many forks amid many changes: no child inherits half a change or a lock that nobody will release."""
    script = """
    import os, threading, time
    from croupier.sdk import FlagClient
    flags = FlagClient(os.environ["PLANE"], "client-token", cache=None)
    assert flags.wait_ready(60)
    print("ready", flush=True)

    def forks():
        for _ in range(15):
            pid = os.fork()
            if not pid:
                end = time.monotonic() + 100
                while flags.status().version < 40 and time.monotonic() < end:
                    flags.is_enabled("new_lobby")
                    time.sleep(0.005)
                os._exit(0 if flags.details("new_lobby").value is True else 1)
            pids.append(pid)
            time.sleep(0.01)

    pids = []
    threads = [threading.Thread(target=forks) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {os.waitpid(pid, 0)[1] for pid in pids} == {0}
    print("done", flush=True)
    """
    process = begun(plane, tmp_path, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate(timeout=60)
    for number in range(39):
        plane.change({"new_lobby": bool(number % 2)} if number < 38 else {"new_lobby": True})
        time.sleep(0.005)
    output, errors = process.communicate(timeout=120)
    assert (output, errors, process.returncode) == ("done\n", "", 0)


EXIT = """
    import os
    from croupier.sdk import DecisionLog, FlagClient, JsonLines
    log = DecisionLog(JsonLines("decisions"), per_second=1)
    flags = FlagClient(os.environ["PLANE"], "client-token", cache="cache", decisions=log)
    WAIT
    for _ in range(5):
        flags.is_enabled("new_lobby")
"""


def counted(path: Path) -> int:
    return sum(json.loads(line).get("left_out", 1) for line in path.read_text().splitlines())


def test_exit_says_what_is_left_to_say(plane: Plane, tmp_path: Path) -> None:
    ran(plane, tmp_path, EXIT.replace("WAIT", "assert flags.wait_ready(60)"))
    assert counted(tmp_path / "decisions") == 5
    assert (tmp_path / "cache").exists()
    until(lambda: not plane.listening, "the end of the stream")


def test_exit_at_once(plane: Plane, tmp_path: Path) -> None:
    ran(plane, tmp_path, EXIT.replace("WAIT", "pass"))
    assert counted(tmp_path / "decisions") == 5


def test_exit_while_the_server_is_down(plane: Plane, tmp_path: Path) -> None:
    plane.stop()
    ran(plane, tmp_path, EXIT.replace("WAIT", "assert not flags.wait_ready(0.2)"), quiet=False)
    assert counted(tmp_path / "decisions") == 5


def test_exit_while_the_server_says_nothing(plane: Plane, tmp_path: Path) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        plane.port = mute.getsockname()[1]
        ran(plane, tmp_path, EXIT.replace("WAIT", "assert not flags.wait_ready(0.2)"))
    assert counted(tmp_path / "decisions") == 5


def test_exit_by_an_exception_keeps_it(plane: Plane, tmp_path: Path) -> None:
    script = written(tmp_path, "script.py", EXIT.replace("WAIT", "flags.wait_ready(60)") + "\n    raise SystemExit(3)")
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=environment(plane, tmp_path),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert counted(tmp_path / "decisions") == 5
