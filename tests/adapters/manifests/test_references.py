"""Names across documents: what must exist, what must not exist twice."""

from pathlib import Path

import pytest

from croupier.adapters.manifests import parse_text, read_paths

V1 = "apiVersion: croupier/v1"
SERVICE = f"""{V1}
kind: Service
metadata: {{name: payments}}
spec:
  routes: [{{prefix: /payments}}]
  attributes: {{market: x-market}}
  process: {{command: [serve, "{{port}}"]}}
"""
GATE = f"""{V1}
kind: Gate
metadata: {{name: deposit-slo}}
spec: {{sli: {{ratio: {{metric: m, good: {{o: a}}}}}}, objective: {{atLeast: 99%}}}}
"""
SEGMENT = f"""{V1}
kind: Segment
metadata: {{name: germans}}
spec: {{match: {{market: [DE]}}}}
"""
ROLLOUT = f"""{V1}
kind: Rollout
metadata: {{name: payments}}
spec:
  service: payments
  segment: germans
  strategy:
    canary:
      analysis: {{templates: [{{templateName: deposit-slo}}]}}
      steps: [{{setWeight: 5}}, {{pause: {{}}}}]
"""
RELEASE = f"{V1}\nkind: Release\nspec: {{service: payments, version: 1.0.0}}\n"


def problems(*documents: str, known: tuple[str, ...] = ()) -> list[str]:
    there = parse_text("---\n".join(known), known=None).documents if known else ()
    return [str(problem) for problem in parse_text("---\n".join(documents), "f", there).problems]


def test_a_whole_set_has_no_problem_in_any_order() -> None:
    assert problems(RELEASE, ROLLOUT, SEGMENT, GATE, SERVICE) == []


def test_what_the_server_has_counts() -> None:
    assert problems(RELEASE, ROLLOUT, known=(SERVICE, GATE, SEGMENT)) == []


def test_names_that_do_not_exist() -> None:
    assert problems(ROLLOUT, RELEASE) == [
        "f:5:12 spec.service: unknown service 'payments'. There is no service yet: add a Service document.",
        "f:6:12 spec.segment: unknown segment 'germans'. There is no segment yet: add a Segment document.",
        (
            "f:9:45 spec.strategy.canary.analysis.templates[0].templateName: unknown gate 'deposit-slo'. "
            "There is no gate yet: add a Gate document."
        ),
        "f:14:17 spec.service: unknown service 'payments'. There is no service yet: add a Service document.",
    ]


def test_files_that_are_a_part_may_refer_to_what_is_elsewhere(tmp_path: Path) -> None:
    def said(*documents: str) -> list[str]:
        (tmp_path / "f.yaml").write_text("---\n".join(documents), encoding="utf-8")
        return [f"{item.severity} {item.problem}" for item in read_paths([tmp_path], partial=True).problems]

    assert said(RELEASE) == [
        (
            "warning spec.service: service 'payments' is not in these files, so it was not checked. "
            "'croupier apply --dry-run' checks it against the control plane."
        )
    ]
    assert [line.split(":")[0] for line in said(ROLLOUT, RELEASE)] == [
        "warning spec.service",
        "warning spec.segment",
        "warning spec.strategy.canary.analysis.templates[0].templateName",
        "warning spec.service",
    ]
    # A whole set is not taken for a part: where there are others of the kind, the name is a mistake.
    assert said(SERVICE.replace("payments", "auth"), RELEASE)[0].startswith("error spec.service: unknown service")
    assert not any("error spec.service" in line for line in said(SERVICE.replace("routes:", "rutes:"), RELEASE))


def test_the_flag_of_an_experiment_that_is_elsewhere_was_not_checked(tmp_path: Path) -> None:
    asked = "spec: {flag: %s, control: 'off', goal: {event: bet}, owner: games}"
    experiment = f"{V1}\nkind: Experiment\nmetadata: {{name: e}}\n{asked}\n"

    def said(*documents: str) -> list[str]:
        (tmp_path / "f.yaml").write_text("---\n".join(documents), encoding="utf-8")
        return [f"{item.severity} {item.problem}" for item in read_paths([tmp_path], partial=True).problems]

    unchecked = "is not in these files, so it was not checked"
    hint = "'croupier experiment start' checks it, and the variants, against the control plane."
    flag = '{"feature": "new_lobby", "rules": [{"rollout": 0.5}]}\n'
    assert said(flag, experiment % "new_lobby") == []
    assert said(experiment % "new_lobby") == [f"warning spec.flag: flag 'new_lobby' {unchecked}. {hint}"]
    assert said(flag, experiment % "new_loby") == [
        f"warning spec.flag: flag 'new_loby' {unchecked}; did you mean 'new_lobby'? {hint}"
    ]
    assert problems(experiment % "new_lobby") == []


