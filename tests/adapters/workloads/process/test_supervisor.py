import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from croupier.adapters.workloads.process import ProcessSettings, ProcessWorkloads
from croupier.adapters.workloads.process.identity import is_same, mark_of
from croupier.adapters.workloads.process.record import load_all, save
from croupier.control.ports import Health, VersionKey, WorkloadStatus
from croupier.core.releases import Limits, ProcessTemplate
from croupier.errors import Transient

KEY = VersionKey("payments", "1.0.0+de")
OTHER = VersionKey("payments", "1.1.0")

Make = Callable[..., Awaitable[ProcessWorkloads]]
Build = Callable[..., ProcessTemplate]
Wait = Callable[..., Awaitable[WorkloadStatus]]
Get = Callable[..., Coroutine[Any, Any, httpx.Response]]
Until = Callable[..., Awaitable[None]]
Control = Callable[..., Awaitable[asyncio.subprocess.Process]]


def ready(status: WorkloadStatus) -> bool:
    return status.health is Health.READY


def failed(status: WorkloadStatus) -> bool:
    return status.health is Health.FAILED


async def about(get: Get, status: WorkloadStatus, endpoint: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = (await get(status, "/about", endpoint)).json()
    return answer


async def test_runs_what_is_wanted_and_says_where(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROUPIER_ADMIN_TOKEN", "secret")
    monkeypatch.setenv("DATABASE_URL", "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    wanted = {KEY: template({"WHO": "{service} {version} #{instance}", "JSON": '{"a": {}}'})}
    await workloads.apply(wanted)
    assert (await workloads.observe())[KEY].health is Health.STARTING
    status = await status_when(workloads, KEY, ready)
    said = await about(get, status)
    assert said["argv"][1:] == [str(status.endpoints[0].port), "payments", "1.0.0+de", "0"]
    assert said["env"]["WHO"] == "payments 1.0.0+de #0"
    assert said["env"]["JSON"] == '{"a": {}}'
    assert said["env"]["PATH"] == os.environ["PATH"]
    assert said["env"]["LC_ALL"] == "C.UTF-8"
    assert "secret" not in said["env"].values()
    assert said["stdin"] == "/dev/null"
    assert said["sid"] == said["pid"] != os.getsid(0)
    assert status == WorkloadStatus(Health.READY, status.endpoints, "")

    await workloads.apply(wanted)
    assert (await about(get, await status_when(workloads, KEY, ready)))["pid"] == said["pid"]


async def test_two_instances_are_two_processes(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get
) -> None:
    await workloads.apply({KEY: template(instances=2), OTHER: template()})
    status = await status_when(workloads, KEY, ready)
    said = [await about(get, status, number) for number in (0, 1)]
    assert len({one["pid"] for one in said}) == 2
    assert {one["argv"][4] for one in said} == {"0", "1"}
    other = await status_when(workloads, OTHER, ready)
    assert len({endpoint.port for endpoint in (*status.endpoints, *other.endpoints)}) == 3


async def test_one_instance_down_is_told_and_the_other_stays_an_endpoint(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get
) -> None:
    await workloads.apply({KEY: template(instances=2)})
    status = await status_when(workloads, KEY, ready)
    with pytest.raises(httpx.HTTPError):
        await get(status, "/die")
    down = await status_when(workloads, KEY, lambda status: len(status.endpoints) == 1)
    assert down.health is Health.UNREADY
    assert "1 of 2 instances ready; instance 0 " in down.reason
    again = await status_when(workloads, KEY, ready)
    assert again.endpoints[1] == status.endpoints[1]
    assert again.endpoints[0] != status.endpoints[0]


async def test_a_crash_loop_ends_as_failed_with_the_reason(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, tmp_path: Path
) -> None:
    await workloads.apply({KEY: template({"MODE": "crash"})})
    status = await status_when(workloads, KEY, failed)
    assert "crashed 3 times within 60 s" in status.reason
    assert "exited with code 3" in status.reason
    assert status.reason.count("no database at db.example:5432") == 1
    assert not list((tmp_path / "run" / "records").glob("*.json"))

    await workloads.apply({})
    assert await workloads.observe() == {}
    await workloads.apply({KEY: template()})
    await status_when(workloads, KEY, ready)


async def test_a_killed_process_is_started_again(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get
) -> None:
    await workloads.apply({KEY: template()})
    status = await status_when(workloads, KEY, ready)
    pid = (await about(get, status))["pid"]
    os.kill(pid, signal.SIGKILL)
    down = await status_when(workloads, KEY, lambda status: not ready(status))
    assert down.health is Health.UNREADY
    assert "was killed by signal SIGKILL" in down.reason
    assert (await about(get, await status_when(workloads, KEY, ready)))["pid"] != pid


async def test_a_record_that_cannot_be_removed_keeps_nothing_from_starting_or_draining(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get, tmp_path: Path
) -> None:
    await workloads.apply({KEY: template()})
    status = await status_when(workloads, KEY, ready)
    pid = (await about(get, status))["pid"]
    for record in (tmp_path / "run" / "records").glob("*.json"):
        record.unlink()
        (record / "in the way").mkdir(parents=True)  # cannot be unlinked, as on a disk that failed
    os.kill(pid, signal.SIGKILL)
    await status_when(workloads, KEY, lambda status: not ready(status))
    assert (await about(get, await status_when(workloads, KEY, ready)))["pid"] != pid
    await workloads.stop(keep_running=False)


async def test_what_was_ready_once_is_tried_again_after_it_failed(
    make: Make, quick: ProcessSettings, template: Build, status_when: Wait, get: Get
) -> None:
    workloads = await make(replace(quick, crashes=1))
    await workloads.apply({KEY: template()})
    with pytest.raises(httpx.HTTPError):
        await get(await status_when(workloads, KEY, ready), "/die")
    status = await status_when(workloads, KEY, failed)
    assert "tried again every 0.5 s" in status.reason
    await status_when(workloads, KEY, ready)


async def test_never_healthy_is_stopped_and_failed(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, tmp_path: Path, until: Until
) -> None:
    started = tmp_path / "started"
    await workloads.apply({KEY: template({"MODE": "mute", "ENTERED": str(started)}, start_timeout_s=4.0)})
    await until(started.exists)
    [record] = load_all(tmp_path / "run" / "records")
    status = await status_when(workloads, KEY, failed)
    assert "was not ready 4 s after its start" in status.reason
    assert f"on port {record.port}" in status.reason
    assert "service begins mute" in status.reason
    await until(lambda: not psutil.pid_exists(record.mark.pid))


async def test_sick_is_unready_and_comes_back(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, tmp_path: Path
) -> None:
    sick = tmp_path / "sick"
    await workloads.apply({KEY: template({"SICK_WHILE": str(sick)})})
    before = await status_when(workloads, KEY, ready)
    sick.touch()
    status = await status_when(workloads, KEY, lambda status: not ready(status))
    assert (status.health, status.endpoints) == (Health.UNREADY, ())
    assert "answers 503 to GET /healthz" in status.reason
    sick.unlink()
    assert (await status_when(workloads, KEY, ready)).endpoints == before.endpoints


@pytest.mark.parametrize(
    "change, message",
    [
        ({"command": ("no-such-program-anywhere",)}, "the program 'no-such-program-anywhere' does not exist"),
        ({"directory": "/no/such/place"}, "the directory '/no/such/place' does not exist"),
        ({"limits": Limits(open_files=2**40)}, "exited with code"),
    ],
)
async def test_what_cannot_be_started_says_why(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, change: dict[str, Any], message: str
) -> None:
    await workloads.apply({KEY: replace(template(), **change), OTHER: template()})
    assert message in (await status_when(workloads, KEY, failed)).reason
    await status_when(workloads, OTHER, ready)


async def test_a_template_with_mistakes_fails_its_version_and_no_other(
    workloads: ProcessWorkloads, template: Build, status_when: Wait
) -> None:
    wrong = ProcessTemplate(("{prot}",), env=(("A", "{host}"),), instances=0)
    await workloads.apply({KEY: template(), OTHER: wrong})
    await status_when(workloads, KEY, ready)
    status = (await workloads.observe())[OTHER]
    assert status.health is Health.FAILED
    assert "command[0]: unknown placeholder {prot} Known are {port}" in status.reason
    assert "env.A" in status.reason
    await workloads.apply({KEY: template()})
    assert set(await workloads.observe()) == {KEY}


async def test_limits_hold(workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get) -> None:
    await workloads.apply({KEY: template(limits=Limits(memory_bytes=300 * 1024 * 1024, open_files=77))})
    status = await status_when(workloads, KEY, ready)
    said = await about(get, status)
    assert said["files"] == [77, 77]
    assert said["data"] == [300 * 1024 * 1024] * 2
    assert (await get(status, "/eat")).status_code == 507


async def test_the_log_stays_small(
    make: Make, quick: ProcessSettings, template: Build, status_when: Wait, get: Get, tmp_path: Path
) -> None:
    workloads = await make(replace(quick, log_bytes=20_000))
    await workloads.apply({KEY: template()})
    status = await status_when(workloads, KEY, ready)
    [log] = (tmp_path / "run" / "logs").glob("*.log")
    assert log.stat().st_mode & 0o777 == 0o600
    for _ in range(3):
        await get(status, "/write/400")
        async with asyncio.timeout(120):
            while log.stat().st_size > 20_000:
                await asyncio.sleep(0.01)
    assert sum(file.stat().st_size for file in log.parent.iterdir()) <= 40_000
    with pytest.raises(httpx.HTTPError):
        await get(status, "/die")
    assert "exited with code 7" in (await status_when(workloads, KEY, lambda status: not ready(status))).reason


async def test_draining_lets_a_request_finish_and_blocks_nobody(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get, tmp_path: Path, until: Until
) -> None:
    entered, go_on = tmp_path / "entered", tmp_path / "go-on"
    os.mkfifo(go_on)
    wanted = {KEY: template({"ENTERED": str(entered), "GO_ON": str(go_on)}, drain_s=60.0)}
    await workloads.apply(wanted)
    status = await status_when(workloads, KEY, ready)
    pid = (await about(get, status))["pid"]
    slow = asyncio.create_task(get(status, "/slow"))
    await until(entered.exists)
    await workloads.apply({})
    assert await workloads.observe() == {}

    # Wanted again while it drains: a fresh process, the old one still finishes.
    await workloads.apply(wanted)
    fresh = await status_when(workloads, KEY, ready)
    assert (await about(get, fresh))["pid"] != pid
    go_on.write_text("")
    assert (await slow).text == "finished"
    await until(lambda: not psutil.pid_exists(pid))
    assert (await status_when(workloads, KEY, ready)).endpoints == fresh.endpoints


async def test_what_ignores_the_request_to_end_is_killed_with_its_children(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get, tmp_path: Path, until: Until
) -> None:
    child = tmp_path / "child"
    await workloads.apply(
        {
            KEY: template({"MODE": "stubborn"}, drain_s=0.2),
            OTHER: template({"MODE": "parent", "CHILD": str(child)}, drain_s=0.5),
        }
    )
    stubborn = (await about(get, await status_when(workloads, KEY, ready)))["pid"]
    parent = (await about(get, await status_when(workloads, OTHER, ready)))["pid"]
    orphan = psutil.Process(int(child.read_text()))
    await workloads.apply({})
    for pid in (stubborn, parent):
        await until(lambda pid=pid: not psutil.pid_exists(pid))
    await until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)
    await until(lambda: not list((tmp_path / "run" / "records").iterdir()))


async def test_what_a_shell_leaves_gets_its_time_too(
    workloads: ProcessWorkloads, template: Build, status_when: Wait, get: Get, tmp_path: Path, until: Until
) -> None:
    entered, go_on = tmp_path / "entered", tmp_path / "go-on"
    os.mkfifo(go_on)
    plain = template({"ENTERED": str(entered), "GO_ON": str(go_on)}, drain_s=60.0)
    wrapped = replace(plain, command=("sh", "-c", '"$@" & wait', "sh", *plain.command))
    await workloads.apply({KEY: wrapped})
    slow = asyncio.create_task(get(await status_when(workloads, KEY, ready), "/slow"))
    await until(entered.exists)
    [record] = load_all(tmp_path / "run" / "records")
    await workloads.apply({})
    await until(lambda: not psutil.pid_exists(record.mark.pid))
    go_on.write_text("")
    assert (await slow).text == "finished"
    await workloads.stop(keep_running=False)


async def test_stop_can_end_everything(
    make: Make, template: Build, status_when: Wait, get: Get, tmp_path: Path
) -> None:
    workloads = await make()
    await workloads.apply({KEY: template(instances=2)})
    status = await status_when(workloads, KEY, ready)
    pids = [(await about(get, status, number))["pid"] for number in (0, 1)]
    await workloads.stop(keep_running=False)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not list((tmp_path / "run" / "records").iterdir())


async def test_one_folder_has_one_control_plane(make: Make, tmp_path: Path) -> None:
    first = await make()
    with pytest.raises(Transient, match="another control plane"):
        await make()
    await first.stop(keep_running=True)
    await make()


CONTROLLER = """
import asyncio, json, sys
from pathlib import Path
from croupier.adapters.clock import SystemClock
from croupier.adapters.workloads.process import ProcessSettings, ProcessWorkloads
from croupier.adapters.workloads.process.record import _TEMPLATE
from croupier.control.ports import VersionKey

async def main():
    workloads = ProcessWorkloads(Path(sys.argv[1]), SystemClock(), ProcessSettings(tick_s=0.03))
    await workloads.start()
    wanted = {VersionKey(*key): _TEMPLATE.validate_python(value) for key, value in json.loads(sys.argv[2])}
    await workloads.apply(wanted)
    dropped = False
    while True:
        status = await workloads.observe()
        if not dropped and status and all(one.health == "ready" for one in status.values()):
            print("ready", flush=True)
            if len(wanted) > 1:
                await asyncio.to_thread(sys.stdin.readline)
                await workloads.apply(dict(list(wanted.items())[:1]))
                print("dropped", flush=True)
            dropped = True
        await asyncio.sleep(0.02)

asyncio.run(main())
"""


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """Starts another control plane on the same run folder; returns when it says that all is ready."""
    started: list[asyncio.subprocess.Process] = []

    async def start(wanted: dict[VersionKey, ProcessTemplate]) -> asyncio.subprocess.Process:
        started.append(await _controller(tmp_path / "run", wanted))
        await _says(started[-1], b"ready\n")
        return started[-1]

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _controller(run: Path, wanted: dict[VersionKey, ProcessTemplate]) -> asyncio.subprocess.Process:
    as_json = json.dumps([[[key.service, key.version], asdict(value)] for key, value in wanted.items()])
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CONTROLLER,
        str(run),
        as_json,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _says(process: asyncio.subprocess.Process, line: bytes) -> None:
    """Wait until it prints the line, among its log."""
    assert process.stdout is not None
    async with asyncio.timeout(120):
        while (said := await process.stdout.readline()) != line:
            assert said, "the controller ended"


async def test_processes_outlive_a_killed_control_plane_and_are_adopted(
    make: Make, control: Control, template: Build, status_when: Wait, tmp_path: Path, until: Until
) -> None:
    wanted = {KEY: template(instances=2)}
    controller = await control(wanted)
    controller.kill()
    await controller.wait()
    records = list(load_all(tmp_path / "run" / "records"))
    assert all(is_same(record.mark) for record in records)

    workloads = await make()
    status = (await workloads.observe())[KEY]
    assert status.health is Health.READY
    assert {endpoint.port for endpoint in status.endpoints} == {record.port for record in records}
    await workloads.apply(wanted)
    assert (await workloads.observe())[KEY].endpoints == status.endpoints
    assert list(load_all(tmp_path / "run" / "records")) == records

    os.kill(records[0].mark.pid, signal.SIGKILL)
    down = await status_when(workloads, KEY, lambda status: len(status.endpoints) == 1)
    assert "exit code unknown" in down.reason
    await status_when(workloads, KEY, ready)
    await workloads.stop(keep_running=False)
    await until(lambda: not psutil.pid_exists(records[1].mark.pid))


async def test_draining_goes_on_after_the_control_plane_was_killed(
    make: Make, control: Control, template: Build, tmp_path: Path, until: Until
) -> None:
    controller = await control({KEY: template(), OTHER: template({"MODE": "stubborn"}, drain_s=1.0)})
    assert controller.stdin is not None
    controller.stdin.write(b"drop\n")
    await _says(controller, b"dropped\n")
    controller.kill()
    await controller.wait()
    [draining] = [record for record in load_all(tmp_path / "run" / "records") if record.drain_until]
    assert draining.key == OTHER
    assert draining.signalled

    workloads = await make()
    assert set(await workloads.observe()) == {KEY}
    await until(lambda: not is_same(draining.mark))


async def test_adopted_but_changed_or_not_wanted_is_drained(
    make: Make, template: Build, status_when: Wait, get: Get, until: Until
) -> None:
    first = await make()
    await first.apply({KEY: template(), OTHER: template()})
    old = (await about(get, await status_when(first, KEY, ready)))["pid"]
    other = (await about(get, await status_when(first, OTHER, ready)))["pid"]
    await first.stop(keep_running=True)

    second = await make()
    assert set(await second.observe()) == {KEY, OTHER}
    await second.apply({KEY: template({"NEW": "yes"})})
    fresh = await status_when(second, KEY, ready)
    assert (await about(get, fresh))["env"]["NEW"] == "yes"
    for pid in (old, other):
        await until(lambda pid=pid: not psutil.pid_exists(pid))


async def test_a_reused_pid_is_left_alone(make: Make, template: Build, status_when: Wait, tmp_path: Path) -> None:
    first = await make()
    await first.apply({KEY: template()})
    await status_when(first, KEY, ready)
    await first.stop(keep_running=True)
    stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", "import signal; signal.pause()")
    try:
        folder = tmp_path / "run" / "records"
        [record] = load_all(folder)
        now = mark_of(stranger.pid)
        assert now is not None
        # As if the process that we recorded had ended and the stranger had got its pid, or its pid after a boot.
        reused = replace(record, mark=replace(now, started=now.started - 100), was_ready=True)
        other_boot = replace(record, mark=replace(now, boot="another"), drain_until=1.0, instance=1)
        save(folder, reused)
        save(folder, other_boot)
        second = await make()
        assert [status.health for status in (await second.observe()).values()] == [Health.READY]
        await second.stop(keep_running=False)
        assert is_same(now)
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_an_unreadable_record_is_set_aside(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "records"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text('{"key":')
    workloads = await make()
    assert await workloads.observe() == {}
    assert (folder / "x.bad").exists()
