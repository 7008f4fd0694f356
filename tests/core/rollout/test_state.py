"""What a state asks for: its routes and the versions that must run, phase by phase."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.rollout.spec import Pause, Plan, SetWeight
from croupier.core.rollout.state import RolloutState, routes, versions_needed
from croupier.core.segments import AttributeMatch, Segment

STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
PLAN = Plan(steps=(SetWeight(500), Pause()), guards=(), gates=(), segment=STAFF)


def state(phase: Phase, *, stable: str | None = "1.0.0", **changed: Any) -> RolloutState:
    created = e.Created("shop-1", "shop", stable, "1.1.0", "sha256:0", PLAN, 0.0)
    return replace(create(created), phase=phase, **changed)


ALL_STABLE = stable_routes("shop", "1.0.0")
ALL_CANARY = stable_routes("shop", "1.1.0")
NOBODY = stable_routes("shop", None)
SOME = canary_routes("shop", "1.0.0", "1.1.0", 500, salt="shop-1.1", segment=STAFF)
WHOLE = canary_routes("shop", "1.0.0", "1.1.0", 10_000, salt="shop-1.1")


@pytest.mark.parametrize(
    "phase, weight_bp, wanted, needed",
    [
        (Phase.PENDING, 0, ALL_STABLE, ("1.0.0", "1.1.0")),
        (Phase.PROGRESSING, 0, ALL_STABLE, ("1.0.0", "1.1.0")),
        (Phase.PROGRESSING, 500, SOME, ("1.0.0", "1.1.0")),
        (Phase.PAUSED, 0, ALL_STABLE, ("1.0.0", "1.1.0")),
        (Phase.PAUSED, 500, SOME, ("1.0.0", "1.1.0")),
        (Phase.PROMOTING, 10_000, WHOLE, ("1.0.0", "1.1.0")),
        (Phase.SUCCEEDED, 10_000, ALL_CANARY, ("1.1.0",)),
        (Phase.ABORTING, 0, ALL_STABLE, ("1.0.0",)),
        (Phase.ABORTED, 0, ALL_STABLE, ("1.0.0",)),
        (Phase.SUPERSEDED, 0, ALL_STABLE, ("1.0.0",)),
        # Whatever a weight says, an ended or abandoned rollout sends nobody to its canary.
        (Phase.PENDING, 500, ALL_STABLE, ("1.0.0", "1.1.0")),
        (Phase.ABORTING, 500, ALL_STABLE, ("1.0.0",)),
        (Phase.ABORTED, 500, ALL_STABLE, ("1.0.0",)),
        (Phase.SUPERSEDED, 500, ALL_STABLE, ("1.0.0",)),
    ],
)
def test_routes_of_a_phase(phase: Phase, weight_bp: int, wanted: ServiceRoutes, needed: tuple[str, ...]) -> None:
    assert routes(state(phase, weight_bp=weight_bp)) == wanted
    assert versions_needed(state(phase, weight_bp=weight_bp)) == needed


@pytest.mark.parametrize(
    "phase, weight_bp, wanted, needed",
    [
        (Phase.PENDING, 0, NOBODY, ("1.1.0",)),
        (Phase.PAUSED, 0, NOBODY, ("1.1.0",)),
        (Phase.PROMOTING, 10_000, ALL_CANARY, ("1.1.0",)),
        (Phase.SUCCEEDED, 10_000, ALL_CANARY, ("1.1.0",)),
        (Phase.ABORTING, 0, NOBODY, ()),
        (Phase.ABORTED, 0, NOBODY, ()),
    ],
)
def test_first_deployment(phase: Phase, weight_bp: int, wanted: ServiceRoutes, needed: tuple[str, ...]) -> None:
    first = state(phase, stable=None, weight_bp=weight_bp)
    assert routes(first) == wanted
    assert versions_needed(first) == needed


def test_the_step_in_progress() -> None:
    assert state(Phase.PENDING).current_step is None
    assert state(Phase.PROGRESSING, step=0).current_step == SetWeight(500)
    assert state(Phase.PROGRESSING, step=1).current_step == Pause()
    assert state(Phase.PROMOTING, step=2).current_step is None
