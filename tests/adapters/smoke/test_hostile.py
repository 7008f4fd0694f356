"""Versions and commands that mean harm, or are merely broken: none of them may keep the control plane busy, move money
twice, or get what is secret into the record.
"""

import asyncio
import gzip
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from croupier.adapters.smoke import CheckRunner, SmokeSettings
from croupier.core.smoke import Claim, Command, Extract, Op, Outcome, SecretRef, Where
from croupier.errors import Transient

from .test_runner import Bank, bank, python, run, step

__all__ = ["bank", "run"]

IS_5 = Claim(Where.JSON, Op.EQUALS, "5", "/a")
LONG_SECRET = "s3cret-" + "x" * 60


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["evil", "idna", "hex", "undefined", "rot13"])
async def test_an_encoding_that_is_none_is_read_as_any_other(bank: Bank, run: Any, charset: str) -> None:
    """A surprise would be tried again for ever, with every step that moves money."""
    bank.say("/a", 200, {"a": 5}, content_type=f"application/json; charset={charset}")
    assert (await run(step("/a", claims=(IS_5,)))).outcome is Outcome.PASSED


@pytest.mark.parametrize("status,said", [(200, "not-running"), (500, "refused"), (503, "1.1.0"), (403, LONG_SECRET)])
async def test_a_version_cannot_say_that_it_was_not_tried(bank: Bank, run: Any, status: int, said: str) -> None:
    """By the header with which the edge says so: it would be tried again for ever, and its words be recorded."""
    bank.say("/a", status, {"a": 6}, croupier_version=said)
    result = await run(step("/a", claims=(IS_5,)))
    assert (result.outcome, said in str(result)) == (Outcome.FAILED, False)


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "-0e-999999999", "1.5E+500"])
async def test_a_number_that_would_be_gigabytes_when_written(bank: Bank, run: Any, number: str) -> None:
    bank.say("/a", 200, f'{{"a": {number}}}')
    result = await run(step("/a", claims=(IS_5,)))
    assert (result.outcome, "the body is no JSON" in result.said) == (Outcome.FAILED, True)


@pytest.mark.parametrize("depth", [200, 450, 900, 100_000])
@pytest.mark.parametrize("claim", [IS_5, Claim(Where.JSON, Op.CONTAINS, '"x"', "/a")])
async def test_an_answer_that_is_too_deep(bank: Bank, run: Any, depth: int, claim: Claim) -> None:
    bank.say("/a", 200, '{"a": ' + "[" * depth + "]" * depth + "}")
    assert (await run(step("/a", claims=(claim,)))).outcome is Outcome.FAILED


@pytest.mark.parametrize("said", ["(((", "[", ".*", "\\", "a{999}{999}"])
async def test_what_an_answer_holds_is_no_pattern(bank: Bank, run: Any, said: str) -> None:
    bank.say("/a", 200, {"id": said})
    bank.say("/b", 200, {"id": "another"})
    bank.say("/c", 200, {"id": f"id {said}"})
    first = step("/a", extracts=(Extract("id", Where.JSON, "/id"),))
    same = (Claim(Where.JSON, Op.MATCHES, json.dumps("id ${id}"), "/id"),)
    assert (await run(first, step("/b", claims=same))).outcome is Outcome.FAILED
    assert (await run(first, step("/c", claims=same))).outcome is Outcome.PASSED


async def test_half_of_a_character_can_be_recorded(bank: Bank, run: Any) -> None:
    bank.say("/a", 400, '{"detail": "\\ud800 no"}')
    result = await run(step("/a"))
    assert result.said.encode()
    assert all(each.said.encode() for each in result.steps)


async def test_a_small_answer_that_unpacks_to_gigabytes_is_not_unpacked(bank: Bank, run: Any) -> None:
    packed = gzip.compress(b" " * 50_000_000).decode("latin-1")
    bank.say("/a", 200, packed, content_encoding="gzip")
    result = await run(step("/a"))
    assert "is encoded (gzip)" in result.said
    assert bank.seen[0][2]["accept-encoding"] == "identity"


