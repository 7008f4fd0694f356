"""The profiles that come with the package, and what a Rollout may say of them."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from croupier.adapters.manifests import parse_text, profiles, schemas
from croupier.adapters.manifests.complaints import complaints_of
from croupier.adapters.manifests.profiles import plain_data, profile_file
from croupier.adapters.manifests.schemas import profile_schema
from croupier.adapters.manifests.shapes import ProfileFileShape
from croupier.adapters.manifests.words import PROFILES
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.model import HOTFIX, Disruption, Lane
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Approval, RolloutSpec, SetWeight
from croupier.core.segments import BUCKETS

EACH = pytest.mark.parametrize("name", PROFILES)
HEAD = "apiVersion: croupier/v1\nkind: Rollout\nmetadata: {name: shop}\nspec:\n  service: shop\n"


def read(spec: str) -> Any:
    """References to others are left alone."""
    return parse_text(HEAD + "".join(f"  {line}\n" for line in spec.splitlines()), "f", None)


def rollout(spec: str) -> RolloutSpec:
    bundle = read(spec)
    assert not bundle.errors, bundle.problems
    found = bundle.documents[0].spec
    assert isinstance(found, RolloutSpec)
    return found


def said(spec: str) -> list[str]:
    return [str(item.problem) for item in read(spec).errors]


@EACH
def test_each_file_is_sound_and_gives_its_reasons(name: str) -> None:
    data = plain_data(profile_file(name).text)
    _, complaints = complaints_of(ProfileFileShape, data, {})
    assert complaints == []
    assert list(Draft202012Validator(profile_schema()).iter_errors(data)) == []
    assert data["profile"] == name
    fields = set(data) - {"profile", "about", "why"}
    assert set(data["why"]) == fields


@EACH
def test_each_is_enough_for_a_rollout_and_as_careful_as_itself(name: str) -> None:
    spec = rollout(f"profile: {name}")
    for hotfix in (False, True):
        plan = resolve(spec, (), (), hotfix=hotfix)
        assert plan.loosened == ()
        assert plan.profile is not None
        assert plan.profile.name == name


@EACH
def test_shares_rise_and_a_hotfix_begins_small(name: str) -> None:
    profile = profile_file(name).profile
    for lane in (profile.usual, profile.hotfix):
        shares = [rung.weight_bp for rung in lane.rungs]
        assert shares == sorted(set(shares))
        rises = [after - before for before, after in zip([0, *shares], [*shares, BUCKETS], strict=True)]
        assert max(rises) <= lane.disruption.jump_bp
        assert all(rung.hold_s >= lane.disruption.between_s for rung in lane.rungs)
    first = [rung.weight_bp for rung in profile.hotfix.rungs[:2]]
    assert 100 <= min(first) <= max(first) <= 500
    assert _seconds(profile.hotfix) < _seconds(profile.usual) / 2


def _seconds(lane: Lane) -> float:
    return sum(rung.hold_s for rung in lane.rungs)


def test_the_lane_without_a_profile_is_the_generic_one() -> None:
    assert profile_file("generic").profile.hotfix == HOTFIX


def test_each_has_a_digest_of_its_own() -> None:
    digests = Counter(profile_file(name).profile.digest for name in PROFILES)
    assert set(digests.values()) == {1}


def test_another_edition_of_a_profile_makes_another_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody could bring it to a control plane: what is applied again unchanged changes nothing."""
    before = read("profile: auth").documents[0].digest
    assert read("profile: auth").documents[0].digest == before
    known = profile_file("auth")
    newer = replace(known, profile=replace(known.profile, digest="sha256:newer"))
    monkeypatch.setattr(profiles, "profile_file", lambda _: newer)
    assert read("profile: auth").documents[0].digest != before


def test_what_is_written_holds_instead_of_the_profiles() -> None:
    spec = rollout(
        "profile: {name: auth, gates: {login-success: logins}, without: [edge-4xx]}\n"
        "approval: {of: admin, from: 2}\n"
        "disruption: {jump: 60}\n"
        "keepStable: 1h\n"
        "strategy: {canary: {steps: [{setWeight: 40}, {approval: {}}]}}"
    )
    assert spec.steps == (SetWeight(4_000), Approval(Consent()))
    assert spec.guards == ("logins", "edge-5xx", "api-p95")
    assert spec.consent == Consent(2, ("admin",))
    assert spec.disruption == Disruption(120.0, 6_000)
    assert (spec.timing.keep_stable_s, spec.timing.progress_deadline_s) == (3_600.0, 300.0)


def test_without_a_profile_nothing_is_bound() -> None:
    spec = rollout("strategy: {canary: {steps: [{setWeight: 5}, {pause: {}}]}}")
    assert (spec.profile, spec.consent, spec.disruption) == (None, None, None)


@pytest.mark.parametrize(
    "spec, expected",
    [
        ("profile: payment", "spec.profile: 'payment' is no profile; did you mean 'payments'?"),
        ("profile: {name: x}", "spec.profile.name: 'x' is no profile."),
        ("segment: de", "spec: there is neither a strategy nor a profile."),
        ("profile: auth\napproval: {of: viewer}", "spec.approval.of: 'viewer' is no role that may approve"),
        ("profile: auth\napproval: {from: 0}", "spec.approval.from: 0 is out of range"),
        ("profile: auth\ndisruption: {jump: 101}", "spec.disruption.jump: "),
        ("profile: auth\ndisruption: {jump: 0}", "spec.disruption.jump: no rise may be of 0 %: nobody would ever"),
        ("profile: {name: auth, without: [slo]}", "spec.profile.without[0]: there is no gate 'slo' to leave out."),
        ("profile: auth\ndisruption: {jump: 10}", "spec.strategy.canary.steps[4].setWeight: from 5 % to 20 % moves"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(spec: str, expected: str) -> None:
    assert any(expected in message for message in said(spec)), said(spec)


def test_an_editor_knows_the_same() -> None:
    validator = Draft202012Validator(schemas()["rollout"])
    good = plain_data(
        HEAD + "  profile: {name: auth, gates: {login-success: logins}}\n  approval: {of: [admin], from: 2}\n"
    )
    assert list(validator.iter_errors(good)) == []
    for spec in ({"profile": "payment"}, {"profile": "auth", "approval": {"from": 0}}, {}):
        assert list(validator.iter_errors({**good, "spec": {"service": "shop", **spec}}))
