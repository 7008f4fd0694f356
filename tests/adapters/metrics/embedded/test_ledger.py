"""Whatever happens between scrapes: counts are exact where they can be, and never more than truly happened."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.metrics.embedded import MetricSettings
from croupier.adapters.metrics.embedded.ledger import Ledger
from croupier.adapters.metrics.embedded.page import Page
from croupier.adapters.metrics.embedded.target import Edge, TargetId
from croupier.control.ports import Endpoint, Query, ScrapeTarget, VersionKey
from croupier.core.gates import Counts, EventsSli, Instance, LatencySli, RatioSli, Reading, Silence

OLD, NEW = VersionKey("bet", "1"), VersionKey("bet", "2")
SLI = RatioSli("spins", good=(("ok", ("yes",)),))


@dataclass
class Process:
    """An instance as it truly is: what happened in it and when."""

    key: VersionKey
    port: int
    started: float
    tells_start: bool
    counters: dict[str, int] = field(default_factory=dict)
    happened: list[tuple[float, str]] = field(default_factory=list)
    lost: bool = False
    """Whether it was restarted in place, after which part of what happened can have been missed."""

    @property
    def target(self) -> ScrapeTarget:
        return ScrapeTarget(Endpoint("127.0.0.1", self.port), "/metrics")

    def event(self, at: float, ok: str) -> None:
        self.counters[ok] = self.counters.get(ok, 0) + 1
        self.happened.append((at, ok))

    def restart(self, at: float) -> None:
        self.counters, self.started, self.lost = {}, at, True

    def page(self) -> Page:
        lines = ["# TYPE spins_total counter"]
        lines += [f'spins_total{{ok="{ok}"}} {count}.0' for ok, count in self.counters.items()]
        if self.tells_start:
            lines.append(f"process_start_time_seconds {self.started}")
        return Page("\n".join(lines) + "\n")


class World:
    """Processes and a ledger that watches them; every step takes one second."""

    def __init__(self, settings: MetricSettings) -> None:
        self.ledger = Ledger(settings)
        self.now = 0.0
        self.processes: list[Process] = []
        self.watched: list[Process] = []
        # Asked for before anything is watched, as a rollout's probe does.
        self.ledger.read(self.query(0, 0), 0.0)

    def query(self, since: float, until: float) -> Query:
        return Query(SLI, (), "bet", "2", "1", since, until)

    def tell(self) -> None:
        wanted: dict[VersionKey, list[ScrapeTarget]] = {}
        for process in self.watched:
            wanted.setdefault(process.key, []).append(process.target)
        self.ledger.watch(wanted, self.now)

    def join(self, key: VersionKey, *, tells_start: bool, watched: bool = True) -> None:
        process = Process(key, 20_000 + len(self.processes), self.now, tells_start)
        self.processes.append(process)
        if watched:
            self.watched.append(process)
            self.tell()

    def scrape(self, failing: set[int]) -> None:
        at_place = {TargetId(process.key, process.target): process for process in self.processes}
        self.ledger.commit(
            self.now,
            {
                name: "cannot be reached" if at_place[name].port in failing else at_place[name].page()
                for name in self.ledger.to_scrape()
            },
        )

    def truth(self, key: VersionKey, since: float, until: float) -> tuple[int, int]:
        events = [
            ok for process in self.processes if process.key == key for at, ok in process.happened if since < at <= until
        ]
        return events.count("yes"), len(events)

    def do(self, step: tuple[Any, ...]) -> None:
        self.now += 1
        match step:
            case ("event", index, ok):
                self.processes[index % len(self.processes)].event(self.now, ok)
            case ("restart", index):
                self.processes[index % len(self.processes)].restart(self.now)
            case ("join", key, tells_start):
                self.join(key, tells_start=tells_start)
            case ("leave", index) if self.watched:
                del self.watched[index % len(self.watched)]
                self.tell()
            case ("scrape", failing):
                self.scrape({20_000 + index for index in failing})
            case _:
                pass  # nobody is there to leave


index = st.integers(0, 5)
events = st.tuples(st.just("event"), index, st.sampled_from(["yes", "no"]))
scrapes = st.tuples(st.just("scrape"), st.one_of(st.just(frozenset()), st.frozensets(index, max_size=2)))
restarts = st.tuples(st.just("restart"), index)
joins = st.tuples(st.just("join"), st.sampled_from([OLD, NEW]), st.booleans())
leaves = st.tuples(st.just("leave"), index)
SETTINGS = MetricSettings(interval_s=10, retention_s=10_000)


def told(answer: Reading | Silence) -> dict[VersionKey, Counts] | None:
    if isinstance(answer, Silence):
        return None
    assert answer.baseline is not None
    whole, canary = answer.baseline[()], answer.canary[()]
    for arm, parts in ((whole, answer.parts), (canary, [each.counts for each in answer.instances])):
        assert (sum(part.good for part in parts), sum(part.total for part in parts)) == (arm.good, arm.total)
    return {NEW: canary, OLD: whole}


@given(
    steps=st.lists(st.one_of(events, events, scrapes, scrapes, restarts, joins, leaves), max_size=60),
    cuts=st.tuples(*[st.floats(0, 62)] * 3),
    tells=st.booleans(),
)
def test_adjacent_spans_add_up_and_nothing_is_counted_that_did_not_happen(
    steps: list[tuple[Any, ...]], cuts: tuple[float, float, float], tells: bool
) -> None:
    world = World(SETTINGS)
    world.join(OLD, tells_start=tells)
    world.join(NEW, tells_start=tells)
    for step in [*steps, ("scrape", frozenset())]:
        world.do(step)
    first, middle, last = sorted(cuts)

    def read(since: float, until: float) -> Reading | Silence:
        return world.ledger.read(world.query(since, until), world.now)

    whole, parts = read(first, last), (read(first, middle), read(middle, last))
    for answer in (whole, *parts):
        if counts := told(answer):
            assert isinstance(answer, Reading)
            assert answer.until <= last
            for key, version in counts.items():
                good, total = world.truth(key, answer.since, answer.until)
                assert version.good <= good
                assert version.total <= total
    together, before, after = told(whole), told(parts[0]), told(parts[1])
    if together and before and after:
        for key, version in together.items():
            assert version.total == before[key].total + after[key].total
            assert version.good == before[key].good + after[key].good


@given(
    steps=st.lists(st.one_of(events, events, scrapes), max_size=60),
    cuts=st.tuples(*[st.floats(0, 62)] * 2),
    young=st.booleans(),
)
def test_without_restarts_counts_are_what_happened(
    steps: list[tuple[Any, ...]], cuts: tuple[float, float], young: bool
) -> None:
    world = World(SETTINGS)
    world.join(OLD, tells_start=True)
    world.scrape(set())
    world.now += 1
    world.join(NEW, tells_start=young)
    for step in steps:
        world.do(step)
    since, until = sorted(cuts)
    answer = world.ledger.read(world.query(since, until), world.now)
    if counts := told(answer):
        assert isinstance(answer, Reading)
        for key, version in counts.items():
            good, total = world.truth(key, answer.since, answer.until)
            assert (version.good, version.total) == (good, total)


@given(steps=st.lists(st.one_of(events, scrapes, scrapes, restarts, joins, leaves), max_size=60))
def test_looks_that_follow_each_other_add_up_whatever_is_learnt_later(steps: list[tuple[Any, ...]]) -> None:
    world = World(SETTINGS)
    world.join(OLD, tells_start=True)
    world.join(NEW, tells_start=True)
    seen, start, end = {OLD: 0, NEW: 0}, None, 0.0
    for step in steps:
        world.do(step)
        look = world.ledger.read(world.query(end, world.now), world.now)
        if counts := told(look):
            assert isinstance(look, Reading)
            start = look.since if start is None else start
            end = look.until
            for key, version in counts.items():
                seen[key] += version.total
    if start is not None:
        whole = told(world.ledger.read(world.query(start, end), world.now))
        assert whole is not None
        assert {key: version.total for key, version in whole.items()} == seen


def test_a_young_process_counts_from_its_birth_and_an_old_one_from_its_first_scrape() -> None:
    for young, expected in ((True, 3), (False, 0)):
        world = World(SETTINGS)
        world.join(OLD, tells_start=True)
        world.scrape(set())
        world.do(("join", NEW, young))
        for _ in range(3):
            world.do(("event", 1, "no"))
        world.do(("scrape", ()))
        got = world.ledger.read(world.query(0, world.now), world.now)
        assert isinstance(got, Reading)
        assert got.canary[()] == Counts(0, expected)
        assert got.since == (0 if young else world.now)


@pytest.mark.parametrize("tells_start", [True, False])
def test_a_restart_in_place_counts_from_zero(tells_start: bool) -> None:
    world = World(SETTINGS)
    world.join(NEW, tells_start=tells_start)
    world.join(OLD, tells_start=tells_start)
    world.do(("scrape", ()))
    for ok in ("no", "no", "no", "yes", "yes"):
        world.do(("event", 0, ok))
    world.do(("scrape", ()))
    world.do(("restart", 0))
    for ok in ("no", "no", "no", "no", "no", "yes"):
        world.do(("event", 0, ok))
    world.do(("scrape", ()))
    got = world.ledger.read(world.query(1, world.now), world.now)
    assert isinstance(got, Reading)
    # "no" went from 3 to 5: only a process that tells its start shows that this is 5 and not 2.
    assert got.canary[()] == (Counts(3, 11) if tells_start else Counts(3, 8))


def commit(ledger: Ledger, at: float, text: str) -> None:
    """One round in which every instance shows the same page."""
    ledger.commit(at, dict.fromkeys(ledger.to_scrape(), Page(text)))


def ledger_of(settings: MetricSettings = SETTINGS) -> Ledger:
    ledger = Ledger(settings)
    ledger.watch({OLD: [ScrapeTarget(Endpoint("127.0.0.1", 1), "/m")]}, 0)
    return ledger


def asked(ledger: Ledger, sli: Any, since: float, until: float, by: tuple[str, ...] = ()) -> Reading:
    answer = ledger.read(Query(sli, by, "bet", "1", None, since, until), until)
    assert isinstance(answer, Reading), answer
    return answer


def test_what_is_asked_for_late_counts_from_the_scrape_before() -> None:
    ledger = ledger_of()
    commit(ledger, 1, "spins_total 5\n")
    commit(ledger, 2, "spins_total 7\n")
    nothing, three = Counts(0, 0), Counts(0, 3)
    assert asked(ledger, EventsSli("spins"), 0, 2) == Reading(
        2, 2, {(): nothing}, None, instances=(Instance("127.0.0.1:1", nothing),)
    )
    commit(ledger, 3, "spins_total 10\n")
    assert asked(ledger, EventsSli("spins"), 0, 3) == Reading(
        2, 3, {(): three}, None, instances=(Instance("127.0.0.1:1", three),)
    )


def test_what_nobody_asks_for_is_forgotten() -> None:
    ledger = ledger_of(MetricSettings(interval_s=10, retention_s=100))
    asleep = EventsSli("spins")
    stays = {OLD: [ScrapeTarget(Endpoint("127.0.0.1", 1), "/m")]}
    other = {NEW: [ScrapeTarget(Endpoint("127.0.0.1", 2), "/m")]}
    ledger.read(Query(asleep, (), "bet", "1", None, 0, 0), 0)
    for at in range(0, 2_000, 10):
        commit(ledger, at, f"spins_total {at}\nbets_total {at}\n")
        if at == 1_000:
            ledger.watch({**stays, **other}, at)
        if at == 1_100:
            ledger.watch(stays, at)
        asked(ledger, EventsSli("bets"), at - 10, at)
    got = asked(ledger, EventsSli("bets"), 0, 1_990)
    assert got.since == pytest.approx(1_890, abs=10)
    assert got.canary == {(): Counts(0, round(1_990 - got.since))}
    assert asked(ledger, asleep, 1_950, 1_990).since == 1_990
    assert len(ledger._targets) == 1


@pytest.mark.parametrize("value", ["+Inf", "1.7e308", "9007199254740994"])
def test_more_than_a_counter_can_be_is_silence(value: str) -> None:
    ledger = ledger_of()
    ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 0), 0)
    commit(ledger, 1, "spins_total 5\n")
    commit(ledger, 2, f'spins_total 6\nspins_total{{a="b"}} {value}\nspins_total{{a="c"}} {value}\n')
    answer = ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 1, 2), 2)
    assert isinstance(answer, Silence)
    assert answer.reason == "'spins' of bet counts inf events, which no counter can"


def test_a_base_that_no_counter_has_is_silence() -> None:
    ledger = ledger_of()
    ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 0), 0)
    commit(ledger, 1, "spins_total +Inf\n")
    commit(ledger, 2, "spins_total +Inf\n")
    assert isinstance(ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 1, 2), 2), Silence)


@pytest.mark.parametrize("value", ["NaN", "-3"])
def test_values_that_no_counter_has_are_passed_over(value: str) -> None:
    ledger = ledger_of()
    ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 0), 0)
    commit(ledger, 1, "spins_total 5\n")
    commit(ledger, 2, f"spins_total {value}\n")
    commit(ledger, 3, "spins_total 6\n")
    assert asked(ledger, EventsSli("spins"), 1, 3).canary == {(): Counts(0, 1)}


def test_fractions_add_up_as_whole_numbers() -> None:
    ledger = ledger_of()
    ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 0), 0)
    for at, value in enumerate((0, 0.5, 1.1, 1.9, 2.9999999999)):
        commit(ledger, at, f"spins_total {value}\n")
    parts = [asked(ledger, EventsSli("spins"), at, at + 1).canary[()].total for at in range(4)]
    assert parts == [0, 1, 0, 2]
    assert asked(ledger, EventsSli("spins"), 0, 4).canary[()].total == 3


def test_an_edge_is_found_however_it_is_written() -> None:
    ledger = ledger_of()
    slow = LatencySli("wait_seconds_bucket", 0.1)
    ledger.read(Query(slow, (), "bet", "1", None, 0, 0), 0)
    page = (
        'wait_seconds_bucket{{x="a,le=\\"9\\"",le="1e-01"}} {0}\n'
        'wait_seconds_bucket{{x="",le="+Inf"}} {1}\n'
        'wait_seconds_count{{x=""}} {1}\n'
    )
    commit(ledger, 1, page.format(1, 2))
    commit(ledger, 2, page.format(4, 8))
    assert asked(ledger, slow, 1, 2).canary == {(): Counts(3, 6)}


def test_too_many_groups_leave_the_largest() -> None:
    ledger = ledger_of(MetricSettings(groups=2))
    ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 0), 0)
    commit(ledger, 1, "# TYPE spins counter\n")
    commit(ledger, 2, "".join(f'spins_total{{m="{m}"}} {m}\n' for m in range(1, 6)))
    got = asked(ledger, EventsSli("spins"), 1, 2, by=("m",)).canary
    assert got == {(): Counts(0, 15), (("m", "4"),): Counts(0, 4), (("m", "5"),): Counts(0, 5)}


def test_too_many_series_are_silence() -> None:
    ledger = ledger_of(MetricSettings(series_per_target=3))
    ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 0), 0)
    commit(ledger, 1, "".join(f'spins_total{{m="{m}"}} {m}\n' for m in range(4)))
    answer = ledger.read(Query(EventsSli("spins"), (), "bet", "1", None, 0, 1), 1)
    assert answer == Silence("127.0.0.1:1 exports more than 3 series of what gates ask for; use fewer label values")
    few = Ledger(MetricSettings(families=2))
    assert few.probe(EventsSli("a"), (), OLD, 0) == "no instance of bet 1 is watched"
    assert "2 metric families are kept already" in (few.probe(EventsSli("b"), (), OLD, 0) or "")


ENVOY = """# TYPE envoy_croupier_edge_requests counter
envoy_croupier_edge_requests{{code="200",service="bet",version="1"}} {0}
envoy_croupier_edge_requests{{code="503",service="bet",version="2"}} {1}
envoy_croupier_edge_requests{{code="200",service="auth",version="2"}} 99
# TYPE envoy_croupier_edge_duration histogram
envoy_croupier_edge_duration_bucket{{service="bet",version="2",le="5"}} {2}
envoy_croupier_edge_duration_bucket{{service="bet",version="2",le="400"}} {3}
envoy_croupier_edge_duration_bucket{{service="bet",version="2",le="+Inf"}} {4}
envoy_croupier_edge_duration_sum{{service="bet",version="2"}} 31
envoy_croupier_edge_duration_count{{service="bet",version="2"}} {4}
"""


def test_the_edge_counts_versions_by_label() -> None:
    ledger = Ledger(MetricSettings(edge_socket=Path("admin.sock")))
    good = RatioSli("edge_requests_total", good=(("code", ("200", "201")),))
    fast = LatencySli("edge_request_duration_seconds", 0.4)
    assert ledger.probe(fast, (), NEW, 0) == "the edge has not been scraped yet"

    def read(sli: Any, until: float = 3) -> Reading | Silence:
        return ledger.read(Query(sli, ("code",), "bet", "2", "1", 0, until), until)

    assert read(good, 0) == Silence("the edge has not been scraped yet")
    assert ledger.probe(good, (), NEW, 0) == "the edge has not been scraped yet"
    for at, page in ((1, ""), (2, ENVOY.format(10, 4, 1, 2, 4)), (3, ENVOY.format(30, 5, 1, 4, 9))):
        ledger.commit(at, {TargetId(Edge.ENVOY): Page(page)})
        assert ledger.probe(good, (), NEW, at) is None
    answer = read(good)
    assert isinstance(answer, Reading)
    assert answer.canary == {(): Counts(0, 5), (("code", "200"),): Counts(0, 0), (("code", "503"),): Counts(0, 5)}
    assert answer.baseline is not None
    assert answer.baseline[()] == Counts(30, 30)
    answer = read(fast)
    assert isinstance(answer, Reading)
    assert answer.canary[()] == Counts(4, 9)
    assert ledger.probe(good, ("code",), NEW, 3) is None
    assert ledger.probe(good, ("market",), NEW, 3) == (
        "'edge_requests_total' of the edge has no label 'market'; it has code, service, version"
    )
    assert "has no label 'code'; it has service, version" in str(ledger.probe(fast, ("code",), NEW, 3))
    assert ledger.probe(LatencySli("edge_request_duration_seconds", 0.3), (), NEW, 3) == (
        "'edge_request_duration_seconds' of the edge has no bucket edge at 0.3 s; its edges are 0.005, 0.4 s"
    )
    ledger.commit(30, {TargetId(Edge.ENVOY): "cannot be reached: no such file"})
    assert read(good, 40) == Silence("the edge has not been read for 10 s: Envoy cannot be reached: no such file")


def test_a_doubt_is_said_in_the_log_and_keeps_nobody_from_starting() -> None:
    ledger = Ledger(MetricSettings())
    target = ScrapeTarget(Endpoint("127.0.0.1", 1), "/metrics")
    ledger.watch({OLD: [target]}, 0)
    ledger.commit(1, {TargetId(OLD, target): Page('spins_total{game="roulette"} 9\n')})
    with structlog.testing.capture_logs() as said:
        assert ledger.probe(EventsSli("spins_total", (("game", ("roulete",)),)), (), OLD, 1) is None
    assert [line["why"] for line in said] == [
        "game='roulete' was never counted; 'spins_total' of bet 1 has game 'roulette'"
    ]
