"""What processes counted while nobody heard them lies in one span, whoever is heard first afterwards."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.metrics.otlp.conftest import STARTED, Desk, counter, resource

from croupier.control.ports import VersionKey
from croupier.core.gates import RatioSli, Reading

BETS = RatioSli("shop.bets", good=(("outcome", ("ok",)),))
T = STARTED + 100
EVERY_S = 10.0

Process = tuple[str, str, Sequence[float]]
"""Version and name, and when it is heard (seconds after ``T``). Each counts an event a second."""


def spans(desk: Desk, processes: Sequence[Process], *, delta: bool = False) -> Iterator[Reading]:
    """What a gate reads that looks after each push."""
    heard = sorted((at, n) for n, (_, _, times) in enumerate(processes) for at in times)
    last = [-50.0] * len(processes)
    read_to = T
    desk.read(BETS, T, T)
    for at, n in heard:
        version, name, _ = processes[n]
        start, events = (last[n], at - last[n]) if delta else (-50.0, at + 50)
        points: list[Any] = [({"outcome": "ok"}, events), ({"outcome": "lost"}, 0)]
        metric = counter("shop.bets", points, start=T + start, at=T + at, delta=delta)
        desk.push(T + at, resource(version, name), metric)
        last[n] = at
        found = desk.read(BETS, read_to, T + at)
        if isinstance(found, Reading) and found.until > read_to:
            yield found
            read_to = found.until


def uneven(reading: Reading, each: int = 1) -> float:
    """By how many seconds more of the one version's events, by instance, than of the other's."""
    assert reading.baseline is not None
    return abs(reading.canary[()].total - reading.baseline[()].total) / each


@pytest.mark.parametrize("delta", [False, True])
def test_what_an_outage_hid_of_two_versions_lies_in_one_span(desk: Desk, delta: bool) -> None:
    """Nobody was heard for half a minute. The new version had been heard once more before it, the old one had not: to
    end a span with the first push of the old one would compare half a minute of it with ten seconds.
    """
    old = "1.0.0", "a", [0.0, 10.0, 20.0, 30.0, 62.0, 70.0, 80.0]
    new = "1.1.0", "a", [1.0, 11.0, 21.0, 31.0, 39.0, 64.0, 71.0, 81.0]
    read = list(spans(desk, [old, new], delta=delta))[1:]
    assert [reading.until - T for reading in read][-3:] == [64, 71, 81]
    assert max(map(uneven, read)) <= EVERY_S


@settings(max_examples=30)
@given(
    st.lists(st.floats(0.0, 0.99), min_size=4, max_size=4),
    st.floats(50.0, 80.0),
    st.floats(50.0, 150.0),
    st.booleans(),
    st.booleans(),
)
def test_no_span_ends_in_an_outage(phases: list[float], ended: float, lasted: float, told: bool, delta: bool) -> None:
    """All push every 10 s, but for a time in which nobody is heard. ``told``: it is known how many run."""
    desk, back = Desk(), ended + lasted
    names = (("1.0.0", "a"), ("1.0.0", "b"), ("1.1.0", "a"), ("1.1.0", "b"))
    if told:
        desk.ledger.watch({VersionKey("shop", "1.0.0"): 2, VersionKey("shop", "1.1.0"): 2})
    due = [[EVERY_S * (n + phase) for n in range(30)] for phase in phases]
    processes = [(*name, [at for at in times if not ended < at < back]) for name, times in zip(names, due, strict=True)]
    read = [reading for reading in spans(desk, processes, delta=delta) if reading.since > T + 20]
    assert read[-1].until > T + 280
    assert max(uneven(reading, each=2) for reading in read) <= 2 * EVERY_S
