"""Flags that go with a release: turned for those who have it, seen, put back by content, told in words."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, declare
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.gates.edition import EDITION
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.explain import describe_event, describe_step
from croupier.core.rollout.flags.turn import RULE, Flags, Heard, changed, why_impossible
from croupier.core.rollout.flags.turned import unsettled
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Pause, Plan, SetFlag, SetWeight
from croupier.core.rollout.state import RolloutState, routes

NOW = 1_000.0
EXCLUDED = {"if": "market == 'DE'", "variant": "off"}


def flag(by: str = "anna", version: int = 3, **more: Any) -> FlagState:
    source = write_flag(read_flag({"feature": "cashier", "type": "ops", **more}))
    return declare(FlagDeclared(source, digest_of(source)), version=version, actor=by, at=0.0)


def rollout(*steps: Any) -> RolloutState:
    plan = Plan(steps, (), (), edition=EDITION)
    return create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:x", plan, NOW))


class Game:
    """A rollout whose data plane follows at once, and the flags beside it."""

    def __init__(self, *steps: Any, **declared: Any) -> None:
        self.state, self.now = rollout(*steps), NOW
        self.flags: Flags | None = Flags(3, {"cashier": flag(**declared)})
        self.events: list[e.Event] = []
        self.served = True

    def tick(self, after_s: float = 1.0) -> list[str]:
        self.now += after_s
        seen: list[str] = []
        for _ in range(4):
            served = routes(self.state) if self.served else None
            events = decide(self.state, Evidence(canary_ready=True, served=served, flags=self.flags), self.now)
            for event in events:
                self.state = evolve(self.state, event)
                self.take(event)
            self.events += events
            seen += [event.type for event in events]
        return seen

    def take(self, event: e.Event) -> None:
        """The change is in the same commit."""
        if isinstance(event, e.FlagTurned | e.FlagBack):
            assert self.flags is not None
            state = declare(FlagDeclared(event.source, event.digest), version=4, actor="croupier", at=self.now)
            version = self.flags.version + 1
            self.flags = replace(self.flags, version=version, states={"cashier": state})

    def last(self, kind: type[Any]) -> Any:
        return [event for event in self.events if isinstance(event, kind)][-1]


def test_a_share_is_a_last_rule_by_the_rollouts_own_bucket() -> None:
    before = flag(rules=[EXCLUDED]).source
    after = changed(SetFlag("cashier", share_bp=2_500), before, "shop-2.1")
    assert after["rules"] == [
        EXCLUDED,
        {"name": RULE, "rollout": 0.25, "bucketing": {"salt": "shop-2.1"}},
    ]
    more = changed(SetFlag("cashier", share_bp=5_000), after, "shop-2.1")
    assert [rule.get("rollout") for rule in more["rules"]] == [None, 0.5]
    whole = changed(SetFlag("cashier"), more, "shop-2.1")
    assert (whole["rules"], whole["default"]) == ([EXCLUDED], "on")


def test_it_is_turned_when_players_are_seen_to_have_the_code_and_left_when_clients_have_it() -> None:
    game = Game(SetWeight(2_500), SetFlag("cashier", share_bp=2_500), Pause(60.0))
    game.served = False
    assert "flag_turned" not in game.tick()
    game.served = True
    assert game.flags is not None
    game.flags = replace(game.flags, heard=Heard(2, ("lobby-1",)))
    assert "flag_turned" in game.tick()
    assert game.state.step == 1
    assert game.tick(5.0) == []
    game.flags = replace(game.flags, heard=Heard(2))
    assert game.tick() == ["flag_seen", "step_started"]
    assert describe_event(game.last(e.FlagSeen)) == "flag cashier is with 2 of 2 clients"


def test_clients_are_waited_for_so_long_and_named() -> None:
    game = Game(SetWeight(2_500), SetFlag("cashier", share_bp=2_500, wait_s=10.0), Pause(60.0))
    assert game.flags is not None
    game.flags = replace(game.flags, heard=Heard(2, ("lobby-1",)))
    game.tick()
    game.tick()
    assert game.tick(10.0) == ["flag_seen", "step_started"]
    said = describe_event(game.last(e.FlagSeen))
    assert said == "flag cashier is with 1 of 2 clients; waited in vain for 1: lobby-1"


def test_what_is_not_known_is_waited_for() -> None:
    game = Game(SetWeight(2_500), SetFlag("cashier", share_bp=2_500), Pause(60.0))
    game.flags = None
    assert "flag_turned" not in game.tick()
    assert game.state.step == 1


def test_it_goes_back_before_the_players_and_what_is_turned_twice_to_what_it_was_at_first() -> None:
    game = Game(SetWeight(10_000), SetFlag("cashier", share_bp=2_500), SetFlag("cashier"), Pause(60.0))
    before = flag().source
    game.tick()
    game.tick()
    assert len([event for event in game.events if isinstance(event, e.FlagTurned)]) == 2
    assert game.flags is not None
    assert game.flags.states["cashier"].source != before
    events = decide(game.state, Evidence(failure="it crashed", flags=game.flags), game.now)
    assert [event.type for event in events] == ["abort_started", "flag_back"]
    for event in events:
        game.state = evolve(game.state, event)
        game.take(event)
    assert game.flags.states["cashier"].source == before
    assert unsettled(game.state.turned) == ()
    assert game.tick() == ["aborted"]


def test_it_is_not_over_before_its_flags_are_settled() -> None:
    game = Game(SetWeight(2_500), SetFlag("cashier", share_bp=2_500), Pause(60.0))
    game.tick()
    known, game.flags = game.flags, None
    game.state = evolve(game.state, e.AbortStarted(Cause.PERSON, "no", game.now))
    assert game.tick() == []
    game.flags = known
    assert game.tick() == ["flag_back", "aborted"]
    assert game.state.phase is Phase.ABORTED


@pytest.mark.parametrize(
    "found, why",
    [
        (flag(by="boris", default="on"), "flag cashier was changed by boris since, so it was left as it is"),
        (None, "flag cashier is gone, so it was not put back"),
        (replace(flag(), archived=True), "flag cashier is gone, so it was not put back"),
    ],
)
def test_what_is_somebody_elses_is_left(found: FlagState | None, why: str) -> None:
    game = Game(SetWeight(2_500), SetFlag("cashier", share_bp=2_500), Pause(60.0))
    game.tick()
    game.flags = Flags(9, {"cashier": found} if found else {})
    game.state = evolve(game.state, e.AbortStarted(Cause.PERSON, "no", game.now))
    assert game.tick() == ["flag_left", "aborted"]
    assert describe_event(game.last(e.FlagLeft)) == why


def test_a_step_does_not_turn_what_somebody_changed_and_a_person_goes_on() -> None:
    game = Game(SetWeight(10_000), SetFlag("cashier", share_bp=2_500), Pause(5.0), SetFlag("cashier"), Pause(60.0))
    game.tick()
    game.tick()
    game.flags = Flags(9, {"cashier": flag(by="boris", default="on")})
    game.tick(6.0)
    assert game.state.hold is Hold.STEP
    assert game.last(e.Paused).reason == "flag cashier was changed by boris since, so this step does not turn it"


def test_a_flag_that_cannot_be_read_any_more_is_not_turned() -> None:
    game = Game(SetWeight(2_500), SetFlag("cashier", share_bp=2_500), Pause(60.0))
    broken = replace(flag(), source={"feature": "cashier", "rules": 5})
    game.flags = Flags(3, {"cashier": broken})
    game.tick()
    assert game.last(e.Paused).reason.startswith("flag cashier cannot be turned")


@pytest.mark.parametrize(
    "step, found, why",
    [
        (SetFlag("cashier"), None, "there is no flag 'cashier'"),
        (SetFlag("cashier", "blue"), flag(), "flag cashier has no variant 'blue'; it has on, off"),
        (
            SetFlag("cashier"),
            flag(environments={"production": {"default": "on"}}),
            "flag cashier answers by rules of its own in an environment, which a rollout does not change",
        ),
        (SetFlag("cashier"), flag(), None),
    ],
)
def test_flags_that_cannot_be_turned(step: SetFlag, found: FlagState | None, why: str | None) -> None:
    assert why_impossible(step, found) == why


def test_words() -> None:
    state = rollout(SetFlag("cashier"), SetFlag("cashier", "blue", 2_500), Pause(5.0))
    assert describe_step(state.plan.steps[0]) == "flag cashier on"
    assert describe_step(state.plan.steps[1]) == "flag cashier blue for 25 % of the players"
    turned = e.FlagTurned("cashier", 1, {}, {}, "d", 4, NOW)
    assert describe_event(turned, state) == "flag cashier blue for 25 % of the players, by version 4 of the flags"
    assert describe_event(turned) == "flag cashier turned, by version 4 of the flags"
    back = e.FlagBack("cashier", {}, "d", NOW)
    assert describe_event(back) == "flag cashier answers as before the rollout again"
