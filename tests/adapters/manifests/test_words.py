"""Words: what is taken. What is refused is in ``test_complaints``."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from tests.adapters.manifests.anything import VALUES, taken_or_refused

from croupier.adapters.manifests import experiment_words, words
from croupier.adapters.manifests.misread import Misread


@pytest.mark.parametrize("written", ["1.0.0", "0.0.0", "1.2.3-rc.1", "1.2.3+build.5", "10.20.30-alpha.1+001"])
def test_versions(written: str) -> None:
    assert words.version(written) == written


@pytest.mark.parametrize("written", ["a", "deposit-slo", "a.b-c.d", "0", "x" * 63])
def test_names(written: str) -> None:
    assert words.name(written) == written


@pytest.mark.parametrize("written", ["/{id}", "/a/{id}", "/a/{id}/paid", "/a.b-c/{id}/x@y"])
def test_paths_that_carry_an_id(written: str) -> None:
    assert words.id_path(written) == written


@pytest.mark.parametrize(
    "written", ["/a", "/a{id}", "/{id}x", "/{id}/{id}", "{id}", "a/{id}", "/../{id}", "/{id}?x=1", "/a//{id}", "/{id}/"]
)
def test_paths_that_carry_none(written: str) -> None:
    with pytest.raises(Misread):
        words.id_path(written)


@pytest.mark.parametrize("written", ["a[b]", "a b", "ä", "a%41", ""])
def test_no_parameters(written: str) -> None:
    with pytest.raises(Misread):
        words.parameter(written)
    assert words.parameter("Order_id.1") == "Order_id.1"


@pytest.mark.parametrize("written", ["-a", "a-", ".a", "a..b", "A", "a_b", "a/b", "ä", "x" * 64, "a\n", ""])
def test_no_names(written: str) -> None:
    with pytest.raises(Misread):
        words.name(written)


@pytest.mark.parametrize(
    "written, better",
    [("7 days", "7d"), ("2 weeks", "2w"), ("1D", "1d"), ("12 hours", "12h"), ("3x", "90s, 5m or 1h30m")],
)
def test_spans_of_experiments_know_days_and_weeks(written: str, better: str) -> None:
    with pytest.raises(Misread) as found:
        experiment_words.span(written)
    assert better in found.value.hint
    assert experiment_words.span("2w") == 14 * 86_400


@pytest.mark.parametrize(
    "reader",
    [
        words.text,
        words.any_text,
        words.version,
        words.name,
        words.label,
        words.metric,
        words.attribute,
        words.url_path,
        words.prefix,
        words.variable,
        words.id_path,
        words.parameter,
    ],
)
@given(value=VALUES)
def test_anything_is_taken_or_refused_in_words(reader: Callable[[object], Any], value: object) -> None:
    taken_or_refused(reader, value)
