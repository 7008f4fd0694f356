"""``croupier apply``: hand files to the control plane, all or none of them. Used by ``release add`` too."""

from pathlib import Path
from typing import Annotated

import typer

from croupier.cli.connection import Connection
from croupier.cli.output import Exit, Json, Reason, note, print_json, print_table
from croupier.cli.validate import show_problems
from croupier.errors import Rejected


def apply(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files or directories.", metavar="PATH…")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Declare what the files hold, all of it or nothing."""
    send(context.obj, paths, kinds=None, dry_run=dry_run, reason=reason, as_json=as_json)


def send(
    connection: Connection, paths: list[Path], *, kinds: set[str] | None, dry_run: bool, reason: str, as_json: bool
) -> None:
    """Read the files, keep the wanted kinds, and apply them in one request. ``Rejected`` by the server names the
    fields.
    """
    from croupier.adapters.manifests import read_paths, to_objects

    bundle = read_paths(paths, known=None)  # what refers to something outside these files, the server checks
    show_problems(bundle, end="; nothing was changed.")
    if bundle.errors:
        raise typer.Exit(Exit.REJECTED)
    objects = [*map(to_objects, bundle.documents), *map(to_objects, bundle.releases)]
    objects = [item for item in objects if kinds is None or item["kind"] in kinds]
    if not objects:
        raise Rejected(f"There is no {' or '.join(sorted(kinds or {'document'}))} in these files.")
    with connection.open() as client:
        answer = client.post("apply", {"documents": objects, "dryRun": dry_run, "reason": reason})
    if as_json:
        print_json(answer)
        return
    rows = [(item["kind"], item["name"], item["effect"]) for item in answer["applied"]]
    print_table(("KIND", "NAME", "EFFECT"), rows)
    if dry_run:
        note("dry run: nothing was changed")
