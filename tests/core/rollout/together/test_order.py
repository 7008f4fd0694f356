"""Random histories keep the order, and would notice if the deciding did not: it is broken here in every way."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rollout.together.story import BAD, GOOD, NAMES, SILENT, Game, begun

from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Pause, SetWeight
from croupier.core.rollout.together import commands, decide
from croupier.core.rollout.together.whole import Events
from croupier.errors import Conflict, Corrupt, Rejected

Move: TypeAlias = tuple[str, Any]

READY = dict.fromkeys((f"{name}-1" for name in NAMES), None)
RISES = ((500, 2_500), (500, 2_500, 1_000, 5_000))
CHOICES: dict[str, Sequence[Any]] = {
    "tick": (0.3, 1.0, 5.0, 12.0, 700.0),
    "stuck": (*NAMES, ""),
    "unready": (*NAMES, ""),
    "words": tuple((name, word) for name in NAMES for word in (GOOD, GOOD, SILENT, BAD)),
    "crash": (None,),
    "lost": (None,),
    "unseen": (True, False),
    "ask": ("promote", "full", "pause", "resume", "abort", "waive", "undo"),
}


def play(game: Game, move: Move) -> None:
    match move:
        case ("tick", float() as after_s):
            game.tick(after_s)
        case ("stuck", str() as service):
            game.stuck = {service}
        case ("unready", str() as service):
            game.unready = {service}
        case ("words", (str() as service, word)):
            game.words[service] = word
        case ("crash", _):
            game.forget_ended()
        case ("lost", _):  # decided, and never recorded
            game.decide()
        case ("unseen", bool() as unseen):
            game.unseen = unseen
        case ("ask", str() as what):
            with suppress(Rejected, Conflict):
                game.record(asked(game, what), asked=True)
        case _:
            raise AssertionError(move)


def asked(game: Game, what: str) -> Events:
    states, now = game.states, game.now
    match what:
        case "pause":
            return commands.pause(states, now)
        case "resume":
            return commands.resume(states, now, unready=READY)
        case "abort":
            return commands.abort(states, now, reason="no")
        case "undo":  # as ``control.way_back``
            done = all(state.phase is Phase.SUCCEEDED for state in states)
            return (*(() for _ in states[1:]), (e.AbortStarted(Cause.UNDO, "no", now),) if done else ())
        case _:
            waive = ("errors",) if what == "waive" else ()
            return commands.promote(states, now, full=what == "full", waive=waive, unready=READY)


def opened(rises: Sequence[int]) -> Game:
    steps = [step for weight in rises for step in (SetWeight(weight), Pause(10.0))]
    return begun(*steps, Pause(), SetWeight(10_000))


@given(
    st.lists(
        st.sampled_from(sorted(CHOICES)).flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from(CHOICES[kind]))),
        max_size=40,
    ),
    st.sampled_from(RISES),
)
def test_no_history_mixes_the_members(history: list[Move], rises: tuple[int, ...]) -> None:
    game = opened(rises)
    for move in history:
        play(game, move)
    game.stuck, game.unready, game.unseen, game.words = set(), set(), False, {}
    for _ in range(40):
        game.tick(12.0)
        play(game, ("ask", "resume"))
    assert game.order.broken == []
    phases = {state.phase for state in game.states}
    assert phases in ({Phase.SUCCEEDED}, {Phase.ABORTED})
    served = {game.served[name].default for name in NAMES}
    assert served == ({"2"} if phases == {Phase.SUCCEEDED} else {"1"})


# --- broken on purpose ------------------------------------------------------------------------------------------------


def history(chance: random.Random, *, calm: bool) -> list[Move]:
    """What happens; where it is calm, all are promoted."""
    if calm:
        return [("tick", 12.0), ("ask", "resume")] * 20
    kinds = [chance.choice(("tick", "tick", "tick", *CHOICES)) for _ in range(40)]
    return [(kind, chance.choice(CHOICES[kind])) for kind in kinds]


def broken(histories: int) -> set[str]:
    """What so many random histories have against the deciding, of every kind: its words without names and numbers."""
    found: set[str] = set()
    for seed in range(histories):
        chance = random.Random(seed)
        game = opened(chance.choice(RISES))
        for move in history(chance, calm=seed % 10 == 0):
            if game.order.broken:
                break  # what follows from it is of no interest
            with suppress(Corrupt):  # what should not have been recorded leads nowhere
                play(game, move)
        found |= {" ".join(word for word in said.split() if word not in NAMES) for said in game.order.broken}
    return found


Break: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def replaced(name: str, value: object) -> Break:
    return lambda patch: patch.setattr(decide, name, value, raising=False)


def only_one_promoted(patch: pytest.MonkeyPatch) -> None:
    whole = decide.decide_each

    def one(*arguments: Any) -> Events:
        events = whole(*arguments)
        promoted = [place for place, mine in enumerate(events) if any(isinstance(each, e.Promoted) for each in mine)]
        return tuple(mine if place not in promoted[1:] else () for place, mine in enumerate(events))

    patch.setattr("tests.core.rollout.together.story.decide_each", one)


@pytest.mark.played
@pytest.mark.parametrize(
    "how, noticed",
    [
        pytest.param(replaced("confirmed", lambda *_: True), "went up", id="nobody waits for the one before"),
        pytest.param(replaced("order", lambda states, _: range(len(states))), "went down", id="down as up"),
        pytest.param(replaced("order", lambda states, _: range(len(states))[::-1]), "went up", id="up as down"),
        pytest.param(replaced("_goes", lambda _: True), "though of", id="one is enough to leave"),
        pytest.param(replaced("reversed", iter), "went back before", id="back as up"),
        pytest.param(replaced("TURN_S", 0.0), "went back with", id="back at once"),
        pytest.param(only_one_promoted, "promoted", id="promoted one by one"),
    ],
)
def test_random_histories_notice_it(monkeypatch: pytest.MonkeyPatch, how: Break, noticed: str) -> None:
    how(monkeypatch)
    found = broken(40)
    assert any(noticed in said for said in found), sorted(found)


@pytest.mark.played
def test_they_have_nothing_against_what_is_right() -> None:
    assert broken(40) == set()
