"""Whether an experiment and its flag fit: names, what the rule deals, and what a change of the flag does to a run."""

from dataclasses import replace

import pytest
from tests.core.experiments.conftest import EXPERIMENT, FLAG

from croupier.core.experiments.fit import disturbed, misnamed, undealt
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.measurement import Measurement
from croupier.core.flags.model import Flag, Override, Rule, Share
from croupier.core.flags.state import FlagState, declare
from croupier.core.flags.write import write_flag

OTHERS = FLAG.rules[1]
STOP = "or stop it: croupier experiment stop lobby-order"


def running(flag: Flag = FLAG) -> FlagState:
    """The flag while the experiment runs on it."""
    state = declare(FlagDeclared(write_flag(flag), "sha256:1"), version=1, actor="anna", at=0.0)
    return replace(state, measured=(Measurement("0f" * 16, "lobby-order", "production", "others"),))


def test_a_name_that_is_no_variant_is_said_with_what_was_meant() -> None:
    asked = replace(EXPERIMENT, control="clasic", treatments=("recent", "x"))
    there = "Its variants are classic, recent, popular."
    assert [str(item) for item in misnamed(asked, FLAG)] == [
        f"spec.control: flag 'lobby' has no variant 'clasic'; did you mean 'classic'? {there}",
        f"spec.treatments[1]: flag 'lobby' has no variant 'x'. {there}",
    ]
    assert misnamed(EXPERIMENT, FLAG) == ()


def test_what_the_rule_does_not_deal_is_said_before_the_start() -> None:
    assert undealt(EXPERIMENT, FLAG) == ()
    nothing = replace(FLAG, rules=())
    assert [item.path for item in undealt(EXPERIMENT, nothing)] == [("spec", "flag")]
    (named,) = undealt(replace(EXPERIMENT, rule="nobody"), FLAG)
    assert str(named) == "spec.rule: lobby in production has no rule 'nobody' that deals by chance. It has 'others'."
    without = replace(FLAG, rules=(replace(OTHERS, serve=(Share("recent", 1), Share("popular", 1))),))
    assert [item.message for item in undealt(EXPERIMENT, without)] == ["nobody gets the control 'classic'."]


@pytest.mark.parametrize(
    "after",
    [
        FLAG,
        replace(FLAG, description="another", rules=(FLAG.rules[0], replace(OTHERS, condition="market == 'SE'"))),
        replace(FLAG, rules=(OTHERS,)),
        replace(FLAG, environments={"staging": Override(enabled=False)}),
        replace(
            FLAG, rules=(replace(OTHERS, serve=tuple(replace(item, weight=item.weight * 2) for item in OTHERS.serve)),)
        ),
    ],
)
def test_who_deals_in_the_same_shares_disturbs_nothing(after: Flag) -> None:
    assert list(disturbed(running(), after)) == []


def test_another_split_is_said_with_the_experiment_and_what_it_means() -> None:
    even = replace(OTHERS, serve=(Share("classic", 50), Share("recent", 50)))
    (found,) = disturbed(running(), replace(FLAG, rules=(even,)))
    assert str(found) == (
        "rules: experiment 'lobby-order' measures 'others' in production, which deals otherwise by this: while that is "
        "not as at the experiment's start, its result is withheld and nobody new is counted. "
        f"Keep variants, weights and rollout of 'others' as then, {STOP}"
    )
    (there,) = disturbed(running(), replace(FLAG, environments={"production": Override(rules=(even,))}))
    assert there.path == ("environments", "production", "rules")
    (back,) = disturbed(running(replace(FLAG, rules=())), FLAG)
    assert "deals otherwise by this" in back.message, "back to dealing, maybe not as at the start: the words say both"


@pytest.mark.parametrize(
    "after",
    [
        replace(FLAG, enabled=False),
        replace(FLAG, rules=(replace(OTHERS, name="renamed"),)),
        replace(FLAG, rules=(replace(OTHERS, serve=(Share("recent", 1),)),)),
        replace(FLAG, environments={"production": Override(enabled=False)}),
    ],
)
def test_a_rule_that_deals_nobody_any_more_counts_nobody(after: Flag) -> None:
    (found,) = disturbed(running(), after)
    assert found.message == (
        "experiment 'lobby-order' measures 'others' in production, which deals nobody there any more: "
        "nobody new is counted."
    )
    assert list(disturbed(running(after), replace(after, description="later"))) == []


def test_a_flag_that_nobody_measures_is_changed_freely() -> None:
    state = replace(running(), measured=())
    assert list(disturbed(state, replace(FLAG, rules=(Rule(),)))) == []
