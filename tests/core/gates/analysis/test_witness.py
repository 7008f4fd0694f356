"""A result that a metric fails on is found for what people write, and not where there is none."""

import pytest

from croupier.core.gates.analysis.model import Metric, PrometheusQuery
from croupier.core.gates.analysis.run import Phase, judged
from croupier.core.gates.analysis.witness import failing

ASK = PrometheusQuery("up")


@pytest.mark.parametrize(
    "success, failure",
    [
        ("result[0] >= 0.95", None),
        (None, "result[0] >= 5"),
        ("result == 'true'", None),
        (None, "result == 'down'"),
        ("result == true", None),
        ("asFloat(result) < 0.05", None),
        ("asInt(result) > 10", None),
        ("all(result, # < 0.3)", None),
        (None, "any(result, # > 0.3)"),
        (None, "len(result) > 5"),
        ("len(result) == 0 || isNaN(result[0]) || result[0] < 0.01", None),
        ("result.data.ok == 'yes' && result.data.errors < 3", None),
        ("result.items[0].ok", None),
        ("len(result.values) == 0 || result.values[0] < 5", None),
        ("all(result.groups, .rate < 5)", None),
        ("any(result, .state == 'firing') == false", None),
        ("result['a b'].c > 1", None),
        ("default(result, 0) < 5", None),
        ("result.a.b < 1 && result.a != nil", None),
    ],
)
def test_one_is_found(success: str | None, failure: str | None) -> None:
    asked = Metric("rate", ASK, success, failure)
    found = failing(asked, 7.0)
    assert found is not None
    assert found.at == 7.0
    assert judged(asked, found, argo=False)[0] is Phase.FAILED


@pytest.mark.parametrize(
    "success, failure",
    [
        (None, None),
        ("true", None),
        (None, "1 > 2"),
        ("result == result or true", None),
        (None, "result != result and false"),
    ],
)
def test_none_is_found(success: str | None, failure: str | None) -> None:
    assert failing(Metric("rate", ASK, success, failure)) is None


def test_a_search_takes_no_more_work_than_it_may() -> None:
    """It says that none was found, where it would have to ask much of hundreds of results."""
    numbers = " or ".join(f"result == {each}" for each in range(30))
    late = f"({numbers} or true) and result != 77"
    found = failing(Metric("a", PrometheusQuery("up"), late))
    assert found is not None
    assert found.value == "77.0"
    assert failing(Metric("a", PrometheusQuery("up"), f"all(1..9000, # > 0) and {late}")) is None
