"""``croupier release …``: add immutable versions and look at them."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from croupier.cli import apply
from croupier.cli.connection import Connection, segment
from croupier.cli.nothing import no_releases
from croupier.cli.output import Json, Reason, note, out, plain, print_json, print_table

app = typer.Typer(help="Add releases and look at them.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def add(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Files with Release documents.", exists=True)],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Add the releases of these files. A version that exists is never bound to other content."""
    apply.send(context.obj, files, kinds={"Release"}, dry_run=False, reason=reason, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    service: Annotated[str | None, typer.Argument(help="Only of this service.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at the most.")] = 20,
    as_json: Json = False,
) -> None:
    """Releases, newest first."""
    connection: Connection = context.obj
    with connection.open() as client:
        releases = client.pages("releases", limit, service=service)
        if not releases:
            note(no_releases(client, service))
    if as_json:
        print_json(releases)
        return
    rows = [(item["service"], item["version"], item["state"], item["digest"][:19], item["notes"]) for item in releases]
    print_table(("SERVICE", "VERSION", "STATE", "DIGEST", "NOTES"), rows)


@app.command()
def show(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="The service.")],
    version: Annotated[str, typer.Argument(help="The version.")],
    as_json: Json = False,
) -> None:
    """One release: its digest and how it is run."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.get(f"releases/{segment(service)}/{segment(version)}")
    if as_json:
        print_json(found)
        return
    out.print(f"[bold]{plain(found['service'])} {plain(found['version'])}[/]  {plain(found['notes'])}")
    out.print(f"digest     {plain(found['digest'])}")
    out.print(f"state      {plain(found['state'])}")
    out.print(f"command    {plain(shlex.join(found['command']))}")
    out.print(f"env        {plain(', '.join(found['env']) or 'none')}" + (" (names only)" if found["env"] else ""))
    out.print(f"instances  {found['instances']}")
