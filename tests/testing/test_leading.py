import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.releases import IdKind, IdSource, Where
from croupier.core.rollout.pins import PinnedId, Pins
from croupier.testing.leading import Request, carried, led_to

HEADER = IdSource(Where.HEADER, "X-Round-Id")
QUERY = IdSource(Where.QUERY, "order")
PATH = IdSource(Where.PATH, "/callbacks/psp/{id}")
PAID = IdSource(Where.PATH, "/orders/{id}/paid")
KINDS = (IdKind("round", (HEADER,)), IdKind("order", (QUERY, PATH, PAID)))
BOTH = Pins(("1.0.0", "1.1.0"), (PinnedId("order", "o-1", "1.1.0"), PinnedId("round", "r-1", "1.0.0")))


@pytest.mark.parametrize(
    "source, path, id_",
    [
        (QUERY, "/x?a=1&order=o-17%401.1.0&order=o-18", "o-17@1.1.0"),
        (QUERY, "/x?order", ""),
        (QUERY, "/x?Order=o", None),
        (QUERY, "/x?order=\xe9", None),
        (QUERY, "/order=o", None),
        (PATH, "/callbacks/psp/o-17%401.1.0", "o-17@1.1.0"),
        (PATH, "/callbacks/psp/o-17/more?order=o-18", "o-17"),
        (PATH, "/callbacks/psp", None),
        (PATH, "/x/callbacks/psp/o-17", None),
        (PAID, "/orders/o-17/paid/", "o-17"),
        (PAID, "/orders/o-17/paidx", None),
        (PAID, "/orders/o-17", None),
    ],
)
def test_an_id_is_read_where_it_is_carried(source: IdSource, path: str, id_: str | None) -> None:
    assert carried(source, Request(path)) == id_


def test_a_header_is_taken_as_it_is() -> None:
    assert carried(HEADER, Request("/", {"x-round-id": "r%40"})) == "r%40"
    assert carried(HEADER, Request("/")) is None


def test_ids_that_are_known_come_first_then_the_first_that_names_a_version() -> None:
    assert led_to(BOTH, KINDS, Request("/x?order=o-2@1.1.0", {"x-round-id": "r-1"})) == "1.0.0"
    assert led_to(BOTH, KINDS, Request("/x?order=o-2@1.1.0", {"x-round-id": "r-2@1.0.0"})) == "1.0.0"
    assert led_to(BOTH, KINDS, Request("/x?order=o-2@1.1.0", {"x-round-id": "r-2@9.9.9"})) == "1.1.0"
    assert led_to(BOTH, KINDS, Request("/callbacks/psp/o-1")) == "1.1.0"
    assert led_to(BOTH, KINDS, Request("/x?order=o-1")) is None  # in a query the edge sees only what an id names
    assert led_to(BOTH, KINDS, Request("/x?order=o-2")) is None


def test_sources_are_called_by_what_people_write() -> None:
    assert [str(each) for each in (HEADER, QUERY, PATH)] == [
        "the header X-Round-Id",
        "the query parameter order",
        "the path /callbacks/psp/{id}",
    ]


@given(
    st.lists(st.sampled_from(["o-1", "r", "@", "%40", "1.1.0", "1.0.0", "2.0.0"]), max_size=4).map("".join),
    st.sets(st.sampled_from(["1.0.0", "1.1.0"])),
)
def test_an_id_that_a_client_made_up_leads_only_to_what_is_led_to(made_up: str, versions: set[str]) -> None:
    pins = Pins(tuple(sorted(versions)))
    request = Request(f"/callbacks/psp/{made_up}?order={made_up}", {"x-round-id": made_up})
    assert led_to(pins, KINDS, request) in {None, *versions}
