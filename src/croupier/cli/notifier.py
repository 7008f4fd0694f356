"""``croupier notifier list|test``: who is told what happens to rollouts, and whether they hear it."""

from typing import Annotated

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Exit, Json, err, note, out, plain, print_json, print_table, when

app = typer.Typer(
    help="Receivers of alerts, as CROUPIER_NOTIFIERS_FILE declares them.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every receiver, and how its last delivery went."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.get("notifiers")
    if as_json:
        print_json(found)
        return
    if not found:
        note("Nobody is told anything. Declare receivers in a file, and start with CROUPIER_NOTIFIERS_FILE.")
    rows = [
        (
            item["name"],
            item["where"],
            item["sent"],
            item["lost"],
            when(item["lastAt"]),
            item["lastEvent"] or "-",
            item["trouble"] or ("ok" if item["lastAt"] else "-"),
        )
        for item in found
    ]
    print_table(("NOTIFIER", "WHERE", "SENT", "LOST", "LAST", "EVENT", "OUTCOME"), rows)


@app.command("test")
def try_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which one.", metavar="NAME")],
    as_json: Json = False,
) -> None:
    """Send it a test, once. Exits with 1 where it was not delivered."""
    connection: Connection = context.obj
    with connection.open() as client:
        done = client.post(f"notifiers/{segment(name)}/test", {})
    if as_json:
        print_json(done)
    elif done["delivered"]:
        out.print(f"{plain(name)} took it.")
    else:
        err.print(f"{plain(name)} was not told: {plain(done['trouble'])}")
    if not done["delivered"]:
        raise typer.Exit(Exit.FAILED)