async def test_an_answer_brings_no_second_amount_along(bank: Bank, run: Any) -> None:
    """Of two amounts in one address a service may take the one that was not looked at."""
    bank.say("/a", 200, {"a": "99999&amount=5"})
    first = step("/a", extracts=(Extract("all", Where.JSON, "/a"),))
    result = await run(first, step("/pay?amount=${all}", "POST"))
    assert "'amount' would be 99999" in result.said
    assert bank.paths() == ["/a"]


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "a" * 90 + LONG_SECRET,
        json.dumps({"detail": "a" * 190 + LONG_SECRET}),
        json.dumps({"a": "a" * 85 + LONG_SECRET}),
        json.dumps({"a": "b", "detail": "a" * 40 + LONG_SECRET}),
    ],
)
async def test_half_of_a_secret_is_one_too(
    bank: Bank, run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
) -> None:
    (tmp_path / "key").write_text(LONG_SECRET)
    account = _account(SecretRef(None, "key"))
    for status in (200, 400):
        bank.say("/a", status, body)
        assert "s3cret" not in repr(await run(step("/a", claims=(IS_5,)), accounts=(account,)))


async def test_a_secret_is_known_however_it_is_written(bank: Bank, run: Any, tmp_path: Path) -> None:
    secret = 'pa"ss wörd/&='
    (tmp_path / "key").write_text(secret)
    account = _account(SecretRef(None, "key"))
    bank.say("/a", 200, {"a": [secret]})
    assert "wörd" not in (await run(step("/a", claims=(IS_5,)), accounts=(account,))).said
    bank.say("/a", 400, {"detail": "login=pa%22ss+w%C3%B6rd%2F%26%3D&next=pa%22ss%20w%C3%B6rd%2F%26%3D"})
    assert "login=*****&next=*****" in (await run(step("/a"), accounts=(account,))).said


async def test_a_session_that_an_answer_gave_is_not_told(bank: Bank, run: Any) -> None:
    bank.say("/login", 200, {"token": "of-the-trial-player", "who": "eyJhbGciOi.x.y", "order": "o-1"})
    bank.say("/a", 400, {"detail": "of-the-trial-player, eyJhbGciOi.x.y may not have o-1"})
    names = {"bearer": "/token", "who": "/who", "order": "/order"}
    login = step("/login", extracts=tuple(Extract(name, Where.JSON, at) for name, at in names.items()))
    assert (await run(login, step("/a"))).said.endswith("*****, ***** may not have o-1")


async def test_half_of_a_secret_at_the_beginning_of_what_is_kept_of_an_output(run: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(LONG_SECRET)
    for more in (3_980, 31_980):
        code = f"import os; print('-' * 50_000); print(os.environ['KEY'] + '\\n' + '.' * {more})"
        result = await run(**python(code, secrets=(("KEY", SecretRef(None, "key")),)))
        assert "xxx" not in result.tail


def _account(ref: SecretRef) -> Any:
    from croupier.core.smoke import Account

    return Account("player", (("password", ref),))


# --- commands ---------------------------------------------------------------------------------------------------------


async def test_a_report_that_nobody_ever_writes_keeps_nobody_waiting(run: Any) -> None:
    result = await run(command=Command((sys.executable, "-c", "import os; os.mkfifo('r.xml')"), "r.xml"))
    assert (result.outcome, result.said) == (Outcome.FAILED, "no report: r.xml is no plain file")


@pytest.mark.parametrize("name", ["../r.xml", "link.xml", "{tmp}/r.xml"])
async def test_a_report_is_the_checks_own(run: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "r.xml").write_text("<testsuite><testcase name='of somebody else'/></testsuite>")
    code = f"import os; os.symlink({str(tmp_path / 'r.xml')!r}, 'link.xml')"
    result = await run(command=Command((sys.executable, "-c", code), name.format(tmp=tmp_path)))
    assert (result.outcome, result.said) == (
        Outcome.FAILED,
        f"no report: {name.format(tmp=tmp_path)} leads out of the check's own folder",
    )


async def test_who_is_left_behind_delays_nothing_and_ends(run: Any, tmp_path: Path) -> None:
    """It holds the output open; one is in the group, one left it."""
    code = (
        "import subprocess, sys; print('done', flush=True);"
        "wait = [sys.executable, '-c', 'import signal; signal.pause()'];"
        "pids = [subprocess.Popen(wait, start_new_session=new).pid for new in (False, True)];"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(' '.join(map(str, pids)))"
    )
    result = await run(timeout_s=600.0, **python(code))
    assert (result.outcome, result.tail) == (Outcome.PASSED, "done\n")
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        await _gone(pid)


async def test_too_late_ends_also_who_left_the_group(run: Any, tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys;"
        "wait = [sys.executable, '-c', 'import signal; signal.pause()'];"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(subprocess.Popen(wait, start_new_session=True).pid));"
        "signal.pause()"
    )
    with pytest.raises(Transient, match="had no result within 5 s"):
        await run(timeout_s=5.0, **python(code))
    await _gone(int((tmp_path / "pid").read_text()))


