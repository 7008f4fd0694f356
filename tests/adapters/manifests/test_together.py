"""A Rollout document of several services: what it says, and what is wrong with it."""

import pytest

from croupier.adapters.manifests import parse_text
from croupier.core.rollout.spec import Analysis, Pause, RolloutSpec, SetWeight
from croupier.core.rollout.together.parts import parts

V1 = "apiVersion: croupier/v1"
SERVICES = "".join(
    f"""{V1}
kind: Service
metadata: {{name: {name}}}
spec: {{routes: [{{prefix: /{name}}}], process: {{command: [serve, "{{port}}"]}}}}
---
"""
    for name in ("wallet", "payments")
)
GATES = "".join(
    f"""{V1}
kind: Gate
metadata: {{name: {name}}}
spec: {{sli: {{ratio: {{metric: m, good: {{o: a}}}}}}, objective: {{atLeast: 99%}}}}
---
"""
    for name in ("errors", "deposits")
)
ROLLOUT = f"""{V1}
kind: Rollout
metadata: {{name: cashier}}
spec:
  services: [wallet, payments]
  strategy:
    canary:
      analysis: {{templates: [{{templateName: errors}}]}}
      steps:
        - setWeight: 5
        - analysis: {{templates: [{{templateName: deposits, service: payments}}]}}
"""


def problems(rollout: str) -> list[str]:
    return [str(problem) for problem in parse_text(SERVICES + GATES + rollout, "f", ()).problems]


def test_each_service_has_its_part() -> None:
    read = parse_text(SERVICES + GATES + ROLLOUT, "f", ())
    assert not read.problems
    (spec,) = [item.spec for item in read.documents if isinstance(item.spec, RolloutSpec)]
    assert (spec.service, spec.services, spec.only) == (
        "wallet",
        ("wallet", "payments"),
        (("deposits", "payments"),),
    )
    wallet, payments = parts(spec)
    assert (wallet.service, wallet.guards, wallet.steps) == ("wallet", ("errors",), (SetWeight(500), Pause(0.0)))
    assert (payments.service, payments.guards, payments.steps) == (
        "payments",
        ("errors",),
        (SetWeight(500), Analysis(("deposits",))),
    )
    assert wallet.false_rollbacks == payments.false_rollbacks == spec.false_rollbacks / 2


@pytest.mark.parametrize(
    "before, after, said",
    [
        ("[wallet, payments]", "[wallet, wallet]", "service 'wallet' is named twice. Remove one."),
        ("[wallet, payments]", "[payments]", "one service moves alone. Write service: payments instead."),
        ("[wallet, payments]", "[wallet, payments, lobby]", "unknown service 'lobby'"),
        ("service: payments}", "service: lobby}", "gate 'deposits' is to be about service 'lobby', which this rollout"),
        ("services:", "service: wallet\n  services:", "'service' and 'services' cannot stand together"),
        ("  services: [wallet, payments]\n", "", "exactly one of service and services is needed, there is none."),
        (
            "- setWeight: 5",
            "- setMirrorRoute: {name: copies, percentage: 5}",
            "'setMirrorRoute' is for one service: several cannot do it together yet.",
        ),
        (
            "- setWeight: 5",
            "- setSegment: {match: {market: [SE]}, weight: 5, guards: [errors]}",
            "a segment with gates of its own is for one service",
        ),
    ],
)
def test_what_is_wrong(before: str, after: str, said: str) -> None:
    assert before in ROLLOUT
    assert any(said in problem for problem in problems(ROLLOUT.replace(before, after)))


def test_a_service_that_nobody_watches_is_warned_of() -> None:
    alone = ROLLOUT.replace("templateName: errors}", "templateName: errors, service: payments}")
    assert any("no gate watches wallet" in problem for problem in problems(alone))


def test_a_gate_that_holds_players_is_for_one_service() -> None:
    holding = GATES.replace(
        "objective: {atLeast: 99%}",
        "objective: {atLeast: 99%}, by: [market], onGroupFail: {actions: [{hold: market}]}",
        1,
    )
    found = [str(each) for each in parse_text(SERVICES + holding + ROLLOUT, "f", ()).problems]
    assert any("gate 'errors' would hold players of one service" in problem for problem in found)


ALONE = f"""---
{V1}
kind: Rollout
metadata: {{name: payments}}
spec: {{service: payments, profile: payments}}
"""


def test_who_is_less_careful_than_a_profile_of_one_of_them_is_told_so() -> None:
    def warned(text: str, known: str = "") -> list[str]:
        there = parse_text(SERVICES + GATES + known, "k", ()).documents
        found = parse_text(text, "f", there).warnings
        return [str(each) for each in found if "gate ledger-drift none" in str(each)]

    (beside,) = warned(SERVICES + GATES + ROLLOUT + ALONE)
    assert "spec.services[1]: less careful than the profile that payments has alone" in beside
    (later,) = warned(ROLLOUT, known=ALONE)
    assert "spec.services[1]: less careful than the profile that payments has alone (payments): " in later
    (profile,) = warned(ALONE, known=ROLLOUT)
    assert "spec.profile: rollout 'cashier' is less careful than the profile that payments has alone" in profile
