"""Actions on groups decided again from the recorded looks: the same, or somebody changed something."""

from dataclasses import replace

import pytest
from tests.core.rollout.groups.stories import CLASSIC, DEPOSITS, play, started

from croupier.adapters.store import codec
from croupier.core.gates import Gate, HoldPlayers, OnGroupFail, Verdict
from croupier.core.rollout import events as e
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.redecide import in_words, redecide
from croupier.core.rollout.rejudge import rejudge
from croupier.errors import Corrupt
from croupier.testing import Rehearsal

KILLED = "psp=kestrel: flag psp_kestrel turned off"


def acted(*gates: Gate) -> tuple[Rehearsal, int]:
    """One provider fails, and its flag goes off; where in the history that is."""
    story = started(*gates)
    while not story.state.acted:
        play(story, 1, {"kestrel": 200})
    story.killed = frozenset({"psp_kestrel"})
    play(story, 5)
    return story, next(at for at, event in enumerate(story.events) if isinstance(event, e.GroupActed))


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC])
def test_what_was_done_is_decided_again(gate: Gate) -> None:
    story, at = acted(gate)
    written = [codec.EVENT.load(codec.EVENT.dump(event)) for event in story.events]
    [again] = redecide(written)
    assert again.agrees
    assert again.recorded == again.again == (story.events[at],)
    assert in_words(again.again, "1.0.0") == KILLED


def test_actions_of_several_gates_at_one_moment_are_one_decision() -> None:
    holds = replace(DEPOSITS, name="beside", on_group_fail=OnGroupFail((HoldPlayers(("psp",)),)))
    story, _ = acted(DEPOSITS, holds)
    [again] = redecide(story.events)
    assert again.agrees
    assert in_words(again.again, "1.0.0") == f"{KILLED}; psp=kestrel: psp=kestrel held on 1.0.0"


def test_a_group_of_which_no_look_says_so_is_found() -> None:
    story, at = acted(DEPOSITS)
    event = story.events[at]
    assert isinstance(event, e.GroupActed)
    other = replace(event, group=(("psp", "tarn"),), kills=("psp_tarn",))
    [again] = redecide([*story.events[:at], other])
    assert not again.agrees
    assert in_words(again.recorded, "1.0.0") == "psp=tarn: flag psp_tarn turned off"
    assert in_words(again.again, "1.0.0") == KILLED


def test_other_words_are_no_difference() -> None:
    story, at = acted(DEPOSITS)
    event = story.events[at]
    assert isinstance(event, e.GroupActed)
    [again] = redecide([*story.events[:at], replace(event, reason="kestrel fails")])
    assert again.agrees


def test_an_action_in_place_of_going_back_is_found() -> None:
    """The recorded plan says that one group is to be acted upon, and the history has two."""
    story, at = acted(replace(DEPOSITS, on_group_fail=replace(DEPOSITS.on_group_fail or OnGroupFail(()), at_most=1)))
    event = story.events[at]
    assert isinstance(event, e.GroupActed)
    beside = replace(event, group=(("psp", "tarn"),), kills=("psp_tarn",))
    [again] = redecide([*story.events[:at], event, beside])
    assert not again.agrees
    alone = started(replace(DEPOSITS, on_group_fail=None))
    play(alone, 10, {"kestrel": 200})
    assert isinstance(alone.events[-1], e.Aborted)
    aborts = next(at for at, event in enumerate(alone.events) if isinstance(event, e.AbortStarted))
    instead = [*alone.events[:aborts], replace(event, at=alone.events[aborts].at)]
    [again] = redecide(instead)
    assert (again.agrees, in_words(again.again, "1.0.0").split(":")[0]) == (False, "everybody goes back")


def test_an_action_that_is_left_out_is_found() -> None:
    story, at = acted(DEPOSITS)
    [again] = redecide(story.events[:at])
    assert (again.agrees, in_words(again.recorded, None), in_words(again.again, None)) == (False, "nothing", KILLED)
    assert all(verdict.agrees for verdict in rejudge(story.events[:at])), "its verdicts alone do not tell"


def test_where_everybody_went_back_instead_nothing_is_compared() -> None:
    """The canary died in the same moment."""
    _, at = acted(DEPOSITS)
    story = started(DEPOSITS)
    while len(story.events) < at:
        story.failure = "it exits" if len(story.events) == at - 1 else None
        play(story, 1, {"kestrel": 200}, settle=False)
    assert story.state.abort is not None
    assert story.state.abort.cause is Cause.WORKLOAD
    assert [gate.latest.verdict for gate in story.state.gates if gate.latest] == [Verdict.FAIL]
    assert not list(redecide(story.events))


def test_a_history_without_a_beginning_is_said() -> None:
    with pytest.raises(Corrupt, match="starts with 'created'"):
        list(redecide([]))
