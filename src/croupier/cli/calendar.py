"""``croupier calendar``: the freeze calendar's next weeks, iCal in and iCal out."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Json, Reason, clean, counted, note, out, print_json, print_table, when
from croupier.errors import NotFound, Rejected

app = typer.Typer(help="When releases have to wait: freezes and windows.", no_args_is_help=True, rich_markup_mode=None)

_MOST_BYTES = 2**20


@app.command()
def show(
    context: typer.Context,
    weeks: Annotated[int, typer.Option(min=1, max=26, help="How far ahead.")] = 4,
    as_json: Json = False,
) -> None:
    """What is closed in the next weeks. For whom, and which rollouts wait for it."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.get("calendar", weeks=weeks)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            when(item["begins"]),
            when(item["ends"]),
            f"{item['kind']}{', now' if item['now'] else ''}",
            f"{item['calendar']}/{item['name']}",
            whom(item["scope"]),
            item["why"],
        )
        for item in found["times"]
    ]
    if not rows:
        ahead = counted(weeks, "week")
        note(f"Nothing is closed in the next {ahead}. Write a Calendar, or: croupier calendar import FILE")
    print_table(("FROM", "TO", "WHAT", "NAME", "FOR", "WHY"), rows)
    if found["more"]:
        note(f"and {found['more']:,} more; --weeks shows fewer")
    for rollout in found["rollouts"]:
        for freeze in rollout["freezes"]:
            until = when(freeze["until"]) if freeze["until"] else "nobody knows when"
            note(f"{rollout['id']} ({rollout['service']} {rollout['canary']}) waits: {freeze['text']}, until {until}")


def whom(scope: dict[str, Any]) -> str:
    """Whom an entry is about, in a cell."""
    parts = [", ".join(scope["services"])] if scope["services"] else []
    parts += [f"{name}={','.join(values)}" for name, values in scope["match"].items()]
    parts += [f"in {', '.join(scope['environments'])}"] if scope["environments"] else []
    return "; ".join(parts) or "everybody"


@app.command("import")
def import_(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An iCal file (.ics); - reads standard input.", metavar="FILE")],
    calendar: Annotated[str, typer.Option("--calendar", help="The Calendar that takes it in.")] = "imported",
    kind: Annotated[
        str | None, typer.Option("--as", help="freeze or window: what events are whose categories do not say it.")
    ] = None,
    service: Annotated[list[str] | None, typer.Option("--service", help="New entries: only this service.")] = None,
    market: Annotated[list[str] | None, typer.Option("--market", help="New entries: only this market.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Take the events of an iCal file in. The same file again changes nothing, a newer one updates what came from it,
    and a cancelled event is taken out.
    """
    if kind not in (None, "freeze", "window"):
        raise Rejected(f"'{kind}' is no kind of entry.", hint="Write --as freeze or --as window.")
    body = {
        "ical": _text(file),
        "reason": reason,
        "dryRun": dry_run,
        "services": service or [],
        "markets": market or [],
    }
    connection: Connection = context.obj
    with connection.open() as client:
        answer = client.post(f"calendars/{segment(calendar)}/import", body | ({"as": kind} if kind else {}))
    if as_json:
        print_json(answer)
        return
    print_table(("EVENT", "FATE", "WHY"), [(item["event"], item["fate"], item["why"]) for item in answer["lines"]])
    note(f"{calendar}: {_summary(answer)}{'; dry run: nothing was changed' if dry_run else ''}")


@app.command()
def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Into this file.", metavar="FILE")] = None,
) -> None:
    """Freezes, windows and rollouts in progress as iCal. Other calendars subscribe to GET /api/v1/calendar.ics."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.content("calendar.ics", "text/calendar")
    if output is None:
        text = found.decode().replace("\r\n", "\n")
        sys.stdout.write("".join(f"{clean(line)}\n" for line in text.splitlines()) if out.is_terminal else text)
        return
    output.write_bytes(found)
    note(f"wrote {output}")


def _summary(answer: dict[str, Any]) -> str:
    fates = [item["fate"] for item in answer["lines"]]
    return ", ".join(f"{fates.count(fate)} {fate}" for fate in dict.fromkeys(fates)) or "the file holds no events"


def _text(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read(_MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > _MOST_BYTES:
        raise Rejected(f"{file} is larger than 1 MiB.", hint="Export a shorter time, or part it.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejected(f"{file} is not in UTF-8.", hint="Save it as UTF-8; iCal has no other (RFC 5545).") from None
