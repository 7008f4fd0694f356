"""What the demo shows: a live picture in a terminal, a line per event when piped, and the summary at the end."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from croupier.cli import watch
from croupier.cli.demo.kill import FLAG, SHARE, Kill
from croupier.cli.demo.story import CHAPTERS, Told
from croupier.cli.output import clock_time, out


@dataclass(slots=True)
class Screen:
    """Keeps what there is to show. ``traffic`` are the players' figures (a ``casino.players`` snapshot)."""

    page: str = ""
    told: list[Told] = field(default_factory=list)
    rollout: dict[str, Any] | None = None
    kill: Kill | None = None
    traffic: Any = None
    before: Any = None
    _live: Live | None = None
    _said: int = 0

    def __enter__(self) -> Self:
        if out.is_terminal:
            self._live = Live(console=out.console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the live picture away; what is said from now on stays below it."""
        if self._live:
            self._live.__exit__(None, None, None)
            self._live = None

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._live:
            self._live.console.print(text, markup=False)
        else:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def show(self, events: Sequence[dict[str, Any]]) -> None:
        """Draw the present picture; say new events of the rollout where there is no live picture."""
        if self._live:
            self._live.update(self._picture(), refresh=True)
            return
        for event in events[self._said :]:
            self.say(f"  {clock_time(event['at'])}  {event['text']}")
        self._said = len(events)

    def next_chapter(self) -> None:
        """The events of the next rollout begin."""
        self._said = 0

    def _picture(self) -> RenderableType:
        parts: list[RenderableType] = [Text.from_markup(f"[bold]Croupier demo[/]  [dim]page:[/] {self.page}"), ""]
        parts += [Text.from_markup(line) for line in self._chapters()]
        if self.rollout:
            parts += ["", watch.picture(self.rollout)]
        if self.traffic:
            parts += ["", self._traffic()]
        return Group(*parts)

    def _chapters(self) -> list[str]:
        lines = ["[green]✓[/] payments 1.0.0 serves everybody"]
        for index, chapter in enumerate(CHAPTERS):
            if index < len(self.told):
                told = self.told[index]
                mark = "[green]✓[/]" if told.as_expected else "[red]✗[/]"
                lines.append(
                    f"{mark} {chapter.version} {chapter.title}: {told.rollout['phase']} in {told.seconds:.0f} s"
                )
            else:
                mark = "[cyan]●[/]" if index == len(self.told) and self.rollout else "[dim]○[/]"
                lines.append(f"{mark} {chapter.version} {chapter.title}")
        mark = "[cyan]●[/]" if len(self.told) == len(CHAPTERS) and not self.rollout else "[dim]○[/]"
        lines.append(f"{mark} flag {FLAG} misbehaves")
        return lines

    def _traffic(self) -> RenderableType:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for column in ("PLAYERS' VIEW", "REQUESTS/S", "FAILED", "PLAYERS", "p95"):
            table.add_column(column, justify="left" if column.startswith("PLAYERS'") else "right")
        before = {(item.service, item.version): item.requests for item in self.before.versions} if self.before else {}
        elapsed = self.traffic.at - self.before.at if self.before else 0
        for item in sorted(self.traffic.versions, key=lambda item: (item.service, item.version)):
            rate = (item.requests - before.get((item.service, item.version), 0)) / elapsed if elapsed > 0 else 0.0
            if item.service == "payments" or rate:
                name = f"{item.service} {item.version}"
                table.add_row(name, f"{rate:.0f}", str(item.failed), str(item.players), f"{1000 * item.p95_s:.0f} ms")
        table.add_row("[dim]lost on the way[/]", "", str(self.traffic.lost), "", "")
        return table


def losses(figures: Any) -> str:
    """How many requests were lost since the beginning, with the reasons."""
    reasons = sorted(figures.lost_by_reason.items(), key=lambda item: -item[1])
    why = ", ".join(f"{count} × {reason}" for reason, count in reasons)
    return f"{figures.lost} ({why})" if why else str(figures.lost)


def summary(told: Sequence[Told], figures: Any, kill: Kill | None = None) -> None:
    """The table at the end; each release by the figures of its own chapter."""
    rows = [_row(item, item.figures or figures) for item in told]
    head = ("RELEASE", "ENDED", "AT", "PLAYERS", "DEPOSITS FAILED", "HARM → DECISION", "DECISION → 0 %", "LOST")
    if not out.is_terminal:
        for line in (head, *rows):
            sys.stdout.write("\t".join(line) + "\n")
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in head:
            table.add_column(column)
        for line in rows:
            table.add_row(*(escape(cell) for cell in line))
        out.print(table)
    for item in told:
        if abort := item.rollout["abort"]:
            out.print(f"{item.chapter.version}: {abort['reason']}", markup=False)
    if kill is not None:
        out.print(_killed(kill), markup=False)
    out.print(f"Requests lost: {losses(figures)}", markup=False)


def _row(item: Told, figures: Any) -> tuple[str, ...]:
    ended = item.rollout["phase"] if item.as_expected else f"{item.rollout['phase']} (expected {item.chapter.ends})"
    return (
        f"payments {item.chapter.version}",
        ended,
        f"{item.highest_weight:g} %",
        str(item.players(figures)),
        str(item.failed_deposits(figures)),
        _seconds(item.detected_after(figures)),
        _seconds(item.zero_after()),
        str(item.lost),
    )


def _killed(kill: Kill) -> str:
    """The flag's line: what it broke, and how soon that ended."""
    last = f"the last one {_seconds(kill.stopped_after_s)} after the kill" if kill.stopped_after_s else "none after it"
    harm = (
        f"{kill.failed} deposits failed, {last}, {kill.credited} were credited since"
        if kill.is_quiet
        else f"{kill.failed} deposits failed, and it is not over"
    )
    who = f"all {kill.clients}" if kill.is_confirmed else f"{kill.confirmed} of {kill.clients}"
    within = "" if kill.slowest_s is None else f" within {_seconds(kill.slowest_s)}"
    return f"Flag {FLAG}, on for {SHARE:.0%} of the players: killed; {harm}; {who} processes confirmed{within}."


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
