"""``croupier journal …``: read the record, and check that nobody changed it."""

import sys
from typing import Annotated, Any

import typer

from croupier.cli.connection import Connection
from croupier.cli.nothing import no_entries
from croupier.cli.output import Exit, Json, counted, err, note, out, plain, print_json, print_table, when, working

app = typer.Typer(help="Read the record and check it.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def tail(
    context: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=200, help="How many entries to begin with.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new entries as they come.")] = False,
    subject: Annotated[str | None, typer.Option(help="Only of this subject, for example rollout/payments-3.")] = None,
    as_json: Json = False,
) -> None:
    """The newest entries: when, who, what, to which subject, and why. The newest comes last."""
    connection: Connection = context.obj
    with connection.open() as client:
        head = client.get("journal/head")["size"]
        newest = client.get("journal", newest=True, limit=lines, subject=subject)["items"] if lines else []
        entries = newest[::-1]
        if lines and not entries:
            note(no_entries(client, subject))
        if as_json and not follow:
            print_json(entries)
            return
        _print(entries, as_json)
        if follow:
            shown = max([head - 1, *(item["seq"] for item in entries)])
            for _, item in client.events(after=shown):
                if subject in (None, item["subject"]):
                    _print([item], as_json, heading=False)


@app.command()
def verify(context: typer.Context, as_json: Json = False) -> None:
    """Check the record. Recomputes every hash, the Merkle tree and the state of each rollout and flag; leaves with 1
    where one does not fit.
    """
    connection: Connection = context.obj
    with connection.open() as client, working("the control plane reads the whole journal"):
        found = client.get("journal/verify")
    if as_json:
        print_json(found)
    elif found["ok"]:
        head = found["head"]
        entries, rollouts = counted(head["size"], "entry", "entries"), counted(found["rollouts"], "rollout")
        rebuilt = f"{rollouts} and {counted(found['flags'], 'flag')} rebuilt"
        out.print(f"[green]✓[/] {entries}, {rebuilt}; nothing was changed.")
        out.print(f"root {plain(head['root'])}")
    else:
        err.print(f"[red]✗[/] the journal does not fit together ({counted(len(found['discrepancies']), 'place')}):")
        for item in found["discrepancies"]:
            err.print(f"  {plain(item['place'])}: {plain(item['message'])}")
    if not found["ok"]:
        raise typer.Exit(Exit.FAILED)


def _print(entries: list[dict[str, Any]], as_json: bool, *, heading: bool = True) -> None:
    if as_json:
        for entry in entries:
            print_json(entry)
    else:
        rows = [
            (
                item["seq"],
                when(item["at"]),
                item["actor"],
                item["action"],
                item["subject"],
                ", ".join(event["type"] for event in item["events"]),
                item["reason"],
            )
            for item in entries
        ]
        print_table(("SEQ", "TIME", "BY", "ACTION", "SUBJECT", "EVENTS", "WHY"), rows, heading=heading)
    sys.stdout.flush()
