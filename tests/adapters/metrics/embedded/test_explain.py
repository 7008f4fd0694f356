"""What is said of a gate's words by what a version has counted: refused, doubted, or let be."""

import pytest

from croupier.adapters.metrics.embedded.explain import blind, doubtful
from croupier.adapters.metrics.embedded.page import Page
from croupier.adapters.metrics.never_good import PLENTY
from croupier.core.gates import EventsSli, LatencySli, Matchers, RatioSli, Sli


def deposits(**counted: int) -> list[Page]:
    lines = [f'deposits_total{{outcome="{outcome}",psp="adyen"}} {value}' for outcome, value in counted.items()]
    return [Page("\n".join(["# TYPE deposits_total counter", *lines, ""]))]


def ratio(*good: str, total: Matchers = ()) -> RatioSli:
    return RatioSli("deposits_total", good=(("outcome", good),), total=total)


def test_a_good_value_that_none_of_plenty_has_is_refused_with_those_that_exist() -> None:
    said = blind(ratio("succes"), (), "bet 1", deposits(success=PLENTY, failed=2))
    assert said == (
        "none of the 102 events that bet 1 counted is good: outcome is never 'succes'; "
        "'deposits_total' of bet 1 has outcome 'failed', 'success'; did you mean 'success'?"
    )


@pytest.mark.parametrize(
    "counted, sli",
    [
        ({"success": PLENTY - 1}, ratio("succes")),  # too few to tell
        ({"success": 0, "failed": 1_000}, ratio("success")),  # known, and bad luck
        ({"success": 1_000}, ratio("settled", "success")),  # one of them is enough
        ({"declined": 1_000}, ratio("success", total=(("outcome", ("success", "failed")),))),  # nothing that counts
        ({}, ratio("succes")),  # nothing happened at all
        ({"success": 1_000}, EventsSli("deposits_total", (("outcome", ("double",)),))),  # has not happened, happily
    ],
)
def test_what_may_only_not_have_happened_yet_is_let_be(counted: dict[str, int], sli: Sli) -> None:
    assert blind(sli, (), "bet 1", deposits(**counted)) is None


def test_values_that_exist_but_never_together() -> None:
    good = (("outcome", ("success",)), ("psp", ("trustly",)))
    page = Page('deposits_total{outcome="success",psp="adyen"} 90\ndeposits_total{outcome="bad",psp="trustly"} 90\n')
    said = blind(RatioSli("deposits_total", good=good), (), "bet 1", [page])
    assert (
        said
        == "none of the 180 events that bet 1 counted is good: nothing has all of outcome, psp as the gate wants them"
    )


def test_groups_need_a_label_that_some_series_has() -> None:
    pages = deposits(success=PLENTY)
    assert blind(ratio("success"), ("psp", "outcome"), "bet 1", pages) is None
    assert blind(ratio("success"), ("psp", "ps"), "bet 1", pages) == (
        "'deposits_total' of bet 1 has no label 'ps'; it has outcome, psp; did you mean 'psp'?"
    )
    assert blind(ratio("success"), ("ps",), "bet 1", deposits()) is None  # nothing has happened yet


def test_the_events_of_all_instances_count() -> None:
    pages = [*deposits(success=PLENTY // 2), *deposits(failed=PLENTY // 2)]
    assert blind(ratio("ok"), (), "bet 1", pages) is not None
    assert blind(ratio("failed"), (), "bet 1", pages) is None


@pytest.mark.parametrize(
    "sli, doubt",
    [
        (ratio("success", total=(("outcome", ("success", "failed")),)), None),  # no error yet
        (ratio("success", total=(("outcome", ("success", "declind")),)), "outcome='declind' was never counted; "),
        (ratio("success", total=(("psp", ("trustly",)),)), "psp='trustly' was never counted; "),
        (EventsSli("deposits_total", (("outcome", ("succes",)),)), "outcome='succes' was never counted; "),
        (LatencySli("deposits_total", 0.4, (("outcome", ("ok",)),)), None),  # another kind of metric
        (EventsSli("edge_requests_total", (("code", ("600",)),)), None),  # labelled by us
        (EventsSli("edge_nonsense_total", (("code", ("600",)),)), None),
    ],
)
def test_what_may_be_misspelt_is_only_doubted(sli: Sli, doubt: str | None) -> None:
    pages = deposits(success=1_000, declined=3)
    said = doubtful(sli, "bet 1", pages)
    assert (said is None) == (doubt is None)
    assert (said or "").startswith(doubt or "")
