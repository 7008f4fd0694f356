"""The files of aborts and of kills that wait for the store."""

import errno
import logging
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from croupier.adapters.private_file import replace_private
from croupier.adapters.store import spool as spooling
from croupier.adapters.store.spool import FileKillSpool, FileSpool
from croupier.control.ports import Intent, KillIntent, KillSpool
from croupier.core.rollout.events import AbortStarted
from croupier.core.rollout.reasons import Cause
from croupier.testing import MemoryKillSpool


def intent(rollout: str = "shop-1", reason: str = "harm") -> Intent:
    event = AbortStarted(Cause.GATE, reason, 100.25, "deposit-slo", harm_since=90.5)
    return Intent(rollout, event, "ann")


def test_it_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "aborts.jsonl"
    spool = FileSpool(path)
    assert spool.pending() == ()
    spool.add(intent("shop-1"))
    spool.add(intent("shop-2", "line\nbreak – ‘quote’"))
    spool.add(intent("shop-1", "a second one is dropped"))
    again = FileSpool(path)
    assert again.pending() == spool.pending() == (intent("shop-1"), intent("shop-2", "line\nbreak – ‘quote’"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again.remove("shop-1")
    again.remove("never-there")
    assert [kept.rollout for kept in FileSpool(path).pending()] == ["shop-2"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["aborts.jsonl", "aborts.jsonl.reserve"]
    assert stat.S_IMODE((tmp_path / "aborts.jsonl.reserve").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "torn",
    [
        b'{"rollout": "shop-9", "act',
        b"\x00\x00\x00",
        b"[]",
        b'{"rollout": "shop-9", "actor": "ann", "event": {"type": "promoted", "at": 1.0}}',
        b'{"rollout": "shop-9", "actor": "ann", "event": {"type": "unheard of"}}',
        b'{"rollout": "shop-9", "actor": "ann", "event": 3}',
    ],
)
def test_a_torn_line_costs_only_itself(tmp_path: Path, torn: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "aborts.jsonl"
    FileSpool(path).add(intent())
    with path.open("ab") as file:
        file.write(torn)
    with caplog.at_level(logging.ERROR):
        spool = FileSpool(path)
    assert spool.pending() == (intent(),)
    assert "line 2" in caplog.text
    spool.add(intent("shop-2"))
    assert [kept.rollout for kept in FileSpool(path).pending()] == ["shop-1", "shop-2"]


def test_a_disk_that_refuses_does_not_stop_an_abort(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = FileSpool(tmp_path / "gone" / "aborts.jsonl")
    with caplog.at_level(logging.CRITICAL):
        spool.add(intent())
    assert spool.pending() == (intent(),)
    assert "cannot be kept" in caplog.text


def test_a_full_disk_gives_the_room_that_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aborts.jsonl"
    spool, reserve, replace = FileSpool(path), tmp_path / "aborts.jsonl.reserve", replace_private

    def on_a_full_disk(target: Path, content: bytes) -> None:
        if reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(target, content)

    monkeypatch.setattr(spooling, "replace_private", on_a_full_disk)
    spool.add(intent("shop-1"))
    assert FileSpool(path).pending() == (intent("shop-1"),)


@pytest.mark.parametrize("make", [FileKillSpool, lambda _: MemoryKillSpool()])
def test_kills_wait_in_the_order_in_which_they_came_also_several_of_a_flag(
    tmp_path: Path, make: Callable[[Path], KillSpool]
) -> None:
    """The contract, on the file and on the fake."""
    spool = make(tmp_path / "kills.jsonl")
    first, second = KillIntent("lobby", "ann", "fire", 100.25), KillIntent("payments_v2", "ben", "rauch – ‘x’", 7.0)
    assert spool.pending() == ()
    spool.add(first)
    spool.add(second)
    third = KillIntent("lobby", "cleo", "a second one of the flag", 200.0)
    spool.add(third)
    spool.add(KillIntent("lobby", "ann", "fire", 100.25))  # the same once more
    assert spool.pending() == (first, second, third)
    spool.remove(first)
    spool.remove(KillIntent("never", "there", "", 1.0))
    assert spool.pending() == (second, third)


def test_several_kills_of_a_flag_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "kills.jsonl"
    kills = [KillIntent("lobby", "ann", "fire", 100.25), KillIntent("lobby", "ann", "fire", 160.0)]
    for kill in kills:
        FileKillSpool(path).add(kill)
    assert FileKillSpool(path).pending() == tuple(kills)


def test_kills_outlive_the_process_and_torn_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "kills.jsonl"
    kept = KillIntent("lobby", "ann", "line\nbreak", 100.1)
    FileKillSpool(path).add(kept)
    with path.open("ab") as file:
        file.write(b'{"flag": "a", "actor": "x"}\n[]\n{"flag": "b", "actor": "x", "reason": "", "at": "soon"}\n{"fl')
    with caplog.at_level(logging.ERROR):
        assert FileKillSpool(path).pending() == (kept,)
    assert caplog.text.count("is no kill and is left out") == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
