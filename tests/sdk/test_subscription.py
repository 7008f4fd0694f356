"""A client follows its control plane over everything that happens to servers and networks."""

import json
import logging
import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sdk.conftest import Connect
from tests.sdk.plane import TOKEN, Plane, until

from croupier.core.flags.snapshot import Delta, decode, encode, encode_delta
from croupier.sdk import Changed, Connected, FlagClient, Lost, connection, whole
from croupier.sdk.backoff import Backoff
from croupier.sdk.rules import read_rules


def test_starts_without_waiting_and_follows(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    assert flags.is_enabled("payments_v2", market="DE")
    assert not flags.is_enabled("payments_v2", market="SE")
    plane.change({"payments_v2": {"rules": [{"if": "market == 'SE'"}]}})
    until(lambda: flags.is_enabled("payments_v2", market="SE"), "the change")
    assert flags.details("payments_v2", False, market="SE").version == 2
    plane.remove("new_lobby")
    until(lambda: not flags.is_enabled("new_lobby"), "the removal")
    status = flags.status()
    assert (status.source, status.version, status.lineage, status.connected, status.flags) == (
        "server",
        3,
        "test",
        True,
        1,
    )
    assert status.troubles == ()


def test_acknowledges_every_version_that_it_holds(plane: Plane, connect: Connect) -> None:
    flags = connect(name="lobby-1")
    until(lambda: plane.acknowledged, "the first acknowledgement")
    plane.change({"new_lobby": False})
    last = until(lambda: [ack for ack in plane.acknowledged if ack["position"] == "test:2"], "the second")[0]
    assert last["client"] == "lobby-1"
    assert last["sdk"].startswith("croupier-python/")
    assert last["digest"] == f"{plane.now.digest:064x}"
    assert 0 <= last["held_s"] < 60
    assert not flags.is_enabled("new_lobby")


def test_acknowledgements_are_spread(plane: Plane, connect: Connect) -> None:
    plane.ack_within_s = 3600.0
    flags = connect()
    assert flags.wait_ready(60)
    plane.change({"new_lobby": False})
    until(lambda: not flags.is_enabled("new_lobby"), "the change")
    assert plane.acknowledged == []


def test_answers_on_while_the_server_is_away(plane: Plane, connect: Connect) -> None:
    flags = connect()
    events: list[object] = []
    flags.listen(events.append)
    assert flags.wait_ready(60)
    plane.stop()
    until(lambda: not flags.status().connected, "the loss")
    assert flags.is_enabled("new_lobby")
    plane.change({"new_lobby": False}, tell=False)
    plane.start()
    until(lambda: not flags.is_enabled("new_lobby"), "what happened meanwhile")
    until(lambda: flags.status().connected, "the connection")
    assert plane.streams[-1].resumed == "test:1"
    assert len(plane.fetches) == 1  # the delta was enough
    kinds = [type(event) for event in events]
    assert kinds.index(Lost) < len(kinds) - 1 - kinds[::-1].index(Connected)
    assert Changed(frozenset({"new_lobby"})) in events


def test_fetches_the_whole_where_resuming_is_impossible(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.stop()
    plane.change({"new_lobby": False}, tell=False)
    plane.forget_the_past()
    plane.start()
    until(lambda: not flags.is_enabled("new_lobby"), "the change")
    assert len(plane.fetches) == 2


def test_a_resync_of_what_is_known_costs_nothing(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.say("resync", '{"within_s": 0.01}')
    until(lambda: len(plane.fetches) == 2, "the second fetch")
    assert plane.fetches[1] == '"test:1"'
    assert flags.is_enabled("new_lobby")


def test_another_record_replaces_everything(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.stop()
    other = Plane({"other": True}, lineage="restored")
    other.port = plane.port
    other.start()
    try:
        until(lambda: flags.is_enabled("other"), "the other record")
        assert flags.flag_keys() == ("other",)
        assert flags.status().lineage == "restored"
    finally:
        other.stop()


def test_an_older_record_that_was_restored_counts(
    plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same lineage, and the versions go back: what was given out under them before must not win over a kill."""
    monkeypatch.setattr(whole, "_LAG_S", 0.3)
    backup = plane.now
    flags = connect()
    for _ in range(3):
        plane.change({"new_lobby": True})
    plane.remove("payments_v2")
    until(lambda: flags.status().version == 5, "the changes")
    plane.stop()
    plane.now, plane.deltas = backup, []
    plane.start()
    until(lambda: "went back from version 5 to 1" in caplog.text, "the older record")
    until(lambda: flags.is_enabled("payments_v2", market="DE"), "its flags")
    assert plane.change({"new_lobby": False}) == 2
    until(lambda: not flags.is_enabled("new_lobby"), "the kill")
    digest = f"{plane.now.digest:064x}"
    until(lambda: [ack for ack in plane.acknowledged if ack["digest"] == digest], "that it has what the server has")


def test_a_server_that_lags_behind_another_takes_nothing_back(plane: Plane, connect: Connect) -> None:
    """One of several control planes has not read the newest yet."""
    flags = connect()
    assert flags.wait_ready(60)
    late, version = plane.now, plane.change({"new_lobby": False})
    until(lambda: flags.status().version == version, "the kill")
    soon, plane.now = plane.now, late
    plane.say("resync", '{"within_s": 0}')
    until(lambda: len(plane.fetches) == 2, "the older whole")
    until(lambda: flags.status().version == 1, "its version")
    assert not flags.is_enabled("new_lobby")
    plane.now = soon
    plane.say("resync", '{"within_s": 0}')
    until(lambda: flags.status().version == version, "the newest again")
    assert not flags.is_enabled("new_lobby")


def test_the_flags_of_another_environment_are_not_taken(plane: Plane, connect: Connect) -> None:
    """A proxy mixed answers up."""
    plane.now = replace(plane.now, environment="staging")
    flags = connect()
    until(lambda: plane.fetches[1:], "the second attempt")
    assert flags.flag_keys() == ()


def test_a_refusal_without_an_end_is_a_refusal(plane: Plane, connect: Connect) -> None:
    plane.refuse, plane.refusal = 500, json.dumps({"detail": "x" * 1_000_000})
    flags = connect()
    until(lambda: "answered 500." in "".join(flags.status().troubles), "the refusal")


def test_a_kill_that_is_not_recorded_yet_is_followed(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.early({"new_lobby": False})
    until(lambda: not flags.is_enabled("new_lobby"), "the kill")
    assert flags.status().version == 1
    plane.change({"new_lobby": False})
    until(lambda: flags.status().version == 2, "the recorded kill")
    assert not flags.is_enabled("new_lobby")
    assert len(plane.fetches) == 1


def test_content_that_differs_from_the_servers_is_fetched_anew(
    plane: Plane, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    version = plane.change({"new_lobby": False}, tell=False)
    wrong = Delta("production", "test", version - 1, version, 12345, ("new_lobby\t2\t{}",))
    with caplog.at_level(logging.WARNING):
        plane.say("delta", encode_delta(wrong), wrong)
        until(lambda: len(plane.fetches) == 2, "the second fetch")
    assert plane.fetches[1] is None  # no shortcut for what it doubts
    until(lambda: flags.details("new_lobby").error is None, "the right content")
    assert "digest" in caplog.text


def test_a_gap_is_filled_and_nothing_of_it_is_lost(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.change({"new_lobby": False}, tell=False)
    plane.change({"payments_v2": True})
    until(lambda: flags.status().version == 3, "both changes")
    assert flags.is_enabled("payments_v2")
    assert not flags.is_enabled("new_lobby")


def test_a_change_during_the_first_fetch_is_not_lost(plane: Plane, connect: Connect) -> None:
    def meanwhile() -> None:
        plane.fetched = lambda: None
        plane.change({"new_lobby": False})
        until(lambda: flags._held._ahead, "the delta, before the whole")

    plane.fetched = meanwhile
    flags = connect()
    assert flags.wait_ready(60)
    until(lambda: flags.status().version == 2, "the whole and the delta")
    assert not flags.is_enabled("new_lobby")


@pytest.mark.parametrize("said", ["not json", "[]", '{"lines": []}', '{"lines": ["x"], "since": 1}'])
def test_nonsense_of_the_server_is_survived(plane: Plane, connect: Connect, said: str) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.say("delta", said)
    until(lambda: len(plane.streams) == 2, "another connection")
    plane.change({"new_lobby": False})
    until(lambda: not flags.is_enabled("new_lobby"), "the change")


def test_unknown_events_are_for_newer_clients(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    plane.say("fireworks", "{}")
    plane.change({"new_lobby": False})
    until(lambda: not flags.is_enabled("new_lobby"), "the change")
    assert len(plane.streams) == 1


def test_a_refusal_says_what_to_do(plane: Plane, connect: Connect) -> None:
    flags = connect(token="wrong")
    trouble = until(lambda: [t for t in flags.status().troubles if "401" in t], "the refusal")[0]
    assert "token of the role client" in trouble
    assert flags.value("new_lobby", True) is True
    assert not flags.wait_ready(0.0)


def test_the_last_known_good_survives_a_restart(plane: Plane, connect: Connect, tmp_path: Path) -> None:
    first = connect()
    assert first.wait_ready(60)
    first.close()
    assert decode((tmp_path / "flags").read_bytes()) == plane.now
    plane.stop()
    second = connect()
    assert second.is_enabled("new_lobby")
    assert second.status().source == "cache"
    plane.start()
    assert second.wait_ready(60)
    assert plane.fetches == [None]  # the second one resumed


def test_a_damaged_cache_is_ignored_and_said(
    plane: Plane, connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "flags").write_bytes(encode(plane.now)[:-20])
    plane.stop()
    flags = connect()
    assert not flags.is_enabled("new_lobby")
    status = flags.status()
    assert status.source == "nothing"
    assert "is not used" in status.troubles[0]
    assert "is not used" in caplog.text


def test_an_unwritable_cache_is_said_once(plane: Plane, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    flags = connect(cache="/proc/no/such/place")
    assert flags.wait_ready(60)
    flags.close()
    until(lambda: "are not kept" in caplog.text, "the warning")  # of a thread that may outlive the client for a moment
    assert caplog.text.count("are not kept") == 1


def test_a_client_that_is_dropped_stops_by_itself(plane: Plane) -> None:
    flags = FlagClient(plane.url, TOKEN, cache=None)
    assert flags.wait_ready(60)
    until(lambda: plane.listening, "the stream")
    del flags
    until(lambda: not plane.listening, "its end")


def test_closing_twice_is_closing(plane: Plane, connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    flags.close()
    flags.close()
    until(lambda: not plane.listening, "its end")
    assert flags.is_enabled("new_lobby")


async def test_in_asyncio(plane: Plane) -> None:
    async with FlagClient(plane.url, TOKEN, cache=None) as flags:
        assert await flags.ready(60)
        assert flags.is_enabled("new_lobby")


@pytest.mark.parametrize("told", [True, False], ids=["of a kill", "of its digest alone"])
def test_a_change_that_was_not_heard_of_is_found_by_the_heartbeat(plane: Plane, connect: Connect, told: bool) -> None:
    """Alive and deaf: heartbeats come, and what changed does not."""
    flags = connect()
    assert flags.wait_ready(60)
    plane.deaf = True
    if told:
        plane.change({"new_lobby": False})
    else:  # a record that was restored, and is as far again by now
        plane.now = replace(read_rules({"new_lobby": False}, "production"), lineage="test", version=1)
    until(lambda: not flags.is_enabled("new_lobby"), "the kill")
    until(lambda: plane.acknowledged[-1]["digest"] == f"{plane.now.digest:064x}", "its acknowledgement")
    assert len(plane.streams) == 1


def test_two_servers_that_know_different_things_are_not_fetched_for_ever(plane: Plane, connect: Connect) -> None:
    """One has let a kill out that the other does not know of yet."""
    flags = connect()
    assert flags.wait_ready(60)
    plane.early({"new_lobby": False})
    until(lambda: not flags.is_enabled("new_lobby"), "the kill")
    plane.heartbeat_s = 0.01
    until(lambda: len(plane.fetches) == 2, "a look at the whole")
    beats = plane.beats
    until(lambda: plane.beats > beats + 20, "more heartbeats")
    assert len(plane.fetches) == 2
    assert not flags.is_enabled("new_lobby")


def test_an_acknowledgement_that_was_not_taken_is_said_again(plane: Plane, connect: Connect) -> None:
    plane.acknowledges = 503
    flags = connect()
    assert flags.wait_ready(60)
    until(lambda: plane.refused_acknowledgements, "the first attempt")
    plane.acknowledges = 204
    until(lambda: plane.acknowledged, "another one")


def test_a_stream_without_a_heartbeat_is_left(plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half open: the server, or what is in between, is gone without a word."""
    monkeypatch.setattr(connection, "SILENCE_S", 0.3)
    plane.heartbeat_s = 3600.0
    flags = connect()
    assert flags.wait_ready(60)
    until(lambda: len(plane.streams) > 1, "another connection")
    plane.change({"new_lobby": False})
    until(lambda: not flags.is_enabled("new_lobby"), "the change")


def test_a_server_that_accepts_and_says_nothing_is_left(
    plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENCE_S", 0.3)
    plane.stop()
    with socket.socket() as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        mute.bind(("127.0.0.1", plane.port))
        mute.listen()
        flags = connect()
        until(lambda: "timed out" in "".join(flags.status().troubles), "the trouble")
    plane.start()
    assert flags.wait_ready(60)


def test_a_cache_that_never_opens_keeps_nobody_waiting(
    plane: Plane, connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    flags = connect(cache=pipe)
    assert flags.wait_ready(60)
    until(lambda: plane.acknowledged, "the acknowledgement")
    until(lambda: "is no file" in caplog.text and "are not kept" in caplog.text, "the trouble")
    flags.close()
    assert pipe.is_fifo()


def test_a_slow_disk_delays_no_acknowledgement(plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, over = threading.Event(), threading.Event()

    def fsync(_: int) -> None:
        slow.set()
        over.wait(60)

    monkeypatch.setattr(os, "fsync", fsync)
    flags = connect()
    try:
        assert slow.wait(60)
        plane.change({"new_lobby": False})
        until(lambda: [ack for ack in plane.acknowledged if ack["position"] == "test:2"], "the acknowledgement")
        plane.say("resync", '{"within_s": 0}')
        until(lambda: len(plane.fetches) == 2, "the fetch")
    finally:
        over.set()
    assert not flags.is_enabled("new_lobby")


def test_a_closed_client_says_so(connect: Connect) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    flags.close()
    assert not flags.status().connected
    assert flags.status().troubles == ("the client is closed",)


def test_changes_do_not_hurry_a_fetch_that_fails(
    plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = connect()
    assert flags.wait_ready(60)
    monkeypatch.setattr(Backoff, "next_s", lambda self: 3_600.0)  # whoever fetches meanwhile was hurried
    plane.packed = lambda content: content  # what comes cannot be unpacked
    plane.change({"payments_v2": True}, tell=False)
    for number in range(50):
        plane.change({"new_lobby": bool(number % 2)})
    until(lambda: "could not be fetched" in "".join(flags.status().troubles), "the failure")
    failed = len(plane.fetches)
    for number in range(50):
        plane.change({"new_lobby": bool(number % 2)})
    until(lambda: flags.details("new_lobby").version == 102, "the last change")
    assert len(plane.fetches) <= failed + 1, "one may have been on its way"
    plane.packed = None
    plane.say("resync", '{"within_s": 0}')
    until(lambda: flags.status().version == 102, "the whole")
    assert flags.status().troubles == ()
