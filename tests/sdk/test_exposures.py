"""What experiments hear of: everybody once, nothing where none runs, everything counted that was left out."""

import json
import threading
from typing import Any

import pytest
from tests.sdk.plane import Plane, until

from croupier.core.flags.outcome import Measured
from croupier.core.flags.snapshot import Snapshot, snapshot
from croupier.sdk import DecisionLog, FlagClient
from croupier.sdk import exposures as module
from croupier.sdk.decisions import Decision, LeftOut
from croupier.sdk.exposures import Exposures, body_of
from croupier.sdk.rules import read_rules

RUN = "0f" * 16
LOBBY = {
    "feature": "lobby",
    "type": "ops",
    "variants": {"classic": 1, "recent": 2},
    "off": "classic",
    "default": "classic",
    "safe": "classic",
    "rules": [{"name": "all", "variants": {"classic": 50, "recent": 50}}],
}


def measured(run: str = RUN, by: str = "", version: int = 1, rule: str = "all") -> dict[str, str]:
    """The flag's line while an experiment runs on it."""
    version_, _, text = read_rules(LOBBY, "production", version).lines["lobby"].partition("\t")
    line = json.loads(text) | {"experiment": {"run": run, "rule": rule, "by": by, "events": ["bet"]}}
    return {"lobby": f"{version_}\t{json.dumps(line)}"}


def held(lines: dict[str, str], version: int = 1) -> Snapshot:
    return snapshot("production", "test", version, (f"{key}\t{rest}" for key, rest in lines.items()))


@pytest.fixture
def exposures() -> Exposures:
    made = Exposures(clock=lambda: 100.0)
    made.follow(measured(), ())
    return made


def sent(exposures: Exposures) -> list[tuple[str, str]]:
    return [(item.variant, item.event) for item in exposures.take(1_000)]


def test_a_player_is_reported_once_for_each_variant(exposures: Exposures) -> None:
    for _ in range(3):
        exposures.exposed(RUN, "recent", {"user": "p1"})
    exposures.exposed(RUN, "classic", {"user": "p1"})
    exposures.exposed(RUN, "recent", {"targetingKey": "p2"})
    exposures.exposed("0e" * 16, "recent", {"user": "p1"})
    exposures.exposed(RUN, None, {"user": "p1"})
    assert sent(exposures) == [("recent", ""), ("classic", ""), ("recent", "")]
    with pytest.raises(LookupError):
        exposures.exposed(RUN, "recent", {})


def test_events_are_reported_where_they_count_and_once_where_the_exposure_was_seen(exposures: Exposures) -> None:
    for _ in range(2):
        exposures.tracked("bet", {"user": "stranger"})
        exposures.tracked("other", {"user": "stranger"})
        exposures.tracked("bet", {"market": "DE"})
    exposures.exposed(RUN, "recent", {"user": "p1"})
    for _ in range(2):
        exposures.tracked("bet", {"user": "p1"})
    assert sent(exposures) == [("", "bet"), ("", "bet"), ("recent", ""), ("", "bet")]


def test_hashes_are_the_players_and_the_runs_own(exposures: Exposures) -> None:
    exposures.exposed(RUN, "recent", {"user": "p1"})
    exposures.tracked("bet", {"targetingKey": "p1"})
    one, two = exposures.take(10)
    assert one.player == two.player
    assert "p1" not in one.player
    exposures.follow(measured("0a" * 16), ())
    exposures.exposed("0a" * 16, "recent", {"user": "p1"})
    assert exposures.take(1)[0].player != one.player


