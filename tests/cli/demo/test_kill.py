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


SERVING = ("casino.auth-1.0.0-", "casino.games-1.0.0-", "casino.payments-1.1.0-", "casino.promo-1.0.0-")


def heard(version: int, current: int, *behind: str, p99: float | None = 40.0) -> dict[str, Any]:
    laggards = [{"client": name, "version": version - 1} for name in behind]
    return {"version": version, "current": current, "laggards": laggards, "p99Ms": p99}


def told() -> Kill:
    """A kill as it should go: 20 hurt, the last one 150 ms after it, all four processes without the flag."""
    told = Kill(AT, version=7, credited=30)
    before = Figures(deposits={FAILED: 2, CREDITED: 100, OTHER: 9})
    after = Figures(AT + 0.15 + QUIET_S, {FAILED: 22, CREDITED: 160, OTHER: 9}, {VERSION: AT + 0.15, "1.2.0": AT + 9})
    told.see(before, after)
    told.hear(heard(7, 4), SERVING)
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


def test_only_processes_that_serve_have_to_confirm() -> None:
    kill = Kill(AT, version=7)
    kill.hear(heard(6, 4), SERVING)
    assert not kill.is_confirmed, "that is an older version"
    kill.hear(heard(7, 3, "casino.payments-1.1.0-4711", p99=None), SERVING)
    assert (kill.clients, kill.confirmed, kill.slowest_s) == (4, 3, None)
    kill.hear(heard(7, 2), SERVING)
    assert kill.confirmed == 2, "two have never been heard of"
    kill.hear(heard(7, 5, "casino.payments-1.2.0-4712"), SERVING)
    assert kill.is_confirmed, "a version that was rolled back is gone"


def test_the_summary_says_what_it_broke_and_how_soon_that_ended(capsys: pytest.CaptureFixture[str]) -> None:
    summary([], Figures(), told())
    assert capsys.readouterr().out.splitlines()[1:] == [
        (
            f"Flag {FLAG}, on for 25% of the players: killed; 20 deposits failed, the last one 150 ms after the kill, "
            "30 were credited since; all 4 processes confirmed within 40 ms."
        ),
        "Requests lost: 0",
    ]
    early = told()
    early.last_failed = AT - 0.1
    summary([], Figures(), early)
    assert "20 deposits failed, none after it, 30 were credited since" in capsys.readouterr().out
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
