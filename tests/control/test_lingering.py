"""Which version an ended rollout leaves behind, and for how long it is kept."""

from dataclasses import replace

import pytest

from croupier.control.fleet import Fleet
from croupier.control.lingering import Lingering
from croupier.control.ports import Stored, VersionKey
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Plan, Timing
from croupier.core.rollout.state import RolloutState

PLAN = Plan((), (), (), timing=Timing(keep_stable_s=30.0, keep_canary_s=60.0))
STATE = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", PLAN, 1.0))
OLD, NEW = VersionKey("shop", "1.0.0"), VersionKey("shop", "1.1.0")


def fleet(state: RolloutState) -> Fleet:
    return Fleet(rollouts={state.id: Stored(state, 1)})


@pytest.mark.parametrize(
    "state, left",
    [
        (STATE, {}),
        (replace(STATE, phase=Phase.ABORTING), {}),
        (replace(STATE, phase=Phase.SUCCEEDED, ended_at=100.0), {OLD: 132.0}),
        (replace(STATE, phase=Phase.SUCCEEDED, ended_at=100.0, stable=None), {}),
        (replace(STATE, phase=Phase.ABORTED, ended_at=100.0), {NEW: 160.0}),
        (replace(STATE, phase=Phase.SUPERSEDED, ended_at=100.0), {}),
    ],
)
def test_what_is_left_behind(state: RolloutState, left: dict[VersionKey, float]) -> None:
    lingering = Lingering()
    lingering.note(fleet(state))
    assert lingering.keys(100.0) == set(left)
    for key, until in left.items():
        lingering.note(fleet(state))  # noted again and again while it is known
        assert key in lingering.keys(until - 0.1)
        assert key not in lingering.keys(until)
        lingering.note(fleet(state))
        assert key not in lingering.keys(until)


def test_a_version_that_is_left_twice_is_kept_from_the_second_time_on() -> None:
    lingering = Lingering()
    lingering.note(fleet(replace(STATE, phase=Phase.ABORTED, ended_at=100.0)))
    lingering.note(fleet(replace(STATE, phase=Phase.ABORTED, ended_at=140.0)))
    assert NEW in lingering.keys(199.0)
    assert NEW not in lingering.keys(200.0)
