"""What several services ask of each: parts, what is wrong, what is warned of."""

from typing import Any

import pytest

from croupier.core.gates import Gate, HoldPlayers, OnGroupFail, RatioSli
from croupier.core.rollout.blue_green import steps_of
from croupier.core.rollout.check import advise, check
from croupier.core.rollout.profile.model import Chosen, Lane, Profile
from croupier.core.rollout.spec import (
    Analysis,
    Auto,
    BlueGreen,
    Pause,
    Resort,
    RolloutSpec,
    SetFlag,
    SetMirrorRoute,
    SetSegment,
    SetWeight,
    Smoke,
)
from croupier.core.rollout.together.parts import gates_held, parts, unwatched, wrong
from croupier.core.segments import AttributeMatch, Segment

SLI = RatioSli("m", good=(("o", ("ok",)),))
SWEDES = Segment("se", (AttributeMatch("market", ("SE",)),))


def spec(*steps: Any, **more: Any) -> RolloutSpec:
    own = {"services": ("wallet", "payments"), "guards": ("errors",)} | more
    return RolloutSpec("cashier", "wallet", steps or (SetWeight(500), Pause(5.0)), **own)


def said(rollout: RolloutSpec) -> list[str]:
    return [problem.message for problem in wrong(rollout)]


def test_one_service_is_its_own_part() -> None:
    alone = RolloutSpec("w", "wallet", (SetWeight(500),))
    assert parts(alone) == (alone,)
    assert (said(alone), list(unwatched(alone))) == ([], [])


def test_gates_and_flags_are_with_those_whom_they_are_about() -> None:
    whole = spec(
        SetWeight(500),
        SetFlag("new", share_bp=500),
        Analysis(("errors", "deposits")),
        Analysis(("deposits",)),
        only=(("deposits", "payments"),),
    )
    wallet, payments = parts(whole)
    assert wallet.steps == (SetWeight(500), Pause(0.0), Analysis(("errors",)), Pause(0.0))
    assert payments.steps == whole.steps
    assert {part.false_rollbacks for part in (wallet, payments)} == {whole.false_rollbacks / 2}
    assert (said(whole), list(check(whole))) == ([], [])


def test_smoke_checks_are_run_once_by_the_last_when_all_have_it() -> None:
    whole = spec(Smoke(("login",)), SetWeight(500), smoke=Smoke(("money",), on_fail=Resort.PAUSE))
    wallet, payments = parts(whole)
    assert (wallet.steps, wallet.smoke) == ((Pause(0.0), SetWeight(500)), None)
    assert (payments.steps, payments.smoke) == (whole.steps, whole.smoke)
    assert (said(whole), list(check(whole))) == ([], [])


@pytest.mark.parametrize(
    "rollout, expected",
    [
        (spec(services=("wallet", "wallet")), "service 'wallet' is named twice."),
        (spec(services=("wallet",)), "one service moves alone."),
        (
            spec(only=(("errors", "lobby"),)),
            "gate 'errors' is to be about service 'lobby', which this rollout does not move.",
        ),
        (
            spec(profile=Chosen(Profile("payments", "", Lane(())))),
            "a profile is for one service: several have those of their own Rollouts, and the strictest rules.",
        ),
        (
            spec(SetMirrorRoute("copies", 100)),
            "'setMirrorRoute' is for one service: several cannot do it together yet.",
        ),
        (
            spec(Auto(), only=(("errors", "payments"),)),
            "'auto' waits for evidence of each service, and no guard is about wallet.",
        ),
        (
            spec(SetSegment(SWEDES, 500, guards=("errors",))),
            "a segment with gates of its own is for one service: its players would be on two sides.",
        ),
    ],
)
def test_what_several_cannot_do(rollout: RolloutSpec, expected: str) -> None:
    assert said(rollout) == [expected]


def test_a_gate_about_another_service_makes_no_sense_for_one() -> None:
    alone = RolloutSpec("w", "wallet", (SetWeight(500),), only=(("errors", "payments"),))
    (problem,) = wrong(alone)
    assert problem.hint == "Its services: only the one it is about."


def test_a_service_that_nobody_watches_is_warned_of() -> None:
    assert [each.message for each in unwatched(spec(only=(("errors", "payments"),)))] == [
        "no gate watches wallet, so a bad release of it reaches everybody unless another one notices."
    ]
    assert list(unwatched(spec(SetWeight(500), Analysis(("errors",)), guards=()))) == []


def test_two_stacks_of_several_are_steps_of_each() -> None:
    asked = BlueGreen(before=("measured",), by_hand=True, checks=Smoke(("login",)))
    whole = spec(*steps_of(asked), blue_green=asked, only=(("measured", "payments"), ("errors", "payments")))
    wallet, payments = parts(whole)
    switch = (Pause(), SetWeight(10_000), Pause(600.0))
    assert wallet.steps == (Pause(0.0), Pause(0.0), *switch)
    assert payments.steps == (Smoke(("login",)), Analysis(("measured",)), *switch)
    assert (said(whole), list(check(whole)), list(check(wallet))) == ([], [], [])
    (odd,) = [each for each in advise(whole) if each.message.startswith("no gate watches wallet")]
    assert odd.path == ("spec", "strategy", "blueGreen")
    assert odd.hint == "Add one: postPromotionAnalysis: {templates: [{templateName: <gate>, service: wallet}]}"
    holding = Gate("errors", SLI, by=("market",), on_group_fail=OnGroupFail((HoldPlayers(("market",)),)))
    (held,) = gates_held(whole, {"errors": holding}, ["errors"])
    assert held.path == ("spec", "strategy", "blueGreen", "postPromotionAnalysis")


def test_gates_that_hold_players_are_for_one_service() -> None:
    holding = Gate("errors", SLI, by=("market",), on_group_fail=OnGroupFail((HoldPlayers(("market",)),)))
    known = {"errors": holding, "calm": Gate("calm", SLI)}
    found = list(gates_held(spec(), known, ("errors", "errors", "calm", "unknown")))
    assert [each.message for each in found] == [
        "gate 'errors' would hold players of one service, and the others would move them."
    ]
    assert list(gates_held(RolloutSpec("w", "wallet", ()), known, ("errors",))) == []
