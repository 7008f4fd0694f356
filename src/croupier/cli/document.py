"""``croupier document``, ``croupier delete``: what was applied, of any kind, and how it is taken out again."""

from typing import Annotated

import typer

from croupier.cli.complete import document_kinds, document_names
from croupier.cli.connection import Connection, segment
from croupier.cli.declared import kind_of, list_all, show_document, show_one
from croupier.cli.output import Json, Reason, note, print_json
from croupier.errors import Rejected

app = typer.Typer(help="Look at what was applied, of any kind.", no_args_is_help=True, rich_markup_mode=None)

Kind = Annotated[
    str, typer.Argument(help="The kind: gate, segment, service, …", metavar="KIND", autocompletion=document_kinds)
]
Name = Annotated[str, typer.Argument(help="Its name.", metavar="NAME", autocompletion=document_names)]


@app.command("list")
def list_(
    context: typer.Context,
    kind: Annotated[
        str | None, typer.Argument(help="Only of this kind: gate, calendar, …", autocompletion=document_kinds)
    ] = None,
    as_json: Json = False,
) -> None:
    """Every document that was applied, by kind and name. Releases and flags have lists of their own."""
    list_all(context.obj, kind_of(kind) if kind is not None else None, as_json)


@app.command()
def show(context: typer.Context, kind: Kind, name: Name, as_json: Json = False) -> None:
    """One document as it was applied, and who uses it."""
    show_one(context.obj, kind_of(kind), name, as_json)


def delete(context: typer.Context, kind: Kind, name: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Take out what was applied by mistake. Needs --reason.

    Refused while something uses it: a Rollout that names it, a rollout in progress, players that a service serves, an
    experiment's results. What is printed is the document; applied again, it is back. Segments, releases, flags and
    presets are not taken out (a flag: croupier flag archive).
    """
    wanted = kind_of(kind)
    if not reason:
        raise Rejected("To take something out needs a reason.", hint="Write it: --reason TEXT.")
    connection: Connection = context.obj
    with connection.open() as client:
        gone = client.delete(f"documents/{segment(wanted)}/{segment(name)}", reason=reason)
    if as_json:
        print_json(gone)
        return
    show_document(gone)
    note(f"{wanted} {name} was taken out.")
