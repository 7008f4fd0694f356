"""A flag that deals three variants, an experiment on it, and runs with what was counted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from croupier.core.experiments import Experiment, Guard, Plan, Run, Tally, dealt
from croupier.core.flags.model import Flag, Rule, Share

FLAG = Flag(
    "lobby",
    variants={"classic": 1, "recent": 2, "popular": 3},
    off="classic",
    default="classic",
    safe="classic",
    rules=(
        Rule(condition="market == 'MT'", serve=(Share("classic", 1),)),
        Rule(name="others", serve=(Share("classic", 50), Share("recent", 25), Share("popular", 25))),
    ),
)
EXPERIMENT = Experiment(
    "lobby-order", "lobby", "classic", "bet", treatments=("recent",), guards=(Guard("complaint"), Guard("login", True))
)


@pytest.fixture
def run() -> Callable[..., Run]:
    """A run of the experiment: ``exposed`` and ``bet`` by variant, with more of the tally and of the experiment."""

    def made(
        exposed: Mapping[str, int],
        bet: Mapping[str, int],
        *,
        others: Mapping[str, Mapping[str, int]] | None = None,
        tally: Mapping[str, Any] | None = None,
        **asked: Any,
    ) -> Run:
        plan = Plan(replace(EXPERIMENT, **asked), dealt(FLAG, "production"))
        found = Tally(exposed, {"bet": bet, **(others or {})}, **(tally or {}))
        return Run("0f" * 16, plan, 1_000.0, "anna", found)

    return made
