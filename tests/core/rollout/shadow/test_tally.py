"""Reports: ids collapse, secrets never show, nothing grows without bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout.shadow.differ import Outcome
from croupier.core.rollout.shadow.report import Difference, ShadowReport
from croupier.core.rollout.shadow.tally import MOST, OTHERS, Tally, example, merged, template


@pytest.mark.parametrize(
    "path, shown",
    [
        ("/", "/"),
        ("/payments/balance?x=1", "/payments/balance"),
        ("/rounds/42/bets", "/rounds/{id}/bets"),
        ("/p/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/p/{id}"),
        ("/p/deadbeef", "/p/{id}"),
        ("/p/player-000123456", "/p/{id}"),
        ("/p/ann@casino.example", "/p/{id}"),
        ("/api/v1/games", "/api/v1/games"),
        ("/a/b/c/d/e/f/g/h/i", "/a/b/c/d/e/f/g/h/…"),
    ],
)
def test_paths_without_ids(path: str, shown: str) -> None:
    assert template(path) == shown


@pytest.mark.parametrize(
    "field, pair, shown",
    [
        ("$.price", ("10", "12"), ("10", "12")),
        ("$.text", ("a b " * 30, "x"), (("a b " * 30)[:59] + "…", "x")),
        ("$.sessionToken", ("1", "2"), None),
        ("header:authorization", ("1", "2"), None),
        ("$.holder.email", ("1", "2"), None),
        ("$.x", ('"4111111111111111"', "2"), None),
        ("$.x", ("1", '"eyJhbGciOi.x"'), None),
        ("$.x", ("1", '"ann@casino.example"'), None),
        ("$.players[*].login", ("1", '"olga"'), None),
        ("$.player", ('"olga"', '"Olga"'), None),
        ("$.player.balance", ("10", "12"), ("10", "12")),
        ("$.x", ("1", '"10.1.2.3"'), None),
        ("$.x", ("1", '"+46 70 123 45 67"'), None),
        ("$.x", ("1", '"4111 1111 1111 1111"'), None),
        ("$.x", ("1", '"' + "ab12" * 8 + '"'), None),
    ],
)
def test_examples_without_secrets(field: str, pair: tuple[str, str], shown: tuple[str, str] | None) -> None:
    assert example(field, pair) == shown


def test_a_path_names_nobody_whom_the_request_names() -> None:
    assert template("/players/olga/limits", {"olga", "SE"}) == "/players/{id}/limits"
    assert template("/players//limits", {"olga"}) == "/players//limits"


def test_a_report_of_what_was_compared() -> None:
    tally = Tally()
    tally.add("/r/1", Outcome((("$.price", ("1", "2")),), noisy=True))
    tally.add("/r/2", Outcome((("$.price", ("1", "2")), ("$.token", ("a", "b")))))
    tally.add("/r/3", Outcome())
    tally.skip("large")
    tally.skip("large")
    assert tally.report(4) == ShadowReport(
        4,
        3,
        2,
        1,
        (("large", 2),),
        (Difference("/r/{id}", "$.price", 2, (("1", "2"),)), Difference("/r/{id}", "$.token", 1)),
    )


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3)), max_size=600))
def test_nothing_is_lost_and_nothing_grows(seen: list[tuple[int, int]]) -> None:
    tally = Tally()
    for path, field in seen:
        tally.add(f"/x{path}", Outcome(((f"$.f{field}", (str(path), str(field))),)))
    report = tally.report()
    assert report.compared == report.differing == len(seen)
    assert sum(each.count for each in report.differences) == len(seen)
    assert len(report.differences) <= MOST + 1
    assert all(len(each.examples) <= 3 for each in report.differences)


def test_what_is_beyond_the_limit_is_counted_together() -> None:
    tally = Tally()
    for number in range(MOST + 5):
        tally.add(f"/x{number}", Outcome((("$.a", ("1", "2")),)))
    assert tally.report().differences[0] == Difference(*OTHERS, 5)


def test_reports_of_one_step_become_one() -> None:
    one = ShadowReport(2, 10, 1, 2, (("large", 1),), (Difference("/a", "$.x", 1, (("1", "2"),)),))
    other = ShadowReport(2, 5, 3, 0, (("slow", 1),), (Difference("/a", "$.x", 1), Difference("/b", "$.y", 5)))
    assert merged([one, other]) == ShadowReport(
        2,
        15,
        4,
        2,
        (("large", 1), ("slow", 1)),
        (Difference("/b", "$.y", 5), Difference("/a", "$.x", 2, (("1", "2"),))),
    )
