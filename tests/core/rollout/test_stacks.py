"""What is said of blue and green from the beginning to the way back."""

from croupier.core.rollout import commands
from croupier.core.rollout.blue_green import steps_of
from croupier.core.rollout.spec import BlueGreen, Plan, Timing
from croupier.core.rollout.stacks import stacks
from croupier.core.rollout.undo import undo
from croupier.testing import Rehearsal

ASKED = BlueGreen(by_hand=True, watch_s=60.0)
PLAN = Plan(steps_of(ASKED), (), (), timing=Timing(keep_stable_s=3600.0, keep_canary_s=60.0), blue_green=ASKED)


def said(told: Rehearsal) -> list[tuple[str, bool, str]]:
    return [(stack.version, stack.serves, stack.text) for stack in stacks(told.state, told.now)]


def test_from_the_start_to_the_way_back() -> None:
    told = Rehearsal(PLAN, ready=False)
    assert said(told)[1] == ("1.1.0", False, "is being started: nobody has it yet")
    told.ready = True
    told.settle()
    assert said(told) == [
        ("1.0.0", True, "serves everybody"),
        ("1.1.0", False, "previewed: nobody has it yet"),
    ]
    told.command(commands.promote)
    assert said(told)[1][2] == "is being switched to: not confirmed by the data plane yet"
    told.settle()
    assert said(told) == [
        ("1.0.0", False, "kept running: the way back"),
        ("1.1.0", True, "serves everybody, watched"),
    ]
    told.now += 60.0
    told.settle()
    assert said(told) == [
        ("1.0.0", False, "kept for 1 h more: the way back"),
        ("1.1.0", True, "serves everybody"),
    ]
    told.command(undo, reason="broken")
    assert said(told)[1] == ("1.1.0", False, "is being left")
    told.settle()
    assert said(told)[1][2] == "left; kept for 1 min more, and nobody has it"
    told.now += 60.0
    assert said(told)[1][2] == "gone"


def test_what_is_gone_and_what_was_superseded() -> None:
    told = Rehearsal(PLAN)
    told.settle()
    told.command(commands.promote, full=True)
    told.settle()
    told.now += 3600.0
    assert said(told)[0] == ("1.0.0", False, "gone")
    left = Rehearsal(PLAN)
    left.command(commands.supersede, by="shop-2")
    assert said(left)[1][2] == "left; kept for 1 min more, and nobody has it"


def test_other_rollouts_have_no_stacks() -> None:
    assert said(Rehearsal(Plan((), (), ()))) == []
    assert said(Rehearsal(PLAN, stable=None)) == []
