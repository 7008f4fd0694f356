"""What keeps an action from working is told before anything starts."""

from dataclasses import replace

import pytest
from tests.core.rollout.groups.stories import BY_MARKET, DEPOSITS

from croupier.core.gates import (
    BurnRule,
    EventsSli,
    Gate,
    HardStop,
    HoldPlayers,
    KillFlag,
    OnGroupFail,
    PopulationRule,
)
from croupier.core.gates.check import check_gate
from croupier.core.gates.sli import Group
from croupier.core.rollout.groups.check import labels_held, undistinguishing, unreachable
from croupier.core.rollout.groups.words import asked
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight
from croupier.errors import Rejected

SPEC = RolloutSpec("shop", "shop", (SetWeight(2_000), Pause(600)), ("deposits",))


def kill(*templates: str, **more: float) -> OnGroupFail:
    return OnGroupFail(tuple(KillFlag(template) for template in templates), **more)  # type: ignore[arg-type]


def test_a_sound_gate() -> None:
    assert check_gate(DEPOSITS) == ()
    assert check_gate(BY_MARKET) == ()


@pytest.mark.parametrize(
    "gate, why",
    [
        (replace(DEPOSITS, by=(), on_group_fail=kill("pay")), "the gate has no groups that could fail alone"),
        (replace(DEPOSITS, advisory=True), "an advisory gate stops nothing, so it acts on nothing either"),
        (replace(DEPOSITS, rule=BurnRule()), "only a rule and sequential decide by group"),
        (replace(DEPOSITS, on_group_fail=OnGroupFail(())), "there is no action"),
        (replace(DEPOSITS, on_group_fail=kill("psp_{shop}")), r"does not split by 'shop' \(by: psp\)"),
        (replace(DEPOSITS, on_group_fail=OnGroupFail((HoldPlayers(("market",)),))), "does not split by 'market'"),
        (replace(DEPOSITS, on_group_fail=kill("psp_{psp")), "is no name of a flag with labels in it"),
        (replace(DEPOSITS, on_group_fail=kill("a", at_most=0)), "0 groups are none"),
        (replace(DEPOSITS, on_group_fail=kill("a", watch_s=0.0)), "0 seconds is not possible"),
    ],
)
def test_what_cannot_work(gate: Gate, why: str) -> None:
    problems = check_gate(gate)
    with pytest.raises(Rejected, match=why):
        raise Rejected("; ".join(map(str, problems)))


def test_a_hard_stop_alone_says_nothing_of_an_action() -> None:
    gate = replace(DEPOSITS, objective=None, comparison=None, hard_stop=HardStop(failing=0.5))
    assert "nobody could tell whether an action helped" in "; ".join(map(str, check_gate(gate)))


def test_a_template_names_a_flag_and_knows_its_like() -> None:
    action = KillFlag("psp_{psp}_{market}")
    assert action.labels == ("psp", "market")
    assert action.named((("market", "DE"), ("psp", "k"))) == "psp_k_DE"
    assert action.matches("psp_k_DE")
    assert not action.matches("psp_k")
    assert KillFlag("payments.v2").matches("payments.v2")
    assert not KillFlag("payments.v2").matches("payments_v2")


def test_the_scope_is_what_the_actions_name() -> None:
    group: Group = (("psp", "k"), ("market", "DE"))
    assert kill("psp_{psp}").scope(group) == (("psp", "k"),)
    assert kill("payments_v2").scope(group) == group
    assert OnGroupFail((KillFlag("p_{psp}"), HoldPlayers(("market",)))).scope(group) == group


def test_a_population_that_cannot_tell_who_is_held() -> None:
    population = Gate("ratio", DEPOSITS.sli, rule=PopulationRule())
    spec = replace(SPEC, guards=("deposits", "ratio"))
    with pytest.raises(Rejected, match="gate 'ratio' counts everybody's events, and once market is held"):
        resolve(spec, [BY_MARKET, population], [])
    gates = {"deposits": BY_MARKET, "ratio": replace(population, by=("market",))}
    assert not list(unreachable(spec, gates, gates))
    assert labels_held(population) == ()


def test_a_gate_beside_that_cannot_tell_the_groups_apart_is_warned_of() -> None:
    beside = replace(DEPOSITS, name="errors", by=(), on_group_fail=None)
    spec = replace(SPEC, guards=("deposits", "errors", "unknown"))

    def warned(gate: Gate) -> list[str]:
        return [str(each) for each in undistinguishing(spec, {"deposits": DEPOSITS, "errors": gate}, spec.guards)]

    assert "gate 'errors' cannot tell psp apart: what 'deposits' finds" in warned(beside)[0]
    assert not warned(replace(beside, by=("psp",)))
    assert not warned(replace(beside, advisory=True))
    assert not warned(replace(beside, sli=EventsSli("drift_total")))
    assert not list(undistinguishing(spec, {"errors": beside}, spec.guards))


def test_what_is_asked_for_in_words() -> None:
    assert (
        asked(kill("psp_{psp}")) == "a group that fails alone has its flag psp_{psp} turned off, for 2 groups at most"
    )
    both = OnGroupFail((KillFlag("p"), HoldPlayers(("market",))), at_most=1)
    assert asked(both).endswith("its flag p turned off and its players held by market, for 1 group at most")
