"""The freeze calendar from the command line: what is coming, iCal both ways, and a rollout that waits."""

import json
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def at(hours: float, how: str = "%Y-%m-%dT%H:%M") -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime(how)


def test_a_terminal_is_shown_what_a_file_has(monkeypatch: Any, tmp_path: Path) -> None:
    """What it would act on is shown as a sign; a pipe and a file get iCal as it is."""
    from croupier.cli import calendar

    ical = b"BEGIN:VCALENDAR\r\nSUMMARY:Cup \x1b[31m final\r\nEND:VCALENDAR\r\n"
    client = SimpleNamespace(content=lambda *_: ical)
    context: Any = SimpleNamespace(obj=SimpleNamespace(open=lambda: nullcontext(client)))
    written = StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    calendar.export(context)
    assert written.getvalue() == ical.decode().replace("\r\n", "\n")
    monkeypatch.setattr(calendar, "out", SimpleNamespace(is_terminal=True))
    written.truncate(0)
    calendar.export(context)
    assert "\x1b" not in written.getvalue()
    assert written.getvalue().count("\n") == 3
    calendar.export(context, output=tmp_path / "all.ics")
    assert (tmp_path / "all.ics").read_bytes() == ical


def declared(cli: Any, folder: Path) -> None:
    """A freeze for everybody now, and one for Swedes tomorrow."""
    file = folder / "calendar.yaml"
    file.write_text(
        "apiVersion: croupier/v1\nkind: Calendar\nmetadata: {name: sports}\nspec:\n  freezes:\n"
        f"  - {{name: Cup final, from: {at(-1)}, to: {at(2)}, why: the cup}}\n"
        f"  - {{name: derby, from: {at(24)}, to: {at(26)}, scope: {{markets: [SE], services: shop}}}}\n"
    )
    done = cli("apply", file)
    assert done.code == 0, done.err


def test_a_rollout_waits_and_is_let_go(shop: Any, cli: Any, tmp_path: Path) -> None:
    declared(cli, tmp_path)
    refused = cli("rollout", "start", "shop", "1.1.0", "--no-wait")
    assert refused.code == 4
    assert "would have to wait: frozen by sports/Cup final until" in refused.err
    started = cli("rollout", "start", "shop", "1.1.0")
    assert started.out.startswith("shop-2 is pending at 0 %: frozen by sports/Cup final until")
    assert "(the cup)" in started.out
    assert cli("rollout", "override", "shop-2", "--freeze", "Cup final").code == 5
    done = cli("rollout", "override", "shop-2", "--freeze", "Cup final", "--reason", "they are through")
    assert done.code == 0, done.err
    shop.until("shop-2", lambda rollout: rollout["weight"] == 20)
    history = cli("rollout", "history", "shop-2")
    assert [row[1] for row in history.rows][:5] == [
        "created", "frozen", "freeze_overridden", "thawed", "step_started",
    ]  # fmt: skip


def test_the_next_weeks(shop: Any, cli: Any, tmp_path: Path) -> None:
    empty = cli("calendar", "show")
    assert (empty.code, "Nothing is closed in the next 4 weeks" in empty.err) == (0, True)
    declared(cli, tmp_path)
    shown = cli("calendar", "show", "--weeks", "1")
    assert shown.heading == ["FROM", "TO", "WHAT", "NAME", "FOR", "WHY"]
    assert [row[2:] for row in shown.rows] == [
        ["freeze, now", "sports/Cup final", "everybody", "the cup"],
        ["freeze", "sports/derby", "shop; market=SE", "-"],
    ]
    assert len(json.loads(cli("calendar", "show", "--json").out)["times"]) == 2
    cli("rollout", "start", "shop", "1.1.0")
    shop.until("shop-2", lambda rollout: rollout["frozen"])
    assert "shop-2 (shop 1.1.0) waits: frozen by sports/Cup final, until" in cli("calendar", "show").err


def test_ical_both_ways(shop: Any, cli: Any, tmp_path: Path) -> None:
    form = "%Y%m%dT%H%M%SZ"
    file = tmp_path / "matches.ics"
    file.write_text(
        f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nSUMMARY:Derby\nDTSTART:{at(1, form)}\nDTEND:{at(2, form)}\nEND:VEVENT\n"
        "BEGIN:VTODO\nUID:b\nSUMMARY:Book a table\nEND:VTODO\nEND:VCALENDAR\n"
    )
    first = cli("calendar", "import", file, "--calendar", "matches", "--as", "freeze", "--market", "SE")
    assert first.rows == [["Derby", "added", "-"], ["Book a table", "left out", "a VTODO is no event"]]
    assert first.err == "matches: 1 added, 1 left out\n"
    again = cli("calendar", "import", file, "--calendar", "matches", "--as", "freeze", "--dry-run", "--json")
    assert json.loads(again.out)["changed"] is False
    assert "SUMMARY:Derby" in cli("calendar", "export").out
    out = tmp_path / "all.ics"
    assert cli("calendar", "export", "--output", out).err == f"wrote {out}\n"
    assert b"\r\nSUMMARY:Derby\r\n" in out.read_bytes()


def test_what_is_wrong_is_said(shop: Any, cli: Any, tmp_path: Path) -> None:
    absent = cli("calendar", "import", tmp_path / "absent.ics")
    assert (absent.code, "cannot be read: No such file" in absent.err) == (3, True)
    file = tmp_path / "some.ics"
    file.write_bytes(b"\xff\xfe")
    assert "not in UTF-8" in cli("calendar", "import", file).err
    file.write_bytes(b"x" * (2**20 + 1))
    assert "larger than 1 MiB" in cli("calendar", "import", file).err
    file.write_text("hello")
    wrong = cli("calendar", "import", file)
    assert (wrong.code, "This is no iCal file" in wrong.err) == (5, True)
    assert "Write --as freeze" in cli("calendar", "import", file, "--as", "match").err
