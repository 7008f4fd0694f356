"""Flags and presets in files: as documents and bare, one or very many, and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from croupier.adapters.manifests import FlagDraft, parse_objects, parse_text, read_paths, to_objects
from croupier.core.flags.model import Flag, FlagType, OnExpiry, Override, Prerequisite, Rule, Share
from croupier.core.flags.preset import Change, Preset
from croupier.core.flags.read import read_flag

BARE = (
    '{"feature": "payments_v2", "rules": [{"if": "market in [\'DE\',\'SE\']", "rollout": 0.25}, '
    '{"if": "brand == \'X\' && user.isEmployee", "rollout": 1.0}], "kill_switch": false}'
)
HEAD = "apiVersion: croupier/v1\nkind: Flag\nmetadata: {name: payments_v2}\nspec:\n"
DUTIES = "  owner: payments\n  expires: 2027-01-31\n"


def flag_of(text: str) -> Flag:
    bundle = parse_text(text)
    assert [str(problem) for problem in bundle.problems] == []
    (draft,) = bundle.flags
    assert bundle.items == (draft,)
    return draft.flag


def complaints(text: str) -> list[str]:
    return [str(found).removeprefix("<text>:") for found in parse_text(text).problems]


def test_the_bare_flag_works_as_it_stands() -> None:
    assert flag_of(BARE) == read_flag(json.loads(BARE))
    assert flag_of(BARE).rules[0].rollout == 2_500


@pytest.mark.parametrize("text", [f"[{BARE}]", f" [ {BARE} ] ", f"- {BARE}\n", "feature: payments_v2\nrules: []\n"])
def test_a_bare_flag_may_stand_in_a_list_or_in_yaml(text: str) -> None:
    assert flag_of(text).key == "payments_v2"


def test_a_document_says_all_that_a_flag_can_be() -> None:
    text = f"""{HEAD}{DUTIES}
  type: experiment
  onExpiry: warn
  description: who pays how
  tags: [pay]
  variants: {{off: 0, a: 1, b: 2}}
  default: a
  safe: b
  enabled: false
  killSwitch: true
  rules:
    - {{name: first, if: "market == 'DE'", rollout: 0.5, variants: {{a: 70, b: 30}}, bucketing: {{variantSalt: v}}}}
  prerequisites: [{{flag: new_lobby, variants: ["on"]}}]
  environments: {{test: {{enabled: true, rules: [{{variant: a}}], default: b}}}}
  bucketing: {{salt: s, variantSalt: w, by: user.id}}
