"""What is to be compared follows from what is recorded and what runs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from croupier.control.fleet import Fleet
from croupier.control.observe import Seen
from croupier.control.ports import Endpoint, Health, NoComparer, Stored, VersionKey, WorkloadStatus
from croupier.control.ports.comparing import Comparison
from croupier.control.shadowing import compare, compared
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import replay
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.shadow.mirror import Compare, Ignored
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.spec import Pause, Plan, Shadow
from croupier.core.rollout.state import RolloutState

IGNORED = Ignored(("$.at",))
STEPS = (Shadow(100, 60.0, compare=Compare(500, IGNORED)), Shadow(100, 60.0), Pause())
HERE = Endpoint("127.0.0.1", 9_001)


class Told:
    """Keeps what it was asked for."""

    def __init__(self) -> None:
        self.wanted: tuple[Comparison, ...] = ()

    def compare(self, wanted: Sequence[Comparison]) -> None:
        self.wanted = tuple(wanted)

    def found(self, id_: str) -> ShadowReport | None:
        return ShadowReport(0, 7) if any(each.id == id_ for each in self.wanted) else None


class Outside:
    """Of the ports the one that matters here."""

    def __init__(self, comparer: Any) -> None:
        self.comparer = comparer


def at(step: int) -> RolloutState:
    created = e.Created("shop-1", "shop", "1.0.0", "1.1.0", "", Plan(STEPS, (), ()), 0.0)
    return replay((created, *(e.StepStarted(index, 1.0) for index in range(step + 1))))


def asked(state: RolloutState) -> tuple[Comparison, ...]:
    told: Any = Outside(Told())
    seen = Seen({VersionKey("shop", "1.0.0"): WorkloadStatus(Health.READY, (HERE,))}, {})
    compare(told, Fleet(rollouts={state.id: Stored(state, 1)}), seen)
    wanted: tuple[Comparison, ...] = told.comparer.wanted
    return wanted


def test_a_step_that_compares_is_compared() -> None:
    assert asked(at(0)) == (Comparison("shop-1.1/0", "shop", ("1.0.0", (HERE,)), ("1.1.0", ()), IGNORED),)


def test_no_other_step_is_nor_one_that_ended() -> None:
    over = replace(at(0), hold=Hold.DIFFERENCES)
    assert [asked(state) for state in (at(-1), at(1), at(2), over)] == [()] * 4


def test_what_was_found_is_of_the_step_in_progress() -> None:
    told: Any = Outside(Told())
    state = at(0)
    assert compared(told, state) is None
    compare(told, Fleet(rollouts={state.id: Stored(state, 1)}), Seen({}, {}))
    assert compared(told, state) == ShadowReport(0, 7)
    assert compared(told, at(2)) is None


def test_where_nothing_compares_nothing_is_found() -> None:
    nobody: Any = Outside(NoComparer())
    compare(nobody, Fleet(rollouts={"shop-1": Stored(at(0), 1)}), Seen({}, {}))
    assert compared(nobody, at(0)) is None