async def test_a_command_that_outlived_its_control_plane_is_ended_by_the_next(tmp_path: Path) -> None:
    """``kill -9`` in the middle of a check: a real command, and what it began, also in another session."""
    ours, others = tmp_path / "smoke", tmp_path / "another"
    ours.mkdir()
    others.mkdir()
    left, strangers = await _killed_runner(ours), await _killed_runner(others)
    try:
        assert all(map(psutil.pid_exists, (*left, *strangers))), "they outlive it: that is why they are looked for"
        await CheckRunner(SmokeSettings("http://127.0.0.1:1", run_dir=ours), lambda *_: None).start()
        for pid in left:
            await _gone(pid)
        assert list(ours.iterdir()) == []
        assert all(map(psutil.pid_exists, strangers)), "another control plane's are not ours"
    finally:
        await CheckRunner(SmokeSettings("http://127.0.0.1:1", run_dir=others), lambda *_: None).start()
    for pid in strangers:
        await _gone(pid)


async def test_who_names_a_folder_that_is_not_here_is_left_alone(tmp_path: Path) -> None:
    """In a container whose processes are seen from here the same path is another folder."""
    wait = [sys.executable, "-c", "import signal; signal.pause()"]
    env = {**os.environ, "CROUPIER_SMOKE_DIR": str(tmp_path / "croupier-smoke-theirs")}
    other = await asyncio.create_subprocess_exec(*wait, env=env)
    try:
        await CheckRunner(SmokeSettings("http://127.0.0.1:1", run_dir=tmp_path), lambda *_: None).start()
        assert psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE
    finally:
        with suppress(ProcessLookupError):
            other.kill()
        await other.wait()


async def _killed_runner(folder: Path) -> list[int]:
    """Run a command in a process of its own, and kill that process; the pids that are left."""
    pids = folder.with_suffix(".pids")
    command = (
        "import os, signal, subprocess, sys;"
        "wait = [sys.executable, '-c', 'import signal; signal.pause()'];"
        "pids = [os.getpid(), *(subprocess.Popen(wait, start_new_session=new).pid for new in (False, True))];"
        f"open({str(pids) + '.new'!r}, 'w').write(' '.join(map(str, pids)));"
        f"os.rename({str(pids) + '.new'!r}, {str(pids)!r});"
        "signal.pause()"
    )
    code = (
        "import asyncio, pathlib, sys\n"
        "from croupier.adapters.smoke.command import run_command\n"
        "from croupier.core.smoke import Command\n"
        "command, folder = Command((sys.executable, '-c', sys.argv[1])), pathlib.Path(sys.argv[2])\n"
        "asyncio.run(run_command(command, {}, {}, 600.0, run_dir=folder))"
    )
    runner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, command, str(folder))
    deadline = time.monotonic() + 120
    while not pids.exists():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    runner.kill()
    await runner.wait()
    return [int(pid) for pid in pids.read_text().split()]


async def test_who_prints_without_end_says_nothing(run: Any) -> None:
    with pytest.raises(Transient, match="printed more than 100,000,000 bytes"):
        await run(timeout_s=600.0, command=Command(("yes", "x" * 4_000)))


async def test_a_folder_that_cannot_be_removed_is_no_trouble(run: Any) -> None:
    result = await run(**python("import os; os.makedirs('a/b'); os.chmod('a', 0)"))
    assert result.outcome is Outcome.PASSED


async def _gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
