"""The canonical declaration: short, and the same flag when it is read back, also from canonical JSON."""

import json

import pytest
import rfc8785
from hypothesis import given
from tests.core.flags.strategies import flags

from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.line import flag_line
from croupier.core.flags.model import OFF, ON, Bucketing, Flag, FlagType, Rule, Share, ValueType
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import declare
from croupier.core.flags.write import digest_of, write_flag


@given(flags())
def test_what_is_written_is_read_back(flag: Flag) -> None:
    assert read_flag(write_flag(flag)) == flag


@given(flags())
def test_the_journal_s_copy_is_the_same_flag_in_every_letter(flag: Flag) -> None:
    """Canonical JSON sorts names and writes 1.0 as 1: the state that is rebuilt from it serves the same lines."""
    source = write_flag(flag)
    copy = json.loads(rfc8785.dumps(source))
    assert digest_of(copy) == digest_of(source)
    for environment in ("production", *flag.environments):
        lines = [
            flag_line(declare(FlagDeclared(each, "d"), version=1, actor="a", at=0), environment)
            for each in (source, copy)
        ]
        assert lines[0] == lines[1]


def test_it_is_as_short_as_a_person_would_write_it() -> None:
    bare = {
        "feature": "payments_v2",
        "rules": [
            {"if": "market in ['DE','SE']", "rollout": 0.25},
            {"if": "brand == 'X' && user.isEmployee", "rollout": 1.0},
        ],
        "kill_switch": False,
    }
    assert write_flag(read_flag(bare)) == {
        "feature": "payments_v2",
        "type": "release",
        "rules": [{"if": "market in ['DE','SE']", "rollout": 0.25}, {"if": "brand == 'X' && user.isEmployee"}],
    }


@pytest.mark.parametrize(
    "serve, written",
    [
        ((Share("blue", 70), Share("green", 30)), {"blue": 70, "green": 30}),
        (
            (Share("green", 30), Share("blue", 70)),
            [{"variant": "green", "weight": 30}, {"variant": "blue", "weight": 70}],
        ),
        ((Share("blue", 1), Share("blue", 2)), [{"variant": "blue", "weight": 1}, {"variant": "blue", "weight": 2}]),
    ],
)
def test_the_order_of_variants_is_kept_because_it_decides_who_gets_which(
    serve: tuple[Share, ...], written: object
) -> None:
    variants = {OFF: "", "blue": "b", "green": "g"}
    flag = Flag("f", value_type=ValueType.STRING, variants=variants, rules=(Rule(serve=serve),))
    source = write_flag(flag)
    assert source["rules"][0]["variants"] == written
    assert read_flag(source) == flag


def test_one_and_zero_are_not_true_and_false() -> None:
    flag = Flag("f", value_type=ValueType.INTEGER, variants={ON: 1, OFF: 0})
    assert write_flag(flag)["variants"] == {ON: 1, OFF: 0}


def test_whole_numbers_stay_numbers() -> None:
    flag = Flag("f", value_type=ValueType.NUMBER, variants={ON: 1.0, OFF: 0.0})
    again = read_flag(json.loads(rfc8785.dumps(write_flag(flag))))
    assert again == flag
    assert type(again.variants[ON]) is float


def test_an_ops_flag_says_what_is_safe() -> None:
    flag = Flag("f", type=FlagType.OPS, value_type=ValueType.STRING, variants={OFF: "old"})
    assert write_flag(flag)["safe"] == OFF


def test_an_empty_salt_is_a_salt() -> None:
    flag = Flag("f", bucketing=Bucketing(salt=""))
    assert read_flag(write_flag(flag)).bucketing.salt == ""
