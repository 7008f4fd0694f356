"""What makes no sense in a declaration, alone and with its flag."""

from dataclasses import replace
from typing import Any

import pytest
from tests.core.experiments.conftest import EXPERIMENT, FLAG

from croupier.core.experiments import Arm, Guard, Plan, Run, dealt
from croupier.core.experiments.model import DAY_S, LONGEST_S, check, check_plan

PLAN = Plan(EXPERIMENT, dealt(FLAG, "production"))


def test_a_good_one_has_no_problems() -> None:
    assert check(EXPERIMENT) == ()
    assert check(replace(EXPERIMENT, within_s=DAY_S)) == ()
    assert check_plan(PLAN) == ()


@pytest.mark.parametrize(
    "change, place",
    [
        ({"treatments": ("recent", "classic")}, "spec.treatments[1]"),
        ({"treatments": ("recent", "recent")}, "spec.treatments[1]"),
        ({"guards": (Guard("login"), Guard("bet"))}, "spec.guards[1]"),
        ({"guards": tuple(Guard(f"event{n}") for n in range(20))}, "spec.guards"),
        ({"lasts_s": 0.0}, "spec.lasts"),
        ({"lasts_s": LONGEST_S + 1}, "spec.lasts"),
        ({"within_s": 0.0}, "spec.within"),
        ({"minimum_effect": 0.001}, "spec.minimumEffect"),
        ({"error": 0.7}, "spec.error"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(change: dict[str, Any], place: str) -> None:
    assert [problem.field for problem in check(replace(EXPERIMENT, **change))] == [place]


def test_variants_that_nobody_gets_are_said() -> None:
    plan = replace(PLAN, experiment=replace(EXPERIMENT, control="old", treatments=("recent", "new")))
    assert [problem.field for problem in check_plan(plan)] == ["spec.control", "spec.treatments[1]"]


def test_the_control_comes_first_and_shares_are_those_of_the_compared() -> None:
    assert [(arm.variant, round(arm.share, 9)) for arm in PLAN.arms] == [
        ("classic", round(2 / 3, 9)),
        ("recent", round(1 / 3, 9)),
    ]
    everything = replace(PLAN, experiment=replace(EXPERIMENT, control="recent", treatments=()))
    assert everything.arms == (Arm("recent", 0.25), Arm("classic", 0.5), Arm("popular", 0.25))


def test_a_run_takes_players_in_for_as_long_as_it_lasts() -> None:
    assert Run("0f" * 16, PLAN, 1_000.0, "anna").ends_at == 1_000.0 + 28 * DAY_S
