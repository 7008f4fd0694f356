"""What is asked of one of several is asked of all."""

from dataclasses import replace

import pytest
from tests.core.rollout.together.story import BAD, NAMES, SILENT, Game, begun

from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Pause, SetWeight
from croupier.core.rollout.together import commands
from croupier.core.rollout.together.whole import turn_back
from croupier.errors import Conflict, Rejected

READY = dict.fromkeys((f"{name}-1" for name in NAMES), None)
STEPS = (SetWeight(500), Pause(), SetWeight(2_500), Pause(5.0))


def waiting() -> Game:
    """All of them wait for a person at 5 %, their gates content."""
    game = begun(*STEPS)
    game.tick()
    game.tick()
    assert {state.hold for state in game.states} == {Hold.STEP}
    return game


def kinds(events: tuple[tuple[e.Event, ...], ...]) -> list[list[str]]:
    return [[event.type for event in mine] for mine in events]


def test_the_first_goes_and_the_others_follow() -> None:
    game = waiting()
    events = commands.promote(game.states, game.now, unready=READY)
    assert kinds(events) == [["step_started"], [], []]
    game.record(events)
    game.follow()
    game.tick(1.0)
    assert [game.weight(name) for name in NAMES] == [2_500] * 3


def test_all_the_way_in_order() -> None:
    game = waiting()
    game.record(commands.promote(game.states, game.now, full=True, unready=READY))
    assert [state.phase for state in game.states] == [Phase.PROMOTING, Phase.PAUSED, Phase.PAUSED]
    game.stuck = {"payments"}
    game.follow()
    game.record(game.decide())  # the first is seen; the second goes, and is asked to go all the way
    assert [state.phase for state in game.states] == [Phase.PROMOTING, Phase.PROMOTING, Phase.PAUSED]
    game.stuck = set()
    game.tick(1.0)
    game.tick()
    assert {state.phase for state in game.states} == {Phase.SUCCEEDED}


def test_one_of_them_may_refuse_for_all() -> None:
    game = waiting()
    unready = {**READY, "lobby-1": "it starts"}
    with pytest.raises(Conflict, match="lobby-1 cannot be promoted: 2 is not ready: it starts"):
        commands.promote(game.states, game.now, unready=unready)
    game.words = {"payments": SILENT}
    game.tick()
    game.states[1] = replace(game.states[1], gates=())
    with pytest.raises(Rejected, match="payments-1 cannot be promoted: gate errors has not looked yet"):
        commands.promote(game.states, game.now, unready=READY)
    events = commands.promote(game.states, game.now, waive=("errors",), unready=READY)
    assert kinds(events) == [["gate_waived", "step_started"], ["gate_waived"], ["gate_waived"]]
    with pytest.raises(Rejected, match="There is no gate nothing here"):
        commands.promote(game.states, game.now, waive=("nothing",), unready=READY)


def test_while_one_is_on_its_way_nobody_is_sent_after_it() -> None:
    game = waiting()
    game.stuck = {"wallet"}
    game.record(commands.promote(game.states, game.now, unready=READY))
    with pytest.raises(Conflict, match="wallet-1 is on its way, and the others follow"):
        commands.promote(game.states, game.now, unready=READY)
    game.stuck, game.unready = set(), {"payments"}
    game.tick(1.0)
    with pytest.raises(Conflict, match="on its way"):
        commands.promote(game.states, game.now, full=True, unready=READY)
    assert kinds(commands.promote(game.states, game.now, unready=READY)) == [[], ["step_started"], []]


def test_a_pause_by_a_person_is_of_all_and_ends_for_all() -> None:
    game = begun(SetWeight(500), Pause(60.0))
    game.tick()
    game.record(commands.pause(game.states, game.now))
    assert {state.hold for state in game.states} == {Hold.PERSON}
    assert kinds(commands.promote(game.states, game.now, unready=READY)) == [["resumed"]] * 3
    game.record(commands.resume(game.states, game.now, unready=READY))
    assert {state.phase for state in game.states} == {Phase.PROGRESSING}


def test_a_step_that_waits_for_a_person_is_left_by_resuming() -> None:
    game = waiting()
    assert kinds(commands.resume(game.states, game.now, unready=READY)) == [["step_started"], [], []]


def test_who_could_not_decide_is_taken_up_while_the_others_go() -> None:
    game = waiting()
    game.states[1] = replace(game.states[1], hold=Hold.INCONCLUSIVE)
    assert kinds(commands.promote(game.states, game.now, unready=READY)) == [["step_started"], ["resumed"], []]
    assert kinds(commands.resume(game.states, game.now, unready=READY)) == [[], ["resumed"], []]


def test_who_goes_back_after_another_one_says_so() -> None:
    game = waiting()
    assert [turn_back(game.states, state) for state in game.states] == [None] * 3
    game.stuck = {"lobby"}
    game.record(commands.abort(game.states, game.now, reason="no"))
    wallet, payments, lobby = game.states
    assert turn_back(game.states, lobby) is None, "its turn has come"
    version = payments.canary
    assert turn_back(game.states, wallet) == (
        f"given up: no; going back as soon as nobody is sent to {version} of payments any more"
    )
    read_before = replace(wallet, weight_bp=1)
    assert turn_back(game.states, read_before) == turn_back(game.states, wallet)
    game.states[1] = replace(payments, weight_bp=0)
    assert turn_back(game.states[:2], game.states[1]) == "given up: lobby-1 is no longer in progress; going back"


def test_what_goes_back_or_is_over_is_asked_in_vain() -> None:
    game = waiting()
    game.stuck = {"lobby"}
    game.record(commands.abort(game.states, game.now, reason="no"))
    assert commands.abort(game.states, game.now, reason="again") == ((), (), ())
    with pytest.raises(Rejected, match=r"All of them go back \(no\) and cannot be paused"):
        commands.pause(game.states, game.now)
    game.stuck = set()
    game.tick()
    with pytest.raises(Rejected, match=r"wallet-1 is over \(aborted\) and cannot be resumed") as refused:
        commands.resume(game.states, game.now, unready=READY)
    assert refused.value.hint == "To start them again: croupier rollout retry wallet-1"


def test_what_succeeded_is_over() -> None:
    game = begun(SetWeight(500), Pause(5.0))
    for _ in range(6):
        game.tick()
    assert {state.phase for state in game.states} == {Phase.SUCCEEDED}
    with pytest.raises(Rejected, match="is over"):
        commands.promote(game.states, game.now, unready=READY)
    with pytest.raises(Rejected, match="has succeeded"):
        commands.abort(game.states, game.now, reason="late")


def test_all_are_retried() -> None:
    game = waiting()
    game.words = {"lobby": BAD}
    game.tick()
    game.record(commands.retry(game.states, game.now, stable=dict.fromkeys(NAMES, "1")))
    assert {(state.phase, state.attempt) for state in game.states} == {(Phase.PENDING, 2)}
