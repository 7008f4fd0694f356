"""``croupier segment``: the declared segments of players."""

from typing import Annotated

import typer

from croupier.cli.complete import segment_names
from croupier.cli.declared import list_all, show_one
from croupier.cli.output import Json

app = typer.Typer(help="Look at the segments of players.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every segment, and who is in it."""
    list_all(context.obj, "Segment", as_json)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The segment.", autocompletion=segment_names)],
    as_json: Json = False,
) -> None:
    """One segment as it was applied."""
    show_one(context.obj, "Segment", name, as_json)
