from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.sequential.bound import FAILURES, SLOW, Prior, evidence_below, upper

priors = st.sampled_from([FAILURES, SLOW])


@given(st.integers(0, 10**6), st.integers(0, 10**6), priors)
def test_the_bound_is_above_what_was_seen(bad: int, good: int, prior: Prior) -> None:
    total = bad + good
    bound = upper(bad, total, prior)
    assert (bad / total if total else 0.0) <= bound <= 1.0


@given(st.integers(0, 100), st.integers(100, 10**6), priors)
def test_one_more_failure_never_lowers_it(bad: int, total: int, prior: Prior) -> None:
    assert upper(bad + 1, total + 1, prior) >= upper(bad, total + 1, prior)


def test_nothing_seen_excludes_nothing() -> None:
    assert upper(0, 0, FAILURES) == 1.0
    assert evidence_below(0.5, 0, 0, FAILURES) == 0.0


def test_an_estimate_above_the_rate_is_no_evidence_below_it() -> None:
    assert evidence_below(0.01, 5, 100, FAILURES) == 0.0