@pytest.mark.parametrize("partial", [True, False])
def test_an_experiment_and_its_flag_in_the_same_files_have_to_fit(tmp_path: Path, partial: bool) -> None:
    asked = "spec: {flag: lobby, control: %s, goal: {event: bet}, owner: games}"
    experiment = f"{V1}\nkind: Experiment\nmetadata: {{name: e}}\n{asked}\n"

    def said(rules: str, control: str) -> list[str]:
        flag = f'{{"feature": "lobby", "rules": {rules}}}\n'
        (tmp_path / "f.yaml").write_text("---\n".join((flag, experiment % control)), encoding="utf-8")
        found = read_paths([tmp_path], partial=partial).problems
        return [f"{item.line} {item.severity} {item.problem}" for item in found if "spec" in item.problem.field]

    assert said('[{"rollout": 0.5}]', "'off'") == []
    assert said('[{"rollout": 0.5}]', "'of'") == [
        "6 error spec.control: flag 'lobby' has no variant 'of'; did you mean 'off'? Its variants are on, off."
    ]
    (nothing,) = said("[]", "'off'")
    assert nothing.startswith("6 warning spec.flag: lobby in production deals nothing by chance")


def test_a_near_name_is_offered() -> None:
    assert problems(SERVICE, RELEASE.replace("payments", "payment")) == [
        "f:11:17 spec.service: unknown service 'payment'; did you mean 'payments'? There are: payments."
    ]


def test_a_reference_to_a_document_with_mistakes_is_no_second_mistake() -> None:
    assert problems(SERVICE, SEGMENT, ROLLOUT, GATE.replace("99%", "nine")) == [
        ('f:28:70 spec.objective.atLeast: expected a share, found the text "nine". Write for example 99% or 0.99.')
    ]


@pytest.mark.parametrize("document", [SERVICE, GATE, SEGMENT])
def test_two_of_one_name(document: str) -> None:
    kind = document.split("\n")[1].removeprefix("kind: ")
    name = document.split("name: ")[1].split("}", maxsplit=1)[0]
    lines = document.count("\n")
    assert problems(document, document)[0] == (
        f"f:{lines + 4}:18 metadata.name: there are two {kind} documents named '{name}'. "
        "Rename or remove one. The first is f:3."
    )


def test_one_release_written_twice() -> None:
    assert problems(SERVICE, RELEASE, RELEASE) == [
        (
            "f:15:36 spec.version: release 1.0.0 of 'payments' is written twice. "
            "Remove one, or give it a new version. The first is f:11."
        )
    ]


def test_a_document_replaces_the_one_that_the_server_has() -> None:
    assert problems(SERVICE, GATE, SEGMENT, known=(SERVICE, GATE, SEGMENT)) == []


def test_a_segment_that_no_request_of_the_service_can_be_told_by() -> None:
    assert problems(SERVICE.replace("market: x-market", "brand: x-brand"), GATE, SEGMENT, ROLLOUT) == [
        (
            "f:24:12 spec.segment: segment 'germans' asks for 'market', but service 'payments' has no header for it. "
            "Add it to the service: attributes: {market: x-market}."
        )
    ]


def test_a_mistyped_attribute_is_guessed() -> None:
    [found] = problems(SERVICE, GATE, SEGMENT.replace("market:", "markt:"), ROLLOUT)
    assert "has no header for it; did you mean 'market'? Add it to the service" in found


def test_segments_of_steps_are_looked_at_too() -> None:
    wait = "{pause: {duration: 5m}}"
    inline = "{setSegment: {match: {vip: [gold]}, weight: 6}}"
    steps = f"steps: [{{setSegment: {{segment: nordics, weight: 5}}}}, {wait}, {inline}, {wait}, "
    rollout = ROLLOUT.replace("  segment: germans\n", "").replace("setWeight: 5", "setWeight: 1")
    rollout = rollout.replace("steps: [", steps)
    found = problems(SERVICE, GATE, SEGMENT, rollout)
    assert [problem.split(" ", 1)[1] for problem in found] == [
        "spec.strategy.canary.steps[0].setSegment.segment: unknown segment 'nordics'. There are: germans.",
        (
            "spec.strategy.canary.steps[2].setSegment.match: segment 'vip=gold' asks for 'vip', but service 'payments' "
            "has no header for it. Add it to the service: attributes: {vip: x-vip}."
        ),
    ]
    changed = SERVICE.replace("market: x-market", "brand: x-brand")
    german = rollout.replace("segment: nordics", "segment: germans").replace("match: {vip: [gold]}", "segment: germans")
    [left] = problems(changed, known=(SERVICE, GATE, SEGMENT, german))
    assert "rollout 'payments' would not work: segment 'germans' asks for 'market'" in left


