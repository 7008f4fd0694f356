"""What a run says: better, worse, the same, not yet; and when it says nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.core.experiments.conftest import FLAG

from croupier.core.experiments import Run, Verdict, dealt, result_of
from croupier.core.experiments.words import duration, headline, odds, percent, sentence
from croupier.core.flags.model import Rule, Share

Made = Callable[..., Run]
EVEN = {"classic": 20_000, "recent": 10_000}
NOW = 87_400.0


def said(run: Run) -> str:
    return headline(run.plan, result_of(run, NOW))


def verdict(run: Run) -> Verdict:
    return result_of(run, NOW).compared[0].verdict


def test_more_of_the_goal_is_better_and_fewer_is_worse(run: Made) -> None:
    better = run(EVEN, {"classic": 2_000, "recent": 1_300})
    assert verdict(better) is Verdict.BETTER
    assert said(better).startswith("recent is better than classic: bet by +")
    worse = run(EVEN, {"classic": 2_000, "recent": 700})
    assert verdict(worse) is Verdict.WORSE
    assert verdict(run(EVEN, {"classic": 2_000, "recent": 1_300}, fewer_is_better=True)) is Verdict.WORSE
    assert verdict(run(EVEN, {"classic": 2_000, "recent": 700}, fewer_is_better=True)) is Verdict.BETTER


def test_a_difference_that_can_only_be_small_is_none_that_matters(run: Made) -> None:
    same = run(EVEN, {"classic": 10_000, "recent": 5_000})
    assert verdict(same) is Verdict.SAME
    assert said(same).startswith("recent and classic differ by less than 10 %: bet by -")


def test_a_certain_difference_is_said_even_if_it_is_too_small_to_matter(run: Made) -> None:
    small = run({"classic": 2_000_000, "recent": 1_000_000}, {"classic": 400_000, "recent": 208_000})
    assert verdict(small) is Verdict.BETTER
    assert "which is less than the 10 % that matter" in said(small)
    fewer = run({"classic": 2_000_000, "recent": 1_000_000}, {"classic": 400_000, "recent": 192_000})
    assert verdict(fewer) is Verdict.WORSE
    assert "which is less than" not in said(run(EVEN, {"classic": 2_000, "recent": 1_300}))


def test_what_is_open_says_how_long_it_takes(run: Made) -> None:
    early = run({"classic": 200, "recent": 100}, {"classic": 20, "recent": 12})
    found = result_of(early, NOW)
    assert found.compared[0].verdict is Verdict.OPEN
    assert found.compared[0].left_s is not None
    assert "not yet" in said(early).lower()
    assert "is found in about" in said(early)
    assert "is found in about 2 days" in said(run(EVEN, {"classic": 1_000, "recent": 540}))
    late = run(EVEN, {"classic": 4_000, "recent": 2_110})
    assert result_of(late, NOW).compared[0].left_s == 0.0
    assert "would have been found" in said(late)


def test_before_anybody_did_anything_nothing_is_promised(run: Made) -> None:
    assert said(run({}, {})).startswith("Nobody was counted yet")
    nobody = run(EVEN, {})
    assert "Nobody did bet yet" in said(nobody)
    found = result_of(nobody, NOW).compared[0]
    assert (found.ratio, found.low, found.high, found.difference, found.left_s) == (None, -1.0, None, None, None)
    one = result_of(run(EVEN, {"recent": 1}), NOW).compared[0]
    assert (one.ratio, one.high) == (None, None)


def test_a_run_that_is_over_has_no_time_left_and_stays_as_it_was(run: Made) -> None:
    over = replace(run(EVEN, {"classic": 20, "recent": 12}), stopped_at=2_000.0)
    found = result_of(over, NOW)
    assert (found.at, found.compared[0].left_s) == (2_000.0, None)
    assert result_of(replace(over, started_at=2e6, stopped_at=None), NOW).compared[0].left_s == 0.0


def test_each_variant_is_counted_with_its_rate(run: Made) -> None:
    control, treated = result_of(run(EVEN, {"classic": 2_000, "recent": 1_300}), NOW).counted
    assert (control.variant, control.exposed, control.converted, control.rate) == ("classic", 20_000, 2_000, 0.1)
    assert control.low < 0.1 < control.high < treated.low < treated.rate
    assert result_of(run(EVEN, {"classic": 2_000, "recent": 1_300}), NOW).players == 30_000


def test_guards_are_told_and_decide_nothing(run: Made) -> None:
    others = {"complaint": {"classic": 100, "recent": 150}, "login": {"classic": 9_000, "recent": 3_500}}
    found = result_of(run(EVEN, {"classic": 200, "recent": 100}, others=others), NOW)
    assert [(item.event, item.verdict) for item in found.guards] == [
        ("complaint", Verdict.WORSE),
        ("login", Verdict.WORSE),
    ]
    assert found.compared[0].verdict is Verdict.OPEN


def test_several_treatments_share_the_error(run: Made) -> None:
    three = {"classic": 1_000, "recent": 500, "popular": 500}
    found = result_of(run(three, {"classic": 100, "recent": 90, "popular": 50}, treatments=()), NOW)
    assert [item.treatment for item in found.compared] == ["recent", "popular"]
    one = result_of(run(EVEN, {}), NOW).compared[0].needed
    assert found.compared[0].needed == pytest.approx(one + 0.693147, abs=1e-6)
    assert "Open: popular." in headline(run(three, {}, treatments=()).plan, found)


def test_players_who_were_not_dealt_as_they_should_be_mean_nothing(run: Made) -> None:
    broken = run({"classic": 20_000, "recent": 9_000}, {"classic": 2_000, "recent": 1_300})
    found = result_of(broken, NOW)
    assert found.sample_log_e >= found.sample_needed
    assert found.compared[0].verdict is Verdict.WITHHELD
    assert "of 29000 players 69 % got 'classic' and 66.7 % were due, 31 % got 'recent'" in said(broken)
    assert said(broken).startswith("No result: sample-ratio mismatch")


def test_many_players_of_two_variants_mean_that_the_id_is_wrong(run: Made) -> None:
    assert "were given two variants" in said(run(EVEN, {"classic": 2_000}, tally={"crossed": 400}))
    for crossed in (99, 300):
        assert "were given" not in said(run(EVEN, {"classic": 2_000, "recent": 1_000}, tally={"crossed": crossed}))


def test_a_flag_that_deals_otherwise_now_makes_the_result_void(run: Made) -> None:
    going = run(EVEN, {"classic": 2_000, "recent": 1_300})
    assert not result_of(going, NOW, dealt(FLAG, "production")).withheld
    other = replace(FLAG, rules=(Rule(name="others", serve=(Share("classic", 1), Share("recent", 1))),))
    found = result_of(going, NOW, dealt(other, "production"))
    assert found.withheld.startswith("lobby deals its players otherwise")
    assert sentence(going.plan, found.compared[0]) == "recent against classic: withheld."


def test_what_is_open_is_said_with_its_bounds(run: Made) -> None:
    early = run({"classic": 200, "recent": 100}, {"classic": 20, "recent": 12})
    found = result_of(early, NOW)
    assert sentence(early.plan, found.compared[0]).startswith("recent against classic is open: bet by -")
    nobody = result_of(run(EVEN, {}), NOW)
    assert sentence(early.plan, nobody.compared[0]).endswith("bet by any amount.")


def test_words() -> None:
    assert (odds(-2.0), odds(7.6), odds(500.0)) == ("1 to 1", "1,998 to 1", "over 1,000,000 to 1")
    assert (percent(0.1234), percent(0.05, signed=True)) == ("12.3 %", "+5 %")
    assert [duration(value) for value in (5, 120, 7_000, 7 * 86_400)] == ["a minute", "2 minutes", "2 hours", "7 days"]


def test_what_was_withheld_when_it_stopped_is_withheld_for_ever(run: Made) -> None:
    stopped = replace(run(EVEN, {"classic": 2_000, "recent": 1_300}), stopped_at=NOW, withheld="its flag changed.")
    assert verdict(stopped) is Verdict.WITHHELD
    assert said(stopped) == "No result: its flag changed."
