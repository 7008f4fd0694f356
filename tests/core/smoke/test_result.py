"""What came of a check."""

from croupier.core.smoke import CheckResult, Outcome


def test_only_what_passed_has_passed() -> None:
    assert [CheckResult("c", outcome).passed for outcome in Outcome] == [True, False, False]