"""
    flag = flag_of(text)
    assert (flag.type, flag.on_expiry, flag.owner, flag.tags) == (
        FlagType.EXPERIMENT,
        OnExpiry.WARN,
        "payments",
        ("pay",),
    )
    assert flag.expires_at == 1_801_440_000  # the end of that day
    assert (flag.default, flag.safe, flag.enabled, flag.kill_switch) == ("a", "b", False, True)
    (rule,) = flag.rules
    assert (rule.name, rule.rollout, rule.serve) == ("first", 5_000, (Share("a", 70), Share("b", 30)))
    assert rule.bucketing is not None
    assert (rule.bucketing.variant_salt, flag.bucketing.variant_salt, flag.bucketing.by) == ("v", "w", "user.id")
    assert flag.prerequisites == (Prerequisite("new_lobby", ("on",)),)
    assert flag.environments == {"test": Override(True, (Rule(serve=(Share("a", 1),)),), "b")}


def test_a_time_with_its_zone_is_taken_as_it_is() -> None:
    bare = {"feature": "a", "expires": "2027-01-31T12:00:00+01:00"}
    (draft,) = parse_objects([bare]).flags
    assert draft.flag.expires_at == 1_801_393_200
    assert to_objects(draft) == bare


@pytest.mark.parametrize(
    "spec, expected",
    [
        ("  owner: pay\n", "5:3 spec.expires: flags of type release need an expiry. Write until when"),
        ("  type: experiment\n  expires: 2027-01-31\n", "spec.owner: flags of type experiment need an owner."),
        (f"{DUTIES}  expires_at: 3\n", "7:3 spec.expires_at: unknown field 'expires_at'; did you mean 'expires'?"),
        ("  owner: pay\n  expires: soon\n", '6:12 spec.expires: "soon" is no day. Write a day, 2027-01-31'),
        ("  owner: pay\n  expires: 20270131\n", "6:12 spec.expires: expected a day, found the number 20270131."),
        ("  owner: pay\n  expires: 2027-01-31T12:00\n", "spec.expires: \"2027-01-31T12:00\" has no time zone."),
        (f"{DUTIES}  enabled: yes\n", '7:12 spec.enabled: expected true or false, found the text "yes".'),
        (f"{DUTIES}  type: opps\n", "7:9 spec.type: 'opps' is not known. Known are release, ops,"),
        (f"{DUTIES}  killSwitch: 1\n", "7:15 spec.killSwitch: expected true or false"),
        (f"{DUTIES}  rules: [{{rollout: 25}}]\n", "7:21 spec.rules[0].rollout: 25 is not between 0 and 1. Did you"),
        (f"{DUTIES}  rules: [{{rollout: a}}]\n", '7:21 spec.rules[0].rollout: expected a number from 0 to 1, found'),
        (f"{DUTIES}  rules: [{{variants: {{on: 1.5}}}}]\n", "spec.rules[0].variants.on: expected a whole number"),
        (f"{DUTIES}  rules:\n    - if: market in\n", "8:11 spec.rules[0].if: column"),
        (f"{DUTIES}  rules:\n    - if: segment('vip')\n", "8:11 spec.rules[0].if: unknown segment 'vip'."),
        (f"{DUTIES}  default: of\n", "7:12 spec.default: there is no variant 'of'."),
        (f"{DUTIES}  bucketing: {{variantSalt: ''}}\n", "spec.bucketing.variantSalt: expected text, found an"),
        (f"{DUTIES}  variants: {{a: 1}}\n", "spec.off: which variant answers while the flag is off?"),
        (f"{DUTIES}  environments: {{test: {{default: x}}}}\n", "spec.environments.test.default: there is no variant"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_document_has_its_place(spec: str, expected: str) -> None:
    (said,) = complaints(HEAD + spec)
    assert expected in said


def test_all_kinds_of_mistakes_are_told_at_once() -> None:
    """Of its shape, of what its fields mean, and of its conditions: who mends it mends it once."""
    rules = "  rules:\n    - {if: market =, rollout: 25}\n    - {if: x, variant: blu}\n"
    found = complaints(f"{HEAD}{DUTIES}  enabld: true\n  default: blue\n{rules}")
    fields = [said.split(" ")[1].rstrip(":") for said in found]
    assert sorted(fields) == [
        "spec.default",
        "spec.enabld",
        "spec.rules[0].if",
        "spec.rules[0].rollout",
        "spec.rules[1].variant",
    ]
    bare = '{"feature": "a", "enabld": true, "rules": [{"if": "market =", "rollout": 25}]}'
    assert len(complaints(bare)) == 3
    there = '{"feature": "a", "x": 1, "environments": {"test": {"rules": [{"if": "market ="}, 7]}, "b": 3}}'
    assert any("environments.test.rules[0].if: column" in said for said in complaints(there))


def test_a_name_is_judged_as_code_will_write_it() -> None:
    (said,) = complaints((HEAD + DUTIES).replace("payments_v2", "a/b"))
    assert said.startswith('3:18 metadata.name: "a/b" cannot be a name here.')


@pytest.mark.parametrize(
    "bare, expected",
    [
        ('{\n "feature": "a",\n "rules": [{"iff": "x"}]}', ["3:20 rules[0].iff: unknown field. Did you mean 'if'?"]),
        ('{"feature": "a", "expires": "x"}', ['1:29 expires: "x" is no day.']),
        ('{"feature": "a", "expires": "2027-01-31", "expires_at": 3}', ["expires_at: 'expires' and 'expires_at' toge"]),
        ('{"feature": "a", "expires_at": "x"}', ["1:32 expires_at: expected seconds since 1970"]),
        ('{"feature": "a", "feature": "b"}', ["1:18 'feature' is written twice"]),
        ('[{"feature": "a"},\n {"feature": "a"}]', ["[1].feature: there are two Flag documents named 'a'."]),
        ('[{"feature": "a"},\n  {"feature": "b", "x": 1}, {"feature": 7}]', ["2:25 x: unknown", "2:41 feature: "]),
        ('[{"feature": "a"}, {"kind": "Gate"}]', ["1:1 expected a document, found a list."]),
        ('{"feature": "a", "rules": [{"if": "market ="}]}', ["1:35 rules[0].if: column 8"]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_bare_flag_has_its_place(bare: str, expected: list[str]) -> None:
    found = complaints(bare)
    assert len(found) >= len(expected)
    for said, beginning in zip(found, expected, strict=False):
        assert beginning in said


def test_segments_that_conditions_name_must_exist() -> None:
    segment = "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: vip}\nspec: {match: {tier: [gold]}}\n"
    rules = "  rules: [{if: \"segment('vip')\"}]\n  environments: {test: {rules: [{if: \"segment('vip')\"}]}}\n"
    bundle = parse_text(f"{segment}---\n{HEAD}{DUTIES}{rules}")
    assert bundle.problems == ()
    assert [name for name, _ in bundle.flags[0].segments] == ["vip", "vip"]


def test_a_preset_names_its_changes() -> None:
    text = """
