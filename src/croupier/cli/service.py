"""``croupier service``: what serves each service now, and how it was declared."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from croupier.cli.complete import service_names
from croupier.cli.connection import Connection, segment
from croupier.cli.declared import show_document
from croupier.cli.output import Json, note, out, percent, plain, print_json, print_table
from croupier.errors import NotFound

app = typer.Typer(help="Look at what serves each service.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every service, and what serves it."""
    found = _services(context.obj)
    if as_json:
        print_json(found)
        return
    if not found:
        note("No service was applied yet. Apply one: croupier apply FILE")
    rows = [(each["name"], each["stable"], in_progress(each), "; ".join(_served(each))) for each in found]
    print_table(("SERVICE", "STABLE", "ROLLOUT", "SERVED"), rows)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The service.", autocompletion=service_names)],
    as_json: Json = False,
) -> None:
    """One service: what serves it, what runs, and its document."""
    connection: Connection = context.obj
    names = {each["name"]: each for each in _services(connection)}
    if name not in names:
        raise NotFound(f"There is no service '{name}'.", hint=f"There are: {', '.join(names) or 'none yet'}.")
    found = names[name]
    with connection.open() as client:
        document = client.get(f"documents/Service/{segment(name)}")
    if as_json:
        print_json(found | {"document": document["document"], "usedBy": document["usedBy"]})
        return
    out.print(f"[bold]{plain(name)}[/]")
    out.print(f"stable   {plain(found['stable'] or 'none yet')}")
    out.print(f"rollout  {plain(in_progress(found) or 'none in progress')}")
    for each in [*_served(found)] or ["nobody yet" if found["stable"] is None else "the data plane does not say"]:
        out.print(f"served   {plain(each)}")
    for each in found["workloads"]:
        where = ", ".join(each["instances"]) or each["reason"] or "-"
        out.print(f"runs     {plain(each['version'])} {plain(each['health'])}  {plain(where)}")
    out.print("")
    show_document(document)


def _services(connection: Connection) -> list[dict[str, Any]]:
    with connection.open() as client:
        return client.pages("services", 1_000)


def in_progress(service: dict[str, Any]) -> str:
    """``payments-4 paused at 5 %``; nothing where none is in progress."""
    rollout = service["rollout"]
    if rollout is None:
        return f"{service['heldBy']} waits for its turn to be taken back" if service["heldBy"] else ""
    return f"{rollout['id']} {rollout['phase']} at {percent(rollout['weight'])}"


def _served(service: dict[str, Any]) -> Iterator[str]:
    """Who gets which version, as read back from the data plane; nothing where it did not answer."""
    for share in service["served"] or ():
        weights = ", ".join(f"{each['version']} {percent(each['weight'])}" for each in share["weights"])
        yield f"{share['segment']}: {weights}" if share["segment"] else weights
