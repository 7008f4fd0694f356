"""Several services wait for one approval, of all that they are: one digest, and all of them go on at once."""

from dataclasses import replace

import pytest
from tests.core.rollout.together.story import Game, begun

from croupier.core.rollout import approval as single
from croupier.core.rollout import events as e
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Approval, Pause, SetWeight
from croupier.core.rollout.together import commands
from croupier.core.rollout.together.approval import approve, digest
from croupier.errors import Conflict, Rejected

STEPS = (SetWeight(500), Pause(1.0), Approval(Consent(2)), SetWeight(2_500), Pause(5.0))
READY = {"wallet-1": None, "payments-1": None}


def waiting() -> Game:
    game = begun(*STEPS, services=("wallet", "payments"))
    game.states = [replace(state, starters=("anna",)) for state in game.states]
    for _ in range(3):
        game.tick()
    assert {state.hold for state in game.states} == {Hold.APPROVAL}
    return game


def approved(game: Game, actor: str, of: str | None = None, role: str = "admin") -> None:
    of = digest(game.states) if of is None else of
    game.record(approve(game.states, game.now, actor=actor, role=role, of=of, reason="seen"), asked=True)


def test_all_go_on_when_enough_people_have_approved_of_all() -> None:
    game = waiting()
    of = digest(game.states)
    approved(game, "boris")
    assert {state.phase for state in game.states} == {Phase.PAUSED}
    approved(game, "boris")  # twice is once
    approved(game, "clara")
    assert {state.phase for state in game.states} == {Phase.PROGRESSING}
    assert {event.digest for _, event in game.events if isinstance(event, e.Approved)} == {of}
    assert game.told("approved") == ["payments", "wallet"] * 2
    game.tick()
    assert game.weights() == [2_500, 2_500]
    assert game.order.broken == []


def test_the_digest_is_of_all_of_them() -> None:
    game = waiting()
    of = digest(game.states)
    assert of not in {single.digest(state) for state in game.states}
    assert digest(game.states[:1]) == single.digest(game.states[0])
    game.states[1] = replace(game.states[1], canary_digest="sha256:other")
    assert digest(game.states) != of
    with pytest.raises(Conflict, match="wallet-1 and payments-1 are not what you looked at"):
        approved(game, "boris", of)


def test_nobody_approves_of_what_they_started_and_nobody_gets_past_it() -> None:
    game = waiting()
    with pytest.raises(Rejected, match="Anna started wallet-1"):
        approved(game, "Anna")
    with pytest.raises(Rejected, match="boris is viewer"):
        approved(game, "boris", role="viewer")
    for ask in (commands.resume, commands.promote):
        with pytest.raises(Rejected, match="cannot go on: it needs an approval"):
            ask(game.states, game.now, unready=READY)
    with pytest.raises(Rejected, match="needs an approval"):
        commands.promote(game.states, game.now, full=True, unready=READY)


def test_what_waits_for_none_and_what_goes_back_is_not_approved_of() -> None:
    game = begun(*STEPS, services=("wallet", "payments"))
    with pytest.raises(Rejected, match="wallet-1 waits for no approval"):
        approved(game, "boris")
    game = waiting()
    game.stuck = {"payments"}
    game.record(commands.abort(game.states, game.now, reason="no"))
    with pytest.raises(Rejected, match=r"All of them go back \(no\) and wait for no approval"):
        approved(game, "boris")