def test_players_compared_with_others_are_warned_of() -> None:
    steps = "steps: [{setSegment: {segment: germans, weight: 5}}, {pause: {duration: 5m}}, "
    rollout = ROLLOUT.replace("  segment: germans\n", "").replace("steps: [", steps)
    gate = GATE.replace("objective: {atLeast: 99%}", "comparison: {}")
    found = problems(SERVICE, gate, SEGMENT, rollout)
    assert "compares the players of germans with everybody else" in " ".join(found)
    assert not any("everybody else" in each for each in problems(SERVICE, GATE, SEGMENT, rollout))


def test_two_services_with_one_prefix() -> None:
    other = SERVICE.replace("name: payments", "name: wallet")
    text = "so nobody could tell their requests apart. Give each service its own prefix."
    assert problems(other, known=(SERVICE,)) == [
        f"f:5:21 spec.routes[0].prefix: service 'payments' has the prefix '/payments' too, {text}"
    ]
    moved = SERVICE.replace("/payments", "/pay")
    assert problems(moved, other, known=(SERVICE,)) == []


def test_a_release_whose_command_forgets_the_port() -> None:
    release = f"{V1}\nkind: Release\nspec: {{service: payments, version: 1.0.0, process: {{command: [serve]}}}}\n"
    assert problems(SERVICE, release) == [
        (
            "f:11:62 spec.process.command: the process is never told its port. "
            'Add "{port}" to the command or to a variable in env.'
        )
    ]


def test_a_comparison_with_nobody_left_to_compare_with() -> None:
    gate = GATE.replace("objective: {atLeast: 99%}", "comparison: {}")
    steps = "steps: [{setWeight: 100}, {analysis: {templates: [{templateName: deposit-slo}]}}]"
    rollout = ROLLOUT.replace("steps: [{setWeight: 5}, {pause: {}}]", steps).replace("  segment: germans\n", "")
    why = (
        "this can never pass at setWeight: 100: gate 'deposit-slo' only compares with the stable version, which has no "
        "players left then. Ask it before setWeight: 100 (a rollout promotes by itself after its last step), or give "
        "the gate an objective."
    )
    assert problems(SERVICE, gate, rollout) == [
        f"f:21:45 spec.strategy.canary.analysis.templates[0].templateName: {why}",
        f"f:22:72 spec.strategy.canary.steps[1].analysis.templates[0].templateName: {why}",
    ]


def test_references_may_be_left_to_the_server() -> None:
    assert parse_text(ROLLOUT, known=None).problems == ()


def gate_that(does: str, by: str, name: str = "deposit-slo") -> str:
    demands = f"{{sli: {{ratio: {{metric: m, good: {{o: a}}}}}}, objective: {{atLeast: 99%}}, by: [{by}]{does}}}"
    return f"{V1}\nkind: Gate\nmetadata: {{name: {name}}}\nspec: {demands}\n"


def test_players_that_no_request_of_the_service_can_be_told_by_cannot_be_held() -> None:
    hold = gate_that(", onGroupFail: {actions: [{hold: brand}]}", "brand")
    told = (
        "gate 'deposit-slo' holds players by 'brand', but service 'payments' has no header for it. Add it to the "
        "service: attributes: {brand: x-brand}; or let the gate kill a flag instead."
    )
    assert [each.partition(": ")[2] for each in problems(SERVICE, SEGMENT, ROLLOUT, hold)] == [told]
    found = problems(SERVICE, known=(hold, SEGMENT, ROLLOUT, SERVICE.replace("market", "brand")))
    assert any(
        "rollout 'payments' would not work: gate 'deposit-slo' holds players by 'brand'" in each for each in found
    )
    both = gate_that(", onGroupFail: {actions: [{hold: [market]}], atMost: 1, watch: 30s}", "market")
    assert problems(SERVICE, SEGMENT, ROLLOUT, both) == []
    assert problems(ROLLOUT.replace("  segment: germans\n", ""), both)[0].endswith("add a Service document.")


