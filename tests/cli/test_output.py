"""How the command line speaks: exit codes, plain text when piped, colour only in a terminal, nothing hostile."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from croupier.cli import output
from croupier.cli.connection import Denied
from croupier.cli.output import (
    Exit,
    clean,
    clock_time,
    exit_code,
    last_day,
    percent,
    plain,
    print_json,
    print_table,
    report,
    when,
)
from croupier.errors import Conflict, Corrupt, CroupierError, Fenced, NotFound, Problem, Rejected, Transient

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"


@pytest.mark.parametrize(
    "error, code",
    [
        (NotFound("x"), 3),
        (Conflict("x"), 4),
        (Fenced("x"), 4),
        (Rejected("x"), 5),
        (Denied("x"), 6),
        (Transient("x"), 7),
        (Corrupt("x"), 1),
        (CroupierError("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: CroupierError, code: int) -> None:
    assert exit_code(error) == code


def test_the_page_and_the_code_agree() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z ]+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(int(code), name) for code, name, _ in rows] == [
        (item.value, item.name.lower().replace("_", " ")) for item in Exit
    ]
    assert all(len(meaning) > 10 for _, _, meaning in rows)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain", "plain"),
        ("ünï → ✓ 日本", "ünï → ✓ 日本"),
        ("a\tb\nc\rd", "a b c d"),
        ("\x1b[2J", "␛[2J"),
        ("\x00\x07\x08", "␀␇␈"),
        ("\x7f\x85\x9b", "���"),
        ("\u202eright\u2066left\u200f", "�right�left�"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["[red]", "[/]", "[2]", "\\[red]", "\\", "[[x]]", "[link=http://x]y[/link]", "a[b]\\"])
def test_text_from_outside_is_never_markup(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.out.print(f"[bold]{plain(text)}[/]!")
    assert capsys.readouterr().out == f"{text}!\n"


def test_a_table_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "B"), [("x\ty", None), ("", 5)])
    print_table(("A", "B"), [(1, 2)], heading=False)
    print_table(("A", "B"), [])
    assert capsys.readouterr().out == "A\tB\nx y\t-\n-\t5\n1\t2\nA\tB\n"


def test_a_table_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(output.out.console, "_force_terminal", True)
    print_table(("A", "B"), [("paused", "[red]x[/]\x1b[2J")])
    shown = capsys.readouterr().out
    assert "[red]x[/]␛[2J" in shown
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).split() == ["A", "B", "paused", "[red]x[/]␛[2J"]
    print_table(("A", "B"), [("[x]", 1)], heading=False)
    assert capsys.readouterr().out.split() == ["[x]", "1"]
    print_table(("A", "B"), [])
    assert capsys.readouterr().out == ""


def test_json_says_the_same_and_holds_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "\x1b\x9b\u202e\x7f\n→"})
    said = capsys.readouterr().out
    assert said == '{\n  "a": "\\u001b\\u009b\\u202e\\u007f\\n→"\n}\n'


def test_an_error_names_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    problems = (Problem("is wrong.", ("spec", "steps", 2, "setWeight"), "Write 5."),)
    report(Rejected("two\nlines", hint="try again", problems=problems))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: two\nlines\n  spec.steps[2].setWeight: is wrong. Write 5.\nhint: try again\n"


def test_what_the_error_says_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    day, gone = Problem("no day.", ("expires",), "Write a day."), Problem("gone.", ("flag",))
    report(Rejected(f"The flag is wrong: {day}", problems=(day,)))
    assert capsys.readouterr().err == "error: The flag is wrong: expires: no day. Write a day.\n"
    report(Rejected(f"The flags are wrong: {day}, and 1 more", problems=(day, gone)))
    assert capsys.readouterr().err.splitlines()[1:] == ["  flag: gone."]
    placed = Problem(gone.message, (0, *gone.path))
    for message, problem in ((f"Wrong: {gone}", placed), (f"Wrong: {placed}", gone)):
        report(Rejected(message, problems=(problem,)))
        assert capsys.readouterr().err == f"error: {message}\n"
    elsewhere = Problem(gone.message, ("Rollout/shop", *gone.path))
    report(Rejected(f"Wrong: {gone}", problems=(elsewhere,)))
    assert capsys.readouterr().err.splitlines()[1:] == ["  Rollout/shop.flag: gone."]


def test_an_end_at_midnight_is_the_day_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_day("2027-02-01T00:00:00.000Z") == "2027-01-31"
    assert last_day("2027-02-01T01:00:00+01:00") == "2027-01-31"
    assert (last_day("2027-02-01T12:00:00Z"), last_day(None)) == ("2027-02-01T12:00:00Z", "-")
    monkeypatch.setattr(output.out.console, "_force_terminal", True)
    assert last_day("2027-02-01T00:00:00.000Z") == "2027-01-31"


def test_times_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC).astimezone()
    assert clock_time(now.isoformat()) == now.strftime("%H:%M:%S")
    assert clock_time("2001-02-03T12:05:06Z").startswith("2001-02-0")
    assert clock_time(None) == "-"
    assert (when("2001-02-03T12:05:06Z"), when(None)) == ("2001-02-03T12:05:06Z", "-")
    monkeypatch.setattr(output.out.console, "_force_terminal", True)
    assert when(now.isoformat()) == now.strftime("%H:%M:%S")
    assert (percent(None), percent(0.25), percent(5)) == ("-", "0.25 %", "5 %")