def test_what_there_is_no_room_for_is_counted(exposures: Exposures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)

    def play(start: int) -> None:
        for number in range(200):
            exposures.exposed(RUN, "recent", {"user": f"{start}.{number}"})

    threads = [threading.Thread(target=play, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exposures.waiting + exposures.lost == 800
    assert 3 <= exposures.waiting <= 7
    assert not exposures.take(0)
    exposures.tracked("bet", {"user": "p"})
    assert exposures.waiting + exposures.lost == 801


def test_memory_is_bounded(exposures: Exposures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SEEN", 4)
    for number in range(20):
        exposures.exposed(RUN, "recent", {"user": f"p{number}"})
        exposures.tracked("bet", {"user": f"p{number}"})
    (run,) = exposures._runs.values()
    assert len(run.seen) + len(run.earlier) <= 4
    assert len(run.done) <= 4


def test_runs_come_change_and_go_with_the_flags() -> None:
    exposures = Exposures()
    assert not exposures.running
    exposures.follow(measured(), {"lobby"})
    assert exposures.running
    exposures.follow(measured(), {"other"})
    exposures.follow(measured("0b" * 16), {"lobby"})
    assert set(exposures._runs) == {"0b" * 16}
    exposures.follow(read_rules(LOBBY, "production").lines, ())
    assert not exposures.running
    exposures.follow({"lobby": '1\t{"experiment": 3}'}, ())
    assert not exposures.running
    exposures.follow({}, {"lobby"})


def test_a_flag_that_merely_says_experiment_is_none(caplog: pytest.LogCaptureFixture) -> None:
    exposures = Exposures()
    exposures.follow({"lobby": '1\t{"variants": {"experiment": 3}}'}, ())
    assert (exposures.running, caplog.messages) == (False, [])


def test_what_could_not_be_sent_comes_first_the_next_time(exposures: Exposures) -> None:
    for number in range(3):
        exposures.exposed(RUN, "recent", {"user": f"p{number}"})
    two = exposures.take(2)
    exposures.put_back(two)
    assert list(exposures.take(9))[:2] == list(two)
    exposures.exposed(RUN, "recent", {"user": "p9"})
    exposures.forked()
    assert (exposures.waiting, exposures.lost) == (0, 0)
    body = body_of("shop", two, 4, 101.5)
    assert (body["client"], body["lost"]) == ("shop", 4)
    assert body["runs"][RUN][0][1:] == ["recent", "", 1.5]


class Listening:
    """A writer that remembers."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def write(self, entry: Any) -> None:
        self.entries.append(entry)

    def flush(self) -> None: ...

    def forget(self) -> None: ...


def client_of(lines: dict[str, str], decisions: DecisionLog | None = None) -> FlagClient:
    """A client that holds these lines, without a server."""
    flags = FlagClient.from_rules(LOBBY, decisions=decisions)
    flags._held.replace(held(lines, 2))
    flags._exposures.follow(lines, ())
    return flags


def test_evaluations_of_the_measured_rule_are_exposures_and_labels_are_none() -> None:
    with client_of(measured(version=2)) as flags:
        assert flags.variant("lobby", user="p1") in ("classic", "recent")
        assert flags.variant("lobby", {"user": "p1"}) == flags.variant("lobby", user="p1")
        assert flags.variant("nothing", user="p1") is None
        assert flags._exposures.waiting == 0
        for ask in (flags.value, flags.details, flags.is_enabled):
            ask("lobby", user="p1")
        flags.outcome("lobby", {"user": "p2"})
        flags.value("lobby", market="DE")
        assert flags._exposures.waiting == 2
        with flags.override({"lobby": 2}):
            flags.value("lobby", user="p3")
        flags.track("bet", user="p1", value=3.0)
        flags.track("bet", {"user": "p1"})
        flags.track("bet", 7)  # type: ignore[arg-type]
        assert sorted(sent(flags._exposures))[:1] == [("", "bet")]


def test_a_flag_that_nobody_measures_never_leaves_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    decided = FlagClient._decided

    def noted(self: FlagClient, key: str, *more: Any) -> None:
        calls.append(key)
        decided(self, key, *more)

    monkeypatch.setattr(FlagClient, "_decided", noted)
    with client_of(measured(rule="another", version=2)) as flags:
        outcomes = {flags.outcome("lobby", {"user": "p1"}) for _ in range(100)}
        assert not any(isinstance(outcome, Measured) for outcome in outcomes)
        assert calls == ["lobby"], "the first one, as without experiments"


def test_the_decision_log_counts_measured_flags_as_exactly_as_others() -> None:
    writer = Listening()
    log = DecisionLog(writer, per_second=2)
    with client_of(measured(version=2), log) as flags:
        for number in range(50):
            flags.value("lobby", user=f"p{number}")
        log.refill()
        for number in range(50):
            flags.value("lobby", user=f"q{number}")
        log.refill()
        assert flags._exposures.waiting == 100
    logged = sum(isinstance(entry, Decision) for entry in writer.entries)
    left_out = sum(entry.left_out for entry in writer.entries if isinstance(entry, LeftOut))
    assert (logged + left_out, logged) == (100, 4)


def test_reports_arrive_again_after_an_outage_and_at_the_end(
    plane: Plane, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("croupier.sdk.reporting.EVERY_S", 0.02)
    plane.reports_answer = 503
    lines = tuple(f"{key}\t{rest}" for key, rest in measured(version=2).items())
    plane._advance(lines, 2, tell=True)
    flags = connect()
    assert flags.wait_ready(60)
    until(lambda: flags._exposures.running, "the experiment")
    flags.value("lobby", user="p1")
    until(lambda: plane.reported, "the first try")
    plane.reports_answer = 204
    until(lambda: flags._exposures.waiting == 0 and plane.reports_taken, "the second try")
    assert len(plane.reported[0]["runs"][RUN]) == 1
    plane.reports_answer = 422
    flags.value("lobby", user="p2")
    until(lambda: flags._exposures.lost == 1, "the refused report to be counted")
    plane.reports_answer = 204
    monkeypatch.setattr("croupier.sdk.reporting.EVERY_S", 60.0)
    flags._background.reporting._due = True
    flags.value("lobby", user="p3")
    flags.close()
    assert plane.reported[-1]["lost"] == 1
    assert len(plane.reported[-1]["runs"][RUN]) == 1
