"""By which rule a flag deals, and in which shares."""

from dataclasses import replace

import pytest
from tests.core.experiments.conftest import FLAG

from croupier.core.experiments import Arm, dealt
from croupier.core.flags.model import Bucketing, Override, Rule, Share
from croupier.errors import Rejected

HALF = Rule(rollout=5_000, serve=(Share("recent", 1),))


def test_the_only_rule_that_deals_is_found_with_its_shares() -> None:
    found = dealt(FLAG, "production")
    assert (found.rule, found.by) == ("others", "")
    assert found.arms == (Arm("classic", 0.5), Arm("recent", 0.25), Arm("popular", 0.25))


def test_whom_the_last_rule_leaves_out_gets_the_default() -> None:
    flag = replace(FLAG, rules=(replace(HALF, rollout=2_000, serve=(Share("recent", 3), Share("classic", 1))),))
    assert {arm.variant: round(arm.share, 9) for arm in dealt(flag, "production").arms} == {
        "recent": 0.15,
        "classic": 0.85,
    }
    nothing = replace(FLAG, rules=(replace(HALF, rollout=2_000, serve=(Share("recent", 1), Share("popular", 0))),))
    assert [arm.variant for arm in dealt(nothing, "production").arms] == ["recent", "classic"]


def test_whom_another_rule_may_take_is_not_dealt_by_this_one() -> None:
    first = replace(HALF, serve=(Share("recent", 1), Share("popular", 1)))
    flag = replace(FLAG, rules=(first, Rule(condition="market == 'MT'", serve=(Share("classic", 1),))))
    assert dealt(flag, "production").arms == (Arm("recent", 0.5), Arm("popular", 0.5))


def test_players_are_known_by_what_the_rule_or_the_flag_says() -> None:
    flag = replace(FLAG, bucketing=Bucketing(by="account.id"))
    assert dealt(flag, "production").by == "account.id"
    rule = replace(FLAG.rules[1], bucketing=Bucketing(by="device"))
    assert dealt(replace(flag, rules=(rule,)), "production").by == "device"


def test_an_environment_deals_by_its_own_rules() -> None:
    flag = replace(FLAG, environments={"staging": Override(rules=(HALF,)), "test": Override(enabled=False)})
    assert dealt(flag, "staging").rule == "rule 1"
    with pytest.raises(Rejected, match="not enabled"):
        dealt(flag, "test")


@pytest.mark.parametrize(
    "rules, named, why",
    [
        ((), "", "deals nothing by chance"),
        ((HALF, replace(HALF, name="two")), "", "deals by 2 rules: 'rule 1', 'two'"),
        ((HALF, replace(HALF, name="two")), "three", "no rule 'three'"),
        ((replace(HALF, serve=(Share("classic", 1),)),), "", "gives everybody 'classic'"),
        ((Rule(serve=(Share("recent", 1), Share("classic", 0))),), "", "gives everybody 'recent'"),
    ],
)
def test_what_deals_nothing_is_refused(rules: tuple[Rule, ...], named: str, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        dealt(replace(FLAG, rules=rules), "production", named)


def test_of_several_rules_the_named_one_is_taken() -> None:
    flag = replace(FLAG, rules=(replace(HALF, name="one"), replace(HALF, name="two", rollout=1_000)))
    assert dealt(flag, "production", "two").arms == (Arm("recent", 0.1), Arm("classic", 0.9))
