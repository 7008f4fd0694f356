"""The demo's pure parts: what was seen to happen, the ports, the documents, and the table at the end."""

import os
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from croupier.cli.demo import stage
from croupier.cli.demo.screen import Screen, losses, summary
from croupier.cli.demo.stage import Place, choose_place, documents
from croupier.cli.demo.story import CHAPTERS, Told, moment

GOOD, BAD, SLOW = CHAPTERS
ABORT = {"at": "2026-01-01T00:00:10Z", "zeroAt": "2026-01-01T00:00:10.250Z", "reason": "gate deposit-slo: bad"}


@dataclass
class Figures:
    """What the players saw."""

    first_failed_deposit: dict[str, float] = field(default_factory=dict)
    deposits: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    versions: Any = ()
    at: float = 1.0
    lost: int = 0
    lost_by_reason: dict[str, int] = field(default_factory=dict)


def told(chapter: Any = BAD, phase: str = "aborted", abort: Any = ABORT, **more: Any) -> Told:
    return Told(chapter, {"id": "payments-3", "phase": phase, "abort": abort}, 12.0, 0, **more)


def met(version: str, players: int, service: str = "payments") -> Any:
    return SimpleNamespace(service=service, version=version, players=players, requests=10, failed=1, p95_s=0.05)


@pytest.mark.parametrize(
    "chapter, phase, good", [(GOOD, "succeeded", True), (GOOD, "aborted", False), (BAD, "aborted", True)]
)
def test_whether_it_went_as_it_should(chapter: Any, phase: str, good: bool) -> None:
    assert told(chapter, phase).as_expected is good


def test_who_met_it_and_what_it_broke() -> None:
    figures = Figures(
        deposits={("1.2.0", "DE", "x", "failed"): 3, ("1.2.0", "MT", "y", "failed"): 4, ("1.2.0", "DE", "x", "ok"): 9,
                  ("1.1.0", "DE", "x", "failed"): 50},
        versions=[met("1.2.0", 7), met("1.1.0", 70), met("1.2.0", 700, service="auth")],
    )  # fmt: skip
    assert told().players(figures) == 7
    assert told().failed_deposits(figures) == 7


def test_how_long_it_took() -> None:
    decided = moment(ABORT["at"])
    harmed = Figures(first_failed_deposit={"1.2.0": decided - 4.0})
    assert told().detected_after(harmed) == 4.0
    assert told(exposed_at=decided - 6.0).detected_after(Figures()) == 6.0
    assert told(exposed_at=decided + 1.0).detected_after(Figures()) == 0.0
    assert told().detected_after(Figures()) is None
    assert told(abort=None).detected_after(harmed) is None
    assert told().zero_after() == pytest.approx(0.25)
    assert told(abort={**ABORT, "zeroAt": None}).zero_after() is None
    assert told(abort=None).zero_after() is None


def test_the_table_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures(first_failed_deposit={"1.2.0": moment(ABORT["at"]) - 4.0}, versions=[met("1.2.0", 7)])
    stories = [
        told(GOOD, "succeeded", None, highest_weight=100.0),
        told(highest_weight=5.0),
        told(SLOW, "succeeded", None),
    ]
    summary(stories, figures)
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split("\t") for line in lines[:4]]
    assert [len(row) for row in rows] == [8] * 4
    assert rows[2] == ["payments 1.2.0", "aborted", "5 %", "7", "0", "4.0 s", "250 ms", "0"]
    assert rows[3][1] == "succeeded (expected aborted)"
    assert lines[4:] == ["1.2.0: gate deposit-slo: bad", "Requests lost: 0"]


def test_what_was_lost_is_said_with_its_reasons() -> None:
    assert losses(Figures()) == "0"
    lost = Figures(lost=4, lost_by_reason={"timeout": 1, "reset": 3})
    assert losses(lost) == "4 (3 × reset, 1 × timeout)"


def test_events_are_said_once_where_there_is_no_live_picture(capsys: pytest.CaptureFixture[str]) -> None:
    events = [{"at": "2001-01-01T00:00:00Z", "text": "began"}, {"at": "2001-01-01T00:00:01Z", "text": "ended"}]
    with Screen() as screen:
        screen.say("hello")
        screen.show(events[:1])
        screen.show(events)
        screen.next_chapter()
        screen.show(events[:1])
    said = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in said] == ["hello", "began", "ended", "began"]


def test_a_busy_port_is_said_and_another_taken() -> None:
    notes: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as busy:
        usual = busy.getsockname()[1]
        taken = stage._port(usual, "the page", notes)
    assert taken != usual
    assert notes == [f"port {usual} for the page is busy; using {taken}"]
    assert stage._port(usual, "the page", notes) == usual
    assert len(notes) == 1


def test_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = choose_place(), choose_place()
    assert first.folder.is_dir(), "it is held"
    assert first.port != first.edge_port
    assert first.page == f"http://127.0.0.1:{first.port}/"
    assert first.lock is not None
    os.close(first.lock)
    third = choose_place()
    assert not first.folder.exists(), "nobody holds it any more"
    for place in (second, third):
        assert place.lock is not None
        os.close(place.lock)


def test_the_documents_are_good_and_know_their_place(tmp_path: Path) -> None:
    found = documents(Place(tmp_path, 1, 2, ()))
    kinds = {item["kind"] for item in found}
    assert {"Service", "Release", "Rollout", "Gate"} <= kinds
    versions = {
        item["spec"]["version"] for item in found if item["kind"] == "Release" and item["spec"]["service"] == "payments"
    }
    assert versions >= {"1.0.0", *(chapter.version for chapter in CHAPTERS)}
    assert str(tmp_path / "casino.db") in str(found)
