"""What a type demands is filled in once, and stays."""

from dataclasses import replace

import pytest

from croupier.core.flags import events as e
from croupier.core.flags.model import Flag, FlagType
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.core.flags.types import DAY_S, complete
from croupier.core.flags.write import write_flag

NOW = 1_800_000_000.5


def state_of(flag: Flag) -> FlagState:
    return declare(e.FlagDeclared(write_flag(flag), ""), version=1, actor="a", at=NOW)


@pytest.mark.parametrize(
    "kind, owner, days",
    [
        (FlagType.RELEASE, "ann", 60),
        (FlagType.EXPERIMENT, "ann", 30),
        (FlagType.OPS, "", None),
        (FlagType.PERMISSION, "", None),
    ],
)
def test_what_is_filled_in(kind: FlagType, owner: str, days: int | None) -> None:
    flag = complete(Flag("f", type=kind), actor="ann", now=NOW)
    assert flag.owner == owner
    assert flag.expires_at == (None if days is None else 1_800_000_000 + days * DAY_S)


def test_what_the_author_wrote_stays() -> None:
    flag = Flag("f", owner="lobby", expires_at=5.0)
    assert complete(flag, actor="ann", now=NOW) == flag


def test_applying_the_same_file_again_renews_nothing() -> None:
    first = complete(Flag("f"), actor="ann", now=NOW)
    again = complete(Flag("f", description="x"), actor="bob", now=NOW + DAY_S, before=state_of(first))
    assert again == replace(first, description="x")


def test_another_type_starts_anew() -> None:
    release = complete(Flag("f"), actor="ann", now=NOW)
    experiment = complete(Flag("f", type=FlagType.EXPERIMENT), actor="bob", now=NOW, before=state_of(release))
    assert (experiment.owner, experiment.expires_at) == ("ann", 1_800_000_000 + 30 * DAY_S)


def test_so_does_a_flag_that_was_archived_or_had_neither() -> None:
    gone = evolve(state_of(Flag("f", owner="ann", expires_at=5.0)), e.FlagArchived(), version=2, actor="a", at=NOW)
    ops = state_of(Flag("f", type=FlagType.OPS))
    for before in (gone, ops):
        flag = complete(Flag("f"), actor="bob", now=NOW, before=before)
        assert (flag.owner, flag.expires_at) == ("bob", 1_800_000_000 + 60 * DAY_S)