def test_a_flag_that_is_not_in_the_files_is_warned_of(tmp_path: Path) -> None:
    kill = gate_that(', onGroupFail: {actions: [{kill: "psp_{psp}"}]}', "psp")
    file = tmp_path / "f.yaml"
    file.write_text(kill)
    bundle = read_paths([file], partial=True)
    assert not bundle.errors
    assert "no flag like 'psp_{psp}' is in these files, so it was not checked" in str(bundle.warnings[0])
    file.write_text(f"{kill}---\n{V1}\nkind: Flag\nmetadata: {{name: psp_k}}\nspec: {{type: ops, owner: a}}\n")
    assert not [found for found in read_paths([file], partial=True).warnings if "no flag like" in str(found)]


def test_a_gate_beside_that_cannot_tell_groups_apart_is_warned_of() -> None:
    kill = gate_that(', onGroupFail: {actions: [{kill: "psp_{psp}"}]}', "psp")
    beside = ROLLOUT.replace("[{templateName: deposit-slo}]", "[{templateName: deposit-slo}, {templateName: errors}]")
    found = problems(SERVICE, SEGMENT, beside, kill, gate_that("", "market", "errors"))
    assert len(found) == 1
    assert "gate 'errors' cannot tell psp apart: what 'deposit-slo' finds in one group" in found[0]


def by_profile(profile: str) -> str:
    return f"{V1}\nkind: Rollout\nmetadata: {{name: payments}}\nspec: {{service: payments, profile: {profile}}}\n"


def of_affinity(*texts: str, known: tuple[str, ...] = ()) -> list[str]:
    there = parse_text("---\n".join(known), known=None).documents
    warnings = parse_text("---\n".join(texts), known=there).warnings
    return [str(each) for each in warnings if "affinity" in str(each)]


ORDERS = SERVICE.replace(
    "process:", "affinity: {kinds: [{kind: order, header: x-order-id}], ttl: 1h, drain: 30m}\n  process:"
)


@pytest.mark.parametrize(
    "profile, kind", [("payments", "order"), ("game-gateway", "round"), ("rng", "round"), ("promo", ""), ("auth", "")]
)
def test_a_profile_whose_orders_or_rounds_last_asks_for_affinity(profile: str, kind: str) -> None:
    said = of_affinity(SERVICE, by_profile(profile))
    assert len(said) == bool(kind)
    for each in said:
        assert f"spec.profile: less careful than the profile {profile}: affinity none, of the profile {kind}." in each
        assert f"Write in the Service payments: affinity: {{kinds: [{{kind: {kind}, sources:" in each


def test_what_a_services_affinity_is_by_default_is_enough_for_rounds_and_not_for_orders() -> None:
    service = SERVICE.replace("process:", "affinity: {header: x-round-id}\n  process:")
    assert of_affinity(service, by_profile("game-gateway")) == []
    (said,) = of_affinity(service, by_profile("payments"))
    assert (
        "affinity.kinds round, of the profile order; affinity.ttl 10 min, of the profile 30 min; affinity.drain" in said
    )
    assert of_affinity(ORDERS, by_profile("payments")) == []


def test_a_freeze_of_a_service_that_is_not_there_is_told() -> None:
    calendar = f"""{V1}
kind: Calendar
metadata: {{name: sports}}
spec:
  freezes: [{{name: final, from: 2027-06-05, to: 2027-06-06, scope: {{services: [payments, paymnts]}}}}]
  windows: [{{name: office, from: 2027-06-05, to: 2027-06-06, scope: {{services: [lobby]}}}}]
"""
    slip, later = parse_text(f"{SERVICE}---\n{calendar}", known=()).warnings
    assert "spec.freezes[0].scope.services[1]: there is no service 'paymnts'; did you mean 'payments'?" in str(slip)
    assert "spec.windows[0].scope.services[0]: there is no service 'lobby'. Until there is, office is" in str(later)
    assert parse_text(calendar, known=()).warnings == ()


def test_a_service_that_comes_alone_is_held_against_the_rollouts_that_are_known() -> None:
    known = (ORDERS, by_profile("payments"))
    assert of_affinity(ORDERS, known=known) == []
    (said,) = of_affinity(ORDERS.replace("30m", "1m"), known=known)
    assert "spec.affinity: rollout 'payments' is less careful than the profile payments: affinity.drain 1 min" in said
    assert of_affinity(SERVICE, known=(ORDERS, ROLLOUT, GATE, SEGMENT)) == []
    assert (
        of_affinity(SERVICE.replace("name: payments", "name: bonus").replace("/payments", "/bonus"), known=known) == []
    )
