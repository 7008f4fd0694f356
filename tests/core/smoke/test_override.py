"""What a signed request asks for, as the edge reads it."""

from croupier.core.smoke.override import named, naming, versions_claim


def test_a_claim_names_each_version_between_bars() -> None:
    claim = versions_claim([("promo", "2.0.0"), ("payments", "1.1.0")])
    assert claim == "|payments@1.1.0|promo@2.0.0|"
    assert named("payments", "1.1.0") in claim
    assert named("payments", "1.1.0-rc.1") not in claim
    assert naming("promo") in claim
    assert naming("pay") not in claim
