import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from croupier.adapters.routing.envoy.process import accepts, check_port, find_process, start_process
from croupier.errors import Transient

# Programs that the tests end. They wait for longer than a test, but not for ever: a test that is killed ends none.
IDLE = "import signal; signal.alarm(60); signal.pause()"
STUBBORN = f"import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); {IDLE}"


async def test_a_process_is_in_a_session_of_its_own_and_ends_on_request(tmp_path: Path) -> None:
    process = start_process([sys.executable, "-c", STUBBORN], tmp_path / "log")
    assert process.alive()
    assert os.getsid(process.pid) == process.pid
    async with asyncio.timeout(120):
        while (tmp_path / "log").read_text() != "up\n":
            await asyncio.sleep(0.01)
    await process.end(patience_s=0.05)
    assert not process.alive()
    assert process.command == []


async def test_a_death_is_seen(tmp_path: Path) -> None:
    process = start_process([sys.executable, "-c", IDLE], tmp_path / "log")
    os.kill(process.pid, signal.SIGKILL)
    async with asyncio.timeout(120):
        while process.alive():
            await asyncio.sleep(0.01)
    process.reap()
    await process.end()


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="cannot be started: No such file"):
        start_process([str(tmp_path / "nothing")], tmp_path / "log")


def test_only_an_envoy_on_this_directory_is_found(tmp_path: Path) -> None:
    reader = start_process([sys.executable, "-c", IDLE, str(tmp_path / "bootstrap-1.json")], tmp_path / "log")
    assert find_process(tmp_path) is None, "an editor that has the file open must not be ended"
    asyncio.run(reader.end())


async def test_a_free_port_is_free(free_port: int) -> None:
    check_port("127.0.0.1", free_port)
    assert not await accepts("127.0.0.1", free_port)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", free_port)
    async with server:
        assert await accepts("127.0.0.1", free_port)
        with pytest.raises(Transient, match=f"held by .* \\(pid {os.getpid()}\\)"):
            check_port("127.0.0.1", free_port)
