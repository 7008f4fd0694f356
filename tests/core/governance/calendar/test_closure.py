"""What calendars close, for whom, and when it is free again."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.governance.calendar.closure import Closure, Shut, apart, closures, next_free, shut
from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Calendar, Entry, Kind, Scope
from croupier.core.segments import AttributeMatch

WITHIN = Interval(0.0, 100.0)
HERE = frozenset({"production"})
SWEDEN = (AttributeMatch("market", ("SE",)),)


def entry(name: str, *times: tuple[int, int], kind: Kind = Kind.FREEZE, scope: Scope | None = None) -> Entry:
    """The times stand where a rule would, so that expanding needs no calendar."""
    return Entry(name, kind, "", "", rule=";".join(f"{a}-{b}" for a, b in times), scope=scope or Scope())


def expand(asked: Entry, within: Interval) -> Sequence[Interval]:
    pairs = [part.split("-") for part in (asked.rule or "").split(";") if part]
    return [each for a, b in pairs if (each := Interval(float(a), float(b))).meets(within)]


def closed(at: float, *entries: Entry, service: str = "shop") -> list[tuple[str, float | None]]:
    found = closures([Calendar("sports", entries)], service, HERE, WITHIN, expand)
    return [(each.id, each.until) for each in shut(found, at, WITHIN)]


def test_a_freeze_is_closed_while_it_lasts() -> None:
    final = entry("final", (10, 20), (30, 40))
    assert [closed(at, final) for at in (9, 10, 19, 20, 35)] == [
        [],
        [("sports/final", 20.0)],
        [("sports/final", 20.0)],
        [],
        [("sports/final", 40.0)],
    ]


def test_windows_are_closed_outside_of_all_of_them() -> None:
    windows = entry("morning", (10, 20), kind=Kind.WINDOW), entry("evening", (30, 40), kind=Kind.WINDOW)
    assert closed(5, *windows) == [("sports", 10.0)]
    assert closed(15, *windows) == []
    assert closed(25, *windows) == [("sports", 30.0)]
    assert closed(50, *windows) == [("sports", None)], "nobody knows of a further one"
    always = entry("always", (0, 100), kind=Kind.WINDOW)
    assert closed(5, always) == []


def test_nothing_is_free_before_the_end_of_what_was_asked_for() -> None:
    found = closures([Calendar("sports", (entry("final", (10, 100)),))], "shop", HERE, WITHIN, expand)
    assert [next_free(found, at, WITHIN) for at in (5.0, 15.0)] == [5.0, None]
    never = closures([Calendar("hours", (entry("never", kind=Kind.WINDOW),))], "shop", HERE, WITHIN, expand)
    assert next_free(never, 5.0, WITHIN) is None


def test_what_lasts_longest_comes_first() -> None:
    both = entry("short", (10, 20)), entry("long", (10, 90)), entry("never", kind=Kind.WINDOW)
    assert closed(15, *both) == [("sports", None), ("sports/long", 90.0), ("sports/short", 20.0)]


@pytest.mark.parametrize(
    "scope, meant",
    [
        (Scope(services=("shop", "games")), True),
        (Scope(services=("games",)), False),
        (Scope(environments=("production", "test")), True),
        (Scope(environments=("test",)), False),
        (Scope(matches=SWEDEN), True),
    ],
)
def test_whom_an_entry_is_about(scope: Scope, meant: bool) -> None:
    assert bool(closed(15, entry("final", (10, 20), scope=scope))) is meant
    outside = closed(25, entry("hours", (10, 20), kind=Kind.WINDOW, scope=scope))
    assert bool(outside) is meant


def test_windows_for_some_players_close_for_those_only() -> None:
    swedes = entry("swedes", (10, 20), kind=Kind.WINDOW, scope=Scope(matches=SWEDEN))
    everybody = entry("hours", (50, 60), kind=Kind.WINDOW)
    found = closures([Calendar("hours", (swedes, everybody))], "shop", HERE, WITHIN, expand)
    assert [(each.matches, each.intervals) for each in found] == [
        (SWEDEN, (Interval(0, 10), Interval(20, 50), Interval(60, 100))),
        ((), (Interval(0, 50), Interval(60, 100))),
    ]


def test_words() -> None:
    assert Shut("sports/final", Kind.FREEZE, "", 0.0, 1.0).words == "frozen by sports/final"
    assert Shut("hours", Kind.WINDOW, "", 0.0, 1.0).words == "outside the windows of hours"
    assert Closure("hours", Kind.WINDOW, "", (), ()).words == "outside the windows of hours"


TIMES = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 30)).map(lambda p: (p[0], p[0] + p[1])), max_size=4)


@given(TIMES, TIMES, st.integers(0, 99).map(float))
def test_the_next_free_moment_is_the_first_at_which_nothing_is_closed(
    freezes: list[tuple[int, int]], windows: list[tuple[int, int]], at: float
) -> None:
    entries = [entry("f", *freezes), *([entry("w", *windows, kind=Kind.WINDOW)] if windows else [])]
    found = closures([Calendar("c", tuple(entries))], "shop", HERE, WITHIN, expand)
    free = next_free(found, at, WITHIN)
    open_at = [moment for moment in range(100) if not shut(found, float(moment), WITHIN)]
    assert free == next((float(moment) for moment in open_at if moment >= at), None)


def test_who_can_be_in_both() -> None:
    nordics = (AttributeMatch("market", ("SE", "NO")),)
    vips = (AttributeMatch("tier", ("vip",)),)
    germans = (AttributeMatch("market", ("DE",)), AttributeMatch("tier", ("vip",)))
    assert not apart((), SWEDEN)
    assert not apart(SWEDEN, nordics)
    assert not apart(vips, SWEDEN)
    assert apart(germans, SWEDEN)
    assert apart(SWEDEN, germans)
