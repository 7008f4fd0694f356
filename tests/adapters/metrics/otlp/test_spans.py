"""Whatever the order in which processes push, spans side by side hold every event once, and both versions alike."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.metrics.otlp.conftest import STARTED, Desk, counter, resource

from croupier.control.ports import VersionKey
from croupier.core.gates import RatioSli, Reading

BETS = RatioSli("shop.bets", good=(("outcome", ("ok",)),))
T = STARTED + 50

Push = tuple[int, float, int, int, bool, bool]
"""Who, how long after the one before, how many more good and bad, whether the answer got lost, whether a gate looks."""

pushes = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.floats(1.0, 4.0),
        st.integers(0, 9),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)


@dataclass
class Process:
    version: str
    name: str
    delta: bool
    clock: float
    """How far its clock is off, seconds."""
    good: int = 0
    bad: int = 0
    last: float = T - 20
    told: tuple[tuple[float, int, int], ...] = ()
    """When, by our clock, it had told of how much."""

    def push(self, desk: Desk, at: float, good: int, bad: int, *, again: bool) -> None:
        self.good, self.bad = self.good + good, self.bad + bad
        values = (good, bad) if self.delta else (self.good, self.bad)
        start = (self.last if self.delta else T - 20) + self.clock
        points: list[Any] = [({"outcome": "ok"}, values[0]), ({"outcome": "lost"}, values[1])]
        metric = counter("shop.bets", points, start=start, at=at + self.clock, delta=self.delta)
        self.last = at
        self.told += ((at, self.good, self.bad),)
        for moment in (at, at + 0.1) if again else (at,):
            desk.push(moment, resource(self.version, self.name), metric)

    def told_by(self, at: float) -> tuple[int, int]:
        """Good and total."""
        found = [(good, good + bad) for moment, good, bad in self.told if moment <= at]
        return found[-1] if found else (0, 0)


@settings(max_examples=60)
@given(
    pushes, st.lists(st.booleans(), min_size=3, max_size=3), st.lists(st.floats(-3_000, 3_000), min_size=3, max_size=3)
)
def test_spans_hold_every_event_once(schedule: list[Push], deltas: list[bool], clocks: list[float]) -> None:
    desk = Desk()
    names = (("1.0.0", "a"), ("1.1.0", "a"), ("1.1.0", "b"))
    processes = [Process(*name, *of) for name, of in zip(names, zip(deltas, clocks, strict=True), strict=True)]
    desk.ledger.watch({VersionKey("shop", "1.0.0"): 1, VersionKey("shop", "1.1.0"): 2})
    desk.read(BETS, T - 10, T - 10)
    now, read_to, spans = T, T, 0
    for process in processes:
        process.push(desk, now := now + 1.0, 5, 5, again=False)
    for who, after_s, good, bad, again, look in schedule:
        now += after_s
        processes[who].push(desk, now, good, bad, again=again)
        if not look:
            continue
        found = desk.read(BETS, read_to, now + 0.5)
        if not isinstance(found, Reading) or found.until <= read_to:
            continue
        assert found.baseline is not None
        assert found.since == read_to or not spans
        for version, counts in (("1.0.0", found.baseline[()]), ("1.1.0", found.canary[()])):
            mine = [process for process in processes if process.version == version]
            for place, counted in enumerate((counts.good, counts.total)):
                told = [process.told_by(found.until)[place] - process.told_by(found.since)[place] for process in mine]
                assert counted == sum(told)
            # Nobody is judged by the push of another.
            assert all(any(found.since < at <= found.until for at, *_ in process.told) for process in mine)
        assert sum(part.total for part in found.parts) == found.baseline[()].total
        assert sum(each.counts.total for each in found.instances) == found.canary[()].total
        read_to, spans = found.until, spans + 1
