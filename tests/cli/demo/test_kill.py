"""The demo's flag that is killed: when its story is told as it should be, and what the summary says of it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from croupier.cli.demo import kill
from croupier.cli.demo.kill import FLAG, QUIET_S, VERSION, Kill
from croupier.cli.demo.screen import summary
from croupier.cli.demo.stage import flags
from croupier.core.flags.read import read_flag

AT = 1_000.0
FAILED = (VERSION, "kestrel", "DE", "failed")
CREDITED = (VERSION, "kestrel", "DE", "credited")
OTHER = ("1.2.0", "kestrel", "DE", "failed")


@dataclass
class Figures:
    """What the players saw."""

    at: float = AT
    deposits: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    last_failed_deposit: dict[str, float] = field(default_factory=dict)
    lost: int = 0
    lost_by_reason: dict[str, int] = field(default_factory=dict)


def heard(version: int, clients: int, current: int, p99: float | None = 40.0) -> dict[str, Any]:
    return {"version": version, "clients": clients, "current": current, "p99Ms": p99}


def told() -> Kill:
    """A kill as it should go: 20 hurt, the last one 150 ms after it, all four processes without the flag."""
    told = Kill(AT, version=7, credited=30)
    before = Figures(deposits={FAILED: 2, CREDITED: 100, OTHER: 9})
    after = Figures(AT + 0.15 + QUIET_S, {FAILED: 22, CREDITED: 160, OTHER: 9}, {VERSION: AT + 0.15, "1.2.0": AT + 9})
    told.see(before, after)
    told.hear(heard(7, 4, 4))
    return told


def test_a_kill_that_went_as_it_should() -> None:
    kill = told()
    assert kill.as_expected
    assert (kill.failed, kill.slowest_s) == (20, 0.04)
    assert kill.stopped_after_s == pytest.approx(0.15)


def test_nobody_hurt_after_the_kill_is_no_time_at_all() -> None:
    kill = told()
    kill.last_failed = AT - 0.5
    assert kill.stopped_after_s == 0.0
    kill.last_failed = None
    assert kill.stopped_after_s is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"failed": 0},
        {"credited": 0},
        {"last_failed": AT + 1.0},
        {"ended": AT + 1.0},
        {"confirmed": 3},
        {"clients": 0, "confirmed": 0},
    ],
)
def test_a_kill_that_did_not(wrong: dict[str, Any]) -> None:
    kill = told()
    for name, value in wrong.items():
        setattr(kill, name, value)
    assert not kill.as_expected


def test_processes_that_speak_of_an_older_version_confirm_nothing() -> None:
    kill = Kill(AT, version=7)
    kill.hear(heard(6, 4, 4))
    assert not kill.is_confirmed
    kill.hear(heard(7, 4, 3, None))
    assert (kill.clients, kill.confirmed, kill.slowest_s) == (4, 3, None)


def test_the_summary_says_what_it_broke_and_how_soon_that_ended(capsys: pytest.CaptureFixture[str]) -> None:
    summary([], Figures(), told())
    assert capsys.readouterr().out.splitlines()[1:] == [
        (
            f"Flag {FLAG}, on for 25% of the players: killed; 20 deposits failed, the last one 150 ms after the kill, "
            "30 were credited since; all 4 processes confirmed within 40 ms."
        ),
        "Requests lost: 0",
    ]
    summary([], Figures(), Kill(AT, 7, failed=20, last_failed=AT + 9, ended=AT + 9, clients=4, confirmed=3))
    assert capsys.readouterr().out.splitlines()[1] == (
        f"Flag {FLAG}, on for 25% of the players: killed; 20 deposits failed, and it is not over; "
        "3 of 4 processes confirmed."
    )


def test_only_the_version_that_serves_everybody_counts() -> None:
    assert kill.deposits(Figures(deposits={FAILED: 3, OTHER: 50, CREDITED: 8}), "failed") == 3


def test_the_demos_flags_are_good_and_safe_at_first() -> None:
    declared = {flag.key: flag for flag in map(read_flag, flags())}
    assert not declared[FLAG].rules
    assert all(declared[f"psp_{psp}"].default == "on" for psp in ("kestrel", "velora", "tarn"))
