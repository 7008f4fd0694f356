"""Which closed sockets the marathon takes for drained, and which it does not."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from benchmarks.control._drains import LASTS_S, Closed, Drain, drains, sorted_out
from benchmarks.control._oracle import DRAIN_S, Course, Wanted

from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import stable_routes
from croupier.core.rollout.spec import Plan, Timing
from croupier.core.rollout.state import Abort, RolloutState

OLD, NEW = "1.0.0", "1.1.0"
LEFT, KEPT_S = 200.0, 30.0
GONE = LEFT + KEPT_S
PROMOTED = RolloutState(
    "games-2",
    "games",
    OLD,
    NEW,
    "",
    Plan((), (), (), timing=Timing(keep_stable_s=KEPT_S, keep_canary_s=KEPT_S)),
    Phase.SUCCEEDED,
    created_at=100.0,
    started_at=100.0,
    ended_at=LEFT,
)


def course(*rollouts: RolloutState) -> Course:
    """Everybody had the old version until 200, and the new one since."""
    wanted = [Wanted(0.0, stable_routes("games", OLD), LEFT), Wanted(LEFT, stable_routes("games", NEW), inf)]
    return Course(wanted, ends={each.id: each for each in rollouts})


@pytest.mark.parametrize(
    "closed, drained_at, within",
    [
        (Closed(GONE + 1.1, OLD, 1001), GONE + 1.0, True),
        (Closed(GONE + LASTS_S + 1.1, OLD, 1001), GONE + 1.0, False),  # long after
        (Closed(GONE + 0.5, OLD, 1001), GONE + 1.0, False),  # before anybody asked the process to end
        (Closed(GONE + 1.1, OLD, 1011), GONE + 1.0, False),
        (Closed(GONE + 1.1, OLD, None), GONE + 1.0, False),  # said that it would, and did not
        (Closed(GONE + 1.1, NEW, 1001), GONE + 1.0, False),  # another version's players
        (Closed(GONE - DRAIN_S, OLD, 1001), GONE - DRAIN_S, False),  # while it was kept for whoever goes back
    ],
)
def test_a_socket_is_closed_in_a_drain_that_the_record_allows(
    closed: Closed, drained_at: float, *, within: bool
) -> None:
    drain = Drain("games", OLD, drained_at)
    counted, outside = sorted_out([closed], [drain], course(PROMOTED))
    assert (counted, [each for each, _ in outside]) == (({drain: 1}, []) if within else ({}, [closed]))


def test_who_wants_a_version_keeps_its_sockets() -> None:
    at = GONE + 20.0
    again: Any = replace(PROMOTED, id="games-3", canary="1.4.0", stable=NEW, created_at=at - 10.0, ended_at=None)
    assert course(PROMOTED).may_end(OLD, at)
    assert course(PROMOTED, again).may_end(OLD, at)
    assert not course(PROMOTED, replace(again, canary=OLD)).may_end(OLD, at)
    assert not course(PROMOTED, replace(again, stable=OLD)).may_end(OLD, at)
    aborted = replace(again, canary=OLD, abort=Abort(Cause.PERSON, "", at - 5.0), phase=Phase.ABORTED)
    assert course(PROMOTED, replace(aborted, ended_at=at - 40.0)).may_end(OLD, at)
    assert not course(PROMOTED, replace(aborted, ended_at=at - 4.0)).may_end(OLD, at)


def test_drains_are_read_from_the_log_of_all_control_planes(tmp_path: Path) -> None:
    def line(event: str, service: str) -> str:
        return json.dumps(
            {"event": event, "service": service, "version": OLD, "timestamp": "2026-11-23T10:00:00.500000Z"}
        )

    log = tmp_path / "serve.log"
    lines = [line("instance_draining", "games"), "Traceback", line("instance_draining", "promo")]
    log.write_text("\n".join([*lines, line("instance_drained", "games"), '{"event": "cut off by kill -9']))
    assert drains(log, "games") == [Drain("games", OLD, 1_795_428_000.5)]
