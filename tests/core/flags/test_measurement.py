"""A flag that an experiment measures: on its line, in its outcomes, in its state, and gone again."""

import json
import sys
from typing import Any

import pytest

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line
from croupier.core.flags.measurement import Measurement, measured
from croupier.core.flags.outcome import Outcome, Reason
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import snapshot
from croupier.core.flags.state import FlagState, declare, evolve

RUN = "0f" * 16
DEAL = {"name": "deal", "variants": {"a": 1, "b": 1}}
STARTED = e.FlagMeasured(RUN, "lobby", "production", "deal", "", ("bet",))


def state(*rules: dict[str, Any], **more: Any) -> FlagState:
    source = {
        "feature": "f",
        "type": "ops",
        "variants": {"a": 1, "b": 2},
        "off": "a",
        "default": "a",
        "safe": "a",
        "rules": list(rules),
        **more,
    }
    return declare(e.FlagDeclared(source, "d"), version=1, actor="anna", at=1.0)


def started(before: FlagState) -> FlagState:
    return evolve(before, STARTED, version=2, actor="anna", at=2.0)


def asked(flag: FlagState, environment: str = "production", **context: Any) -> Outcome:
    whole = snapshot(environment, "x", 2, [flag_line(flag, environment)])
    return Ruleset(whole, lambda: 0.0).outcome("f", context)


def test_it_is_part_of_the_state_until_its_run_is_over() -> None:
    measuring = started(state(DEAL))
    assert measuring.measured == (Measurement(RUN, "lobby", "production", "deal", "", ("bet",)),)
    assert started(measuring).measured == measuring.measured
    other = evolve(measuring, e.FlagUnmeasured("other"), version=3, actor="anna", at=3.0)
    assert other.measured == measuring.measured
    assert evolve(other, e.FlagUnmeasured(RUN), version=4, actor="anna", at=4.0).measured == ()


def test_what_the_measured_rule_deals_is_an_exposure_there() -> None:
    measuring = started(state({"if": "market == 'MT'", "variant": "a"}, DEAL))
    outcome = asked(measuring, user="p", market="DE")
    assert (outcome.run, outcome.limit, outcome.reason) == (RUN, sys.maxsize, Reason.SPLIT)
    assert asked(measuring, user="p", market="MT").run is None
    assert asked(measuring, "staging", user="p", market="DE").run is None
    assert asked(measuring, market="DE").run is None, "nobody without an id is dealt anything"


def test_one_for_whom_a_rule_before_could_not_be_decided_is_exposed_all_the_same() -> None:
    outcome = asked(started(state({"if": "market == 'MT'", "variant": "a"}, DEAL)), user="p")
    assert outcome.run == RUN
    assert "market" in outcome.detail


@pytest.mark.parametrize("last", [True, False])
def test_whom_the_share_leaves_out_counts_if_no_rule_follows(last: bool) -> None:
    half = {"name": "deal", "rollout": 0.5, "variant": "b"}
    more = () if last else ({"if": "market == 'MT'", "variant": "b"},)
    measuring = started(state(half, *more))
    outcomes = {asked(measuring, user=f"p{number}", market="DE") for number in range(50)}
    runs = {(outcome.variant, outcome.run) for outcome in outcomes}
    assert runs == {("b", RUN), ("a", RUN if last else None)}


def test_a_killed_flag_deals_nothing() -> None:
    killed = evolve(started(state(DEAL)), e.FlagKilled("fire"), version=3, actor="anna", at=3.0)
    assert asked(killed, user="p").run is None


@pytest.mark.parametrize("said", [None, 3, {}, {"run": 3, "rule": "deal"}, {"run": RUN}])
def test_what_a_later_version_says_otherwise_is_nothing(said: Any) -> None:
    assert measured({"experiment": said}) == ("", "")
    line = json.loads(flag_line(state(DEAL), "production").split("\t")[2]) | {"experiment": said}
    whole = snapshot("production", "x", 2, [f"f\t2\t{json.dumps(line)}"])
    assert Ruleset(whole, lambda: 0.0).outcome("f", {"user": "p"}).run is None
