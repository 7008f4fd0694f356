from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout.pins import (
    MOST_IDS,
    NO_PINS,
    Known,
    Open,
    PinnedId,
    Pins,
    pins,
    steps_over,
)
from croupier.core.rollout.routes import canary_routes, stable_routes

V = st.sampled_from(["1.0.0", "1.1.0", "1.2.0"])


def test_where_everything_goes_one_way_there_are_no_pins() -> None:
    known = Known({"1.0.0": Open(5, 9.0)}, (PinnedId("round", "r", "1.0.0"),))
    assert pins(("1.0.0",), "1.0.0", known) == NO_PINS
    assert pins((), None, Known()) == NO_PINS


def test_a_version_that_was_left_keeps_its_open_rounds() -> None:
    known = Known({"1.1.0": Open(2, 9.0)}, (PinnedId("round", "r", "1.1.0"), PinnedId("round", "q", "0.9.0")))
    assert pins(("1.0.0",), "1.0.0", known) == Pins(("1.0.0", "1.1.0"), (PinnedId("round", "r", "1.1.0"),))


def test_a_version_that_was_only_just_left_keeps_rounds_that_nobody_told_of() -> None:
    served = Pins(("1.0.0", "1.1.0"))
    assert pins(("1.0.0",), "1.0.0", Known(), served=served) == served
    assert pins(("1.0.0",), "1.0.0", Known(), served=served, gone=("1.1.0",)) == NO_PINS
    assert pins(("1.0.0",), "1.0.0", Known(), served=served, barred=("1.1.0",)) == NO_PINS


def test_nothing_leads_to_a_barred_version() -> None:
    known = Known({"1.1.0": Open(2, 9.0)}, (PinnedId("round", "r", "1.1.0"),))
    assert pins(("1.0.0",), "1.0.0", known, barred=("1.1.0",)) == NO_PINS


def test_the_data_plane_learns_so_many_ids_and_no_more() -> None:
    many = tuple(PinnedId("round", f"r{n:06}", "1.1.0") for n in range(MOST_IDS + 5))
    assert len(pins(("1.0.0", "1.1.0"), "1.0.0", Known({}, many)).ids) == MOST_IDS


@given(
    st.dictionaries(V, st.builds(Open, st.integers(0, 3), st.floats(0, 9))),
    st.sets(V),
    st.sets(V),
    st.integers(0, 10_000),
)
def test_pins_outrank_weights(opened: dict[str, Open], served: set[str], barred: set[str], weight_bp: int) -> None:
    base = canary_routes("games", "1.0.0", "1.1.0", weight_bp, salt="s")
    found = pins(base.assigned, base.default, Known(opened), served=Pins(tuple(sorted(served))), barred=barred)
    assert not set(found.versions) & barred
    for version, rounds in opened.items():
        reached = version in found.versions or (found == NO_PINS and version == base.default)
        assert not rounds.count or version in barred or reached
    # What was pushed is what is wanted next time: it settles.
    again = pins(base.assigned, base.default, Known(opened), served=found, barred=barred)
    assert again == found
    # More open rounds never take a pin away.
    more = pins(base.assigned, base.default, Known({**opened, "1.2.0": Open(1, 9.0)}), barred=barred)
    assert set(found.versions) <= {*more.versions, *served, base.default}


def test_routes_with_pins_reach_the_versions_of_both() -> None:
    base = stable_routes("games", "1.0.0")
    routes = replace(base, pins=Pins(("1.0.0", "1.1.0"), (PinnedId("order", "o", "1.2.0"),)))
    assert routes.versions == ("1.0.0", "1.1.0", "1.2.0")
    assert routes.assigned == ("1.0.0",)
    assert routes.weight_of("1.1.0") == 0
    assert routes.unpinned == base
    assert base.unpinned is base


def test_a_clock_that_jumps_ages_nothing() -> None:
    assert steps_over(100.0, None, 0.0) == 0.0
    assert steps_over(101.0, 100.0, 0.0) == 0.0
    assert steps_over(86_500.0, 100.0, 0.0) == 86_400.0
    assert steps_over(50.0, 100.0, 7.0) == -43.0
