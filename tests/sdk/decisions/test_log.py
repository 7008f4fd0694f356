"""The decision log: what is in it, how much, and exact counts of what is not."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry._logs import get_logger
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from croupier.core.flags.outcome import Outcome
from croupier.core.flags.snapshot import Delta
from croupier.sdk import (
    DecisionLog,
    FlagClient,
    JsonLines,
    ToLogging,
    ToOpenTelemetry,
    ToStructlog,
    flag_variant,
)
from croupier.sdk.decisions import Decision, Entry, LeftOut, Tracked
from croupier.sdk.decisions import log as log_module
from croupier.sdk.decisions.log import _Flow
from croupier.sdk.rules import read_rules

RULES = {
    "payments_v2": {"rules": [{"if": "market == 'DE'", "rollout": 0.5}]},
    "on": True,
    "off": False,
}


class Kept:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.flushed = 0

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def flush(self) -> None:
        self.flushed += 1

    def forget(self) -> None:
        self.entries.clear()

    @property
    def decisions(self) -> list[Decision]:
        return [entry for entry in self.entries if isinstance(entry, Decision)]

    @property
    def left_out(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self.entries:
            if isinstance(entry, LeftOut):
                found[entry.flag] = found.get(entry.flag, 0) + entry.left_out
        return found


@pytest.fixture
def kept() -> Kept:
    return Kept()


def client(log: DecisionLog) -> FlagClient:
    """Nobody refills but the test."""
    flags = FlagClient.from_rules(RULES, decisions=log)
    for chores in flags._background._chores:
        chores.stop()
    return flags


def test_what_a_decision_says(kept: Kept) -> None:
    flags = client(DecisionLog(kept, wall=lambda: 12.5, salt="s"))
    flags.is_enabled("payments_v2", user="p1", market="DE")
    (entry,) = kept.decisions
    details = flags.details("payments_v2", user="p1", market="DE")
    assert entry == Decision(
        flag="payments_v2",
        variant=details.variant,
        reason="SPLIT",
        rule="rule 1",
        version=1,
        at=12.5,
        environment="production",
        key=entry.key,
        bucket=details.bucket,
        detail=details.detail,
    )
    assert len(entry.key) == 16
    assert "p1" not in json.dumps(entry.fields())


def test_keys_are_hashed_with_the_salt(kept: Kept) -> None:
    def key(**options: Any) -> str:
        client(DecisionLog(kept, **options)).is_enabled("on", user="p1")
        return kept.decisions[-1].key

    assert key(salt="a") == key(salt=b"a")
    assert len({key(salt="a"), key(salt="b"), key(), key()}) == 4
    assert key(hash_keys=False) == "p1"


@pytest.mark.parametrize("context", [{}, {"user": object()}, {"user": 3.5}])
def test_a_context_without_a_key_has_none(kept: Kept, context: dict[str, Any]) -> None:
    client(DecisionLog(kept)).is_enabled("on", context)
    assert kept.decisions[0].key == ""


def test_counts_are_exact(kept: Kept) -> None:
    log = DecisionLog(kept, per_second=5)
    flags = client(log)
    for number in range(100):
        flags.is_enabled("payments_v2", user=f"p{number}", market="DE" if number % 2 else "SE")
        flags.value("on", False)
        flags.details("nobody", 1)
    flags.is_enabled("off")
    assert len(kept.decisions) == 5 + 5 + 5 + 1
    log.refill()
    assert kept.left_out == {"payments_v2": 95, "on": 95, "(unknown flags)": 95}
    for _ in range(7):
        flags.is_enabled("on")
    log.refill()
    assert len(kept.decisions) == 16 + 5
    assert kept.left_out == {"payments_v2": 95, "on": 95 + 2, "(unknown flags)": 95}
    log.refill()
    log.refill()
    assert kept.left_out["on"] == 97
    assert kept.flushed == 4


def test_left_out_is_told_by_variant(kept: Kept) -> None:
    log = DecisionLog(kept, per_second=0)
    flags = client(log)
    for number in range(40):
        flags.is_enabled("payments_v2", user=f"p{number}", market="DE")
    log.refill()
    (entry,) = kept.entries
    assert isinstance(entry, LeftOut)
    assert entry.by_variant.keys() == {"on", "off"}
    assert sum(entry.by_variant.values()) == entry.left_out == 40


def test_counts_are_exact_over_threads(kept: Kept) -> None:
    log = DecisionLog(kept, per_second=3)
    flags = client(log)

    def ask() -> None:
        for number in range(3000):
            flags.is_enabled("payments_v2", user=f"p{number}", market="DE")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        log.refill()
    log.refill()
    assert len(kept.decisions) + kept.left_out.get("payments_v2", 0) == 12_000


@pytest.mark.parametrize("changing", [False, True], ids=["as they are", "changing"])
def test_counts_are_exact_wherever_threads_switch(kept: Kept, changing: bool) -> None:
    """As often as the interpreter can: in the middle of counting, of a refill, of a change."""
    log = DecisionLog(kept, per_second=3)
    flags = client(log)
    each, threads_at_once = 20_000, 4

    def ask() -> None:
        for number in range(each):
            flags.is_enabled("payments_v2", {"user": f"p{number % 16}", "market": "DE"} if number % 100 else {})

    threads = [threading.Thread(target=ask) for _ in range(threads_at_once)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if changing:
                held = flags._held.snapshot
                lines = read_rules(RULES, "production", held.version + 1).lines.items()
                change = tuple(f"{key}\t{rest}" for key, rest in lines)
                flags._held.follow(Delta("production", held.lineage, held.version, held.version + 1, 0, change))
            log.refill()
    finally:
        sys.setswitchinterval(before)
        for thread in threads:
            thread.join()
    log.refill()
    assert len(kept.decisions) + kept.left_out.get("payments_v2", 0) == each * threads_at_once


def test_a_log_of_nothing_but_counts_goes_on_counting(kept: Kept) -> None:
    log = DecisionLog(kept, per_second=0)
    flags = client(log)
    for second in range(1, 4):
        for _ in range(5):
            flags.is_enabled("on")
        log.refill()
        assert kept.left_out == {"on": 5 * second}


def test_two_clients_may_share_a_log(kept: Kept) -> None:
    log = DecisionLog(kept, per_second=1)
    one, other = client(log), client(log)
    for _ in range(10):
        one.is_enabled("on")
        other.is_enabled("on")
    log.refill()
    assert len(kept.decisions) + kept.left_out["on"] == 20


def test_a_change_loses_no_count(kept: Kept) -> None:
    log = DecisionLog(kept, per_second=1)
    flags = client(log)
    for _ in range(10):
        flags.is_enabled("on")
    flags._held.replace(FlagClient.from_rules({"on": False})._held.snapshot)
    for _ in range(10):
        flags.is_enabled("on")
    log.refill()
    assert len(kept.decisions) + kept.left_out["on"] == 20


def test_the_end_says_what_is_left(kept: Kept) -> None:
    flags = client(DecisionLog(kept, per_second=1))
    for _ in range(10):
        flags.is_enabled("on")
    flags.close()
    assert kept.left_out == {"on": 9}


def test_a_second_refills_by_itself(kept: Kept) -> None:
    from tests.sdk.plane import until

    with FlagClient.from_rules(RULES, decisions=DecisionLog(kept, per_second=1)) as flags:
        flags.is_enabled("on")
        flags.is_enabled("on")
        until(lambda: kept.left_out == {"on": 1}, "the refill")
        flags.is_enabled("on")
        assert len(kept.decisions) == 2


def test_overrides_are_no_decisions(kept: Kept) -> None:
    flags = client(DecisionLog(kept))
    with flags.override({"on": False}):
        assert not flags.is_enabled("on")
    assert kept.entries == []


def test_a_writer_that_fails_breaks_no_evaluation(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Kept):
        def write(self, entry: Entry) -> None:
            raise OSError

    kept = Kept()
    log = DecisionLog(Broken(), kept, per_second=2)
    flags = client(log)
    for _ in range(5):
        assert flags.is_enabled("on")
    flags.track("deposit", value=3)
    log.refill()
    assert "failed 4 times: OSError()" in caplog.text
    assert len(kept.decisions) == 2  # the other writer is not kept from its own
    assert kept.left_out == {"on": 3}


def test_what_players_did(kept: Kept) -> None:
    flags = client(DecisionLog(kept, wall=lambda: 1.0, hash_keys=False))
    flags.track("deposit", {"user": "p1"}, value=20.0, attributes={"psp": "north"})
    assert kept.entries == [Tracked("deposit", 1.0, "production", "p1", 20.0, {"psp": "north"})]
    FlagClient.from_rules(RULES).track("deposit")


def test_to_a_file_that_processes_share(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    flags = client(DecisionLog(JsonLines(path), per_second=2))
    for _ in range(5):
        flags.is_enabled("on", user="p1")
    assert not path.exists()
    flags.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("left_out") for line in lines] == [None, None, 3]
    assert lines[0]["flag"] == "on"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = JsonLines(tmp_path / "none" / "file")
    lines.write(LeftOut("f", 1, 0.0, "production"))
    lines.flush()
    assert "could not be written" in caplog.text


def test_a_file_that_is_too_slow_loses_the_oldest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = JsonLines(tmp_path / "file")
    for number in range(20_003):
        lines.write(LeftOut("f", number, 0.0, "production"))
    lines.flush()
    assert "3 decisions were lost" in caplog.text
    assert json.loads((tmp_path / "file").read_text().splitlines()[0])["left_out"] == 3
    lines.write(LeftOut("f", 1, 0.0, "production"))
    lines.forget()
    lines.flush()
    assert len((tmp_path / "file").read_text().splitlines()) == 20_000


def test_to_the_standard_librarys_logging(caplog: pytest.LogCaptureFixture) -> None:
    flags = client(DecisionLog(ToLogging()))
    flags.is_enabled("on")
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "croupier.decisions"):
        flags.is_enabled("off")
    (record,) = caplog.records
    assert record.message.startswith('flag_decision {"flag": "off"')
    assert record.__dict__["decision"]["variant"] == "off"
    flags.close()


def test_to_structlog_with_what_is_bound() -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        flags = client(DecisionLog(ToStructlog()))
        with structlog.contextvars.bound_contextvars(request="r-1"):
            flags.is_enabled("on")
    flags.close()
    assert [(log["event"], log["request"], log["flag"], log["variant"]) for log in logs] == [
        ("flag_decision", "r-1", "on", "on")
    ]


@pytest.fixture
def spans() -> Iterator[tuple[trace.Tracer, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("test"), exporter
    provider.shutdown()


def test_the_trace_is_named(kept: Kept, spans: tuple[trace.Tracer, InMemorySpanExporter]) -> None:
    flags = client(DecisionLog(kept))
    with spans[0].start_as_current_span("request") as span:
        flags.is_enabled("on")
        context = span.get_span_context()
    assert (kept.decisions[0].trace_id, kept.decisions[0].span_id) == (
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
    )


def test_every_decision_is_noted_on_its_span(kept: Kept, spans: tuple[trace.Tracer, InMemorySpanExporter]) -> None:
    log = DecisionLog(kept, per_second=1, spans=True, hash_keys=False)
    flags = client(log)
    with spans[0].start_as_current_span("request"):
        for _ in range(3):
            flags.is_enabled("payments_v2", user="p1", market="DE")
        flags.is_enabled("nobody")
    flags.is_enabled("payments_v2", user="p1", market="DE")
    log.refill()
    (span,) = spans[1].get_finished_spans()
    assert [event.name for event in span.events] == ["feature_flag.evaluation"] * 4
    assert dict(span.events[2].attributes or {}) == {
        "feature_flag.provider.name": "croupier",
        "feature_flag.key": "payments_v2",
        "feature_flag.set.id": "production",
        "feature_flag.version": "1",
        "feature_flag.result.variant": "on",
        "feature_flag.result.reason": "split",
        "feature_flag.context.id": "p1",
        "croupier.rule": "rule 1",
        "croupier.bucket": flags.details("payments_v2", user="p1", market="DE").bucket,
    }
    assert (span.events[3].attributes or {})["error.type"] == "flag_not_found"
    assert kept.left_out == {"payments_v2": 3}


def test_to_otlp_as_log_records(spans: tuple[trace.Tracer, InMemorySpanExporter]) -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    flags = client(DecisionLog(ToOpenTelemetry(get_logger("croupier", logger_provider=provider)), per_second=1))
    with spans[0].start_as_current_span("request") as span:
        flags.is_enabled("on", user="p1")
        flags.track("deposit", {"user": "p1"}, value=3.0, attributes={"psp": "north"})
        wanted = span.get_span_context().trace_id
    flags.is_enabled("on", user="p1")
    flags.close()
    records = [each.log_record for each in exporter.get_finished_logs()]
    assert [record.event_name for record in records] == [
        "feature_flag.evaluation",
        "croupier.track",
        "croupier.left_out",
    ]
    assert records[0].trace_id == wanted
    assert (records[0].attributes or {})["feature_flag.result.variant"] == "on"
    assert (records[1].attributes or {})["psp"] == "north"
    assert (records[2].attributes or {})["croupier.left_out"] == 1
    provider.shutdown()


def test_a_label_for_metrics() -> None:
    flags = FlagClient.from_rules(RULES)
    assert flag_variant(flags, "on") == {"flag": "on", "flag_variant": "on"}
    assert flag_variant(flags, "payments_v2", {"market": "SE"}, user="p1")["flag_variant"] == "off"
    assert flag_variant(flags, "nobody")["flag_variant"] == "default"


def test_a_thread_that_came_late_with_the_old_flag_ends_no_counting() -> None:
    """It looked the flag up before a change, and says so after: the new one is logged and counted all the same."""
    kept = Kept()
    log = DecisionLog(kept, per_second=2)
    flags = FlagClient.from_rules({"on": True}, decisions=log)
    old, held = flags._ruleset.compiled("on"), flags._held.snapshot
    line = next(iter(read_rules({"on": True}, "production", held.version + 1).lines.items()))
    flags._held.follow(Delta("production", held.lineage, held.version, held.version + 1, 0, ("\t".join(line),)))

    def come_late() -> None:
        old.default.count += 1
        log.decided("on", old.default, {}, old)

    come_late()
    for _ in range(5):
        assert flags.is_enabled("on")
    assert flags._ruleset.compiled("on") is not old
    come_late()
    log.refill()
    assert flags.is_enabled("on")
    assert kept.decisions[-1].version == held.version + 1
    log.refill()
    assert len(kept.decisions) + kept.left_out["on"] == 8


def test_an_override_elsewhere_does_not_end_logging() -> None:
    kept = Kept()
    flags = FlagClient.from_rules(RULES, decisions=DecisionLog(kept))
    with flags.override({"off": True}):
        other = threading.Thread(target=flags.is_enabled, args=("on",))
        other.start()
        other.join()
        assert flags.is_enabled("off")
    assert [decision.flag for decision in kept.decisions] == ["on"]


def test_half_a_character_loses_no_lines(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "decisions")
    log = DecisionLog(lines, hash_keys=False)
    flags = FlagClient.from_rules(RULES, decisions=log)
    assert flags.is_enabled("on", user="p1\n{}")
    assert flags.is_enabled("on", user="\ud800")
    assert not flags.is_enabled("\udfff")
    log.refill()
    found = [json.loads(line) for line in (tmp_path / "decisions").read_text().splitlines()]
    assert [entry.get("key") for entry in found] == ["p1\n{}", "\ud800", None]


def test_a_client_that_is_dropped_within_the_log_stops_nobody(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage collection runs whenever something is made, also where the log holds its lock."""
    monkeypatch.setattr(log_module, "_WAIT_S", 0.01)
    log = DecisionLog(kept)
    flags, dropped = client(log), client(log)
    take = _Flow.miss

    def collected(flow: _Flow, outcome: Outcome) -> None:
        dropped.close()
        take(flow, outcome)

    monkeypatch.setattr(_Flow, "miss", collected)
    assert not flags.is_enabled("nobody")
    assert [decision.flag for decision in kept.decisions] == ["nobody"]
