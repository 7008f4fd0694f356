"""Who is shown by the preview address."""

import pytest

from croupier.core.rollout import commands
from croupier.core.rollout.preview import previewed
from croupier.core.rollout.spec import Pause, Plan, SetWeight
from croupier.testing import Rehearsal


def test_the_canary_is_shown_from_its_first_moment_until_the_end() -> None:
    told = Rehearsal(Plan((Pause(), SetWeight(10_000)), (), ()))
    assert previewed(told.state) == "1.1.0"
    told.settle()
    assert (told.state.weight_bp, previewed(told.state)) == (0, "1.1.0")
    told.command(commands.promote)
    assert previewed(told.state) == "1.1.0"
    told.settle()
    assert previewed(told.state) is None


@pytest.mark.parametrize("settled", [False, True])
def test_what_is_given_up_is_shown_to_nobody(settled: bool) -> None:
    told = Rehearsal(Plan((Pause(),), (), ()))
    told.settle()
    told.command(commands.abort, reason="no")
    if settled:
        told.settle()
    assert previewed(told.state) is None
