"""Why a gate says what it says, from the command line."""

from typing import Any

from croupier.cli.plot import Series, plot


def test_the_gates_of_a_rollout(canary: Any, cli: Any) -> None:
    found = cli("gate", "explain", "shop-2")
    assert found.code == 0
    assert found.out.startswith("ok pass (classic) 95 % or more of shop_requests_total good\n")
    assert "  0 violations in a row, 3 fail: 3 more.\n" in found.out
    assert "\nGROUP\tCANARY\tGOOD\tSTABLE\tGOOD\tIN A ROW\nall\t" in found.out
    assert "Intervals hold with 95 % at all times at once" in found.err
    assert cli("gate", "explain", "shop-2", "ok").out.startswith("ok pass")


def test_for_programs(canary: Any, cli: Any) -> None:
    [one] = cli("gate", "explain", "shop-2", "--json").json
    assert one["gate"] == "ok"
    assert set(cli("gate", "explain", "shop-2", "ok", "--json").json) == set(one)


def test_what_there_is_not(canary: Any, cli: Any) -> None:
    assert cli("gate", "explain", "shop-9").code == 3
    found = cli("gate", "explain", "shop-2", "okay")
    assert (found.code, "It has: ok." in found.err) == (3, True)


def test_a_plot_shows_the_limit_and_what_is_over_it() -> None:
    lines = plot(Series([0, 10, 20, 30], [0.0, 2.0, 4.0, 5.0], 4.6, ("100:1", "1:1")), 60)
    assert len(lines) == 8
    assert all(len(line) == 60 for line in lines)
    assert "╌" in lines[1].plain
    assert lines[1].plain.startswith("100:1 ┤")
    assert lines[7].plain.startswith("  1:1 ┤")
    heights = [sum(line.plain[column] in "▁▂▃▄▅▆▇█" for line in lines) for column in (8, 30, 45, 59)]
    assert heights == sorted(heights)
    assert heights[0] == 0
    assert any(span.style == "red" for line in lines for span in line.spans)


def test_a_plot_of_two_looks_at_once() -> None:
    assert len(plot(Series([5, 5], [1.0, 2.0], 3.0, ("3", "0")), 5)) == 8


def test_an_attempt_before_the_present_one(canary: Any, cli: Any) -> None:
    assert cli("rollout", "abort", "shop-2", "--reason", "it smells").code == 0
    canary.until("shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert cli("rollout", "retry", "shop-2").code == 0
    now = cli("gate", "explain", "shop-2", "ok")
    assert "This is attempt 2, which began with the whole budget; of the one before: --attempt 1" in now.err
    before = cli("gate", "explain", "shop-2", "ok", "--attempt", "1")
    assert before.out.startswith("ok pass")
    assert cli("gate", "explain", "shop-2", "ok", "--attempt", "1", "--json").json["attempt"] == 1
    missing = cli("gate", "explain", "shop-2", "--attempt", "3")
    assert (missing.code, "It is at attempt 2." in missing.err) == (3, True)