apiVersion: croupier/v1
kind: Preset
metadata: {name: old-button}
spec:
  description: the old payment button
  changes:
    - {flag: payments_v2, kill: true}
    - {flag: new_lobby, environment: production, enabled: false, rules: [{bucketing: {variantSalt: x}}], default: "off"}
"""
    (draft,) = parse_text(text).presets
    settings = {"enabled": False, "rules": [{"bucketing": {"variant_salt": "x"}}], "default": "off"}
    changes = (Change("payments_v2", kill=True), Change("new_lobby", False, "production", settings))
    assert draft.preset == Preset("old-button", changes, "the old payment button")
    assert (draft.name, to_objects(draft)["kind"]) == ("old-button", "Preset")


@pytest.mark.parametrize(
    "changes, expected",
    [
        ("[]", "spec.changes: this is empty."),
        ("[{flag: a}]", "spec.changes[0]: nothing is to change. Write kill: true, or enabled"),
        ("[{flag: a, kill: true, enabled: true}]", "spec.changes[0]: write either kill: true, or what to set"),
        ("[{flag: a, kill: true, environment: x}]", "spec.changes[0].environment: a kill is for every environment."),
    ],
)
def test_a_mistake_in_a_preset_has_its_place(changes: str, expected: str) -> None:
    head = "apiVersion: croupier/v1\nkind: Preset\nmetadata: {name: p}\n"
    (said,) = complaints(f"{head}spec: {{changes: {changes}}}\n")
    assert expected in said


def test_two_presets_of_one_name_are_told() -> None:
    one = "apiVersion: croupier/v1\nkind: Preset\nmetadata: {name: p}\nspec: {changes: [{flag: a, kill: true}]}\n"
    assert complaints(f"{one}---\n{one}")[0].startswith("8:18 metadata.name: there are two Preset documents")


def test_a_file_may_hold_very_many_flags(tmp_path: Path) -> None:
    flags: list[dict[str, Any]] = [{**json.loads(BARE), "feature": f"flag-{number}"} for number in range(20_000)]
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(flags))
    assert file.stat().st_size > 2 << 20
    bundle = read_paths([tmp_path])
    assert (len(bundle.flags), bundle.problems) == (20_000, ())
    flags[19_999]["oops"] = 1
    file.write_text(json.dumps(flags, indent=1))
    (wrong,) = read_paths([tmp_path]).problems
    assert wrong.line == file.read_text().count("\n") - 1
    assert wrong.problem.field == "oops"


def test_after_many_mistakes_places_are_counted_not_looked_up() -> None:
    found = complaints(json.dumps([{"feature": f"flag-{number}", "x": 1} for number in range(102)]))
    assert len(found) == 102
    assert sum(said.startswith("1:") for said in found) == 100
    assert any("[101].x" in said for said in found)


def test_more_flags_than_are_taken_are_refused() -> None:
    many = json.dumps([{"feature": "a"}]).replace("[", "[" + '{"feature": "a"},' * 100_000)
    assert complaints(many) == [" there are 100001 flags, at most 100000 are taken. Name fewer."]


def test_large_json_of_another_kind_is_refused() -> None:
    assert "the text is too large" in complaints(json.dumps({"apiVersion": "croupier/v1", "x": "y" * (1 << 20)}))[0]


def test_a_request_may_hold_many_flags() -> None:
    objects = [{"feature": f"flag-{number}", "rules": [{"if": "a", "rollout": 0.5}] * 20} for number in range(1_500)]
    bundle = parse_objects(objects)
    assert (len(bundle.flags), bundle.problems) == (1_500, ())
    assert isinstance(bundle.items[0], FlagDraft)


def test_what_a_file_says_but_rarely_means_has_its_place_too(tmp_path: Path) -> None:
    bare = """{"feature": "warny",
 "expires": "2020-01-31", "environments": {"moon": {}},
 "rules": [{"if": "market > 3"}]}"""
    spec = "  rules:\n    - if: market in [DE]\n      rollout: 0\n"
    (tmp_path / "warny.json").write_text(bare)
    (tmp_path / "warny.yaml").write_text(HEAD + DUTIES.replace("2027", "2997") + spec)
    bundle = read_paths([tmp_path])
    assert bundle.errors == ()
    assert [str(found).removeprefix(f"{tmp_path}/") for found in bundle.warnings] == [
        (
            "warny.json:2:13 warning: expires: this is in the past: the flag counts as expired at once. "
            "Write a later date."
        ),
        "warny.json:3:19 warning: rules[0].if: column 8: market is a string, 3 is a number: > can never be decided.",
        "warny.yaml:8:11 warning: spec.rules[0].if: column 12: no attribute DE is known: did you mean 'DE'?",
        "warny.yaml:9:16 warning: spec.rules[0].rollout: a rollout of 0 takes nobody. Raise it, or remove the rule.",
    ]
    assert parse_text(bare).problems == ()  # the control plane gives advice of its own
