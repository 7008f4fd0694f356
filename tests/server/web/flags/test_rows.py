"""What a list says beside a flag: an end that is near, and debt."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, Kill, declare
from croupier.core.flags.write import digest_of, write_flag
from croupier.server.web.flags.rows import days, marks

DAY = 86_400.0


def state(**changed: Any) -> FlagState:
    source = write_flag(read_flag({"feature": "f", "owner": "me", "rules": [{}], "expires_at": 100 * DAY}))
    return replace(declare(FlagDeclared(source, digest_of(source)), version=1, actor="anna", at=0.0), **changed)


@pytest.mark.parametrize(
    "changed,now,said",
    [
        ({}, 1, []),
        ({}, 90, ["debt: the same for everybody for 90 days", "expires in 10 days"]),
        ({"full_since": None}, 98.5, ["expires in 1 day"]),
        ({"full_since": None}, 99.5, ["expires in less than a day"]),
        ({"full_since": None}, 101, ["expired 1 day ago"]),
        ({"full_since": None, "reverted_at": 100 * DAY}, 103, ["expired 3 days ago"]),
        ({"full_since": None, "kills": (Kill("carol", 0.0, "x"),)}, 20, ["killed for 20 days"]),
        ({"archived": True}, 200, []),
    ],
)
def test_marks(changed: dict[str, Any], now: float, said: list[str]) -> None:
    assert [mark.text for mark in marks(state(**changed), now * DAY)] == said


def test_days() -> None:
    assert [days(count * DAY) for count in (0.9, 1.5, 2.5)] == ["less than a day", "1 day", "2 days"]
