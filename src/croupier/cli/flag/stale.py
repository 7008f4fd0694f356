"""``croupier flag stale``: the flags that should go, why, and (given the code) where to take them out."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from croupier.cli.connection import Connection
from croupier.cli.flag.refs import Exclude, Place
from croupier.cli.output import Json, note, print_json, print_table, when

_SHOWN = 3


def stale(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Source files or directories, to say where they are named.", metavar="PATH…"),
    ] = None,
    exclude: Exclude = None,
    as_json: Json = False,
) -> None:
    """Flags that are debt, the most urgent first. Expired, reverted, killed for long, or served to everybody for long;
    with PATH also where the code still names them.
    """
    connection: Connection = context.obj
    with connection.open() as client:
        owed = client.pages("stale-flags", 100_000)
    named = _named({item["key"] for item in owed}, paths, exclude) if paths else None
    if as_json:
        print_json([item | _places(named, item["key"]) for item in owed])
        return
    if not owed:
        note("No flag is debt.")
    columns = ["FLAG", "WHY", "SINCE", "OWNER", "WHAT"]
    rows = [[item["key"], item["why"], when(item["since"]), item["owner"], item["text"]] for item in owed]
    if named is not None:
        columns.append("IN THE CODE")
        for row in rows:
            row.append(_told(named[row[0]]))
    print_table(columns, rows)


def _named(keys: set[str], paths: list[Path], exclude: list[str] | None) -> dict[str, list[Place]]:
    from croupier.cli.flag.refs import places, tell_left_out
    from croupier.cli.flag.sources import Tree

    tree = Tree(tuple(paths), tuple(exclude or ()))
    found: dict[str, list[Place]] = defaultdict(list)
    for place in places(tree, keys):
        found[place.key].append(place)
    tell_left_out(tree)
    return found


def _places(named: dict[str, list[Place]] | None, key: str) -> dict[str, Any]:
    return {} if named is None else {"references": [{"file": item.file, "line": item.line} for item in named[key]]}


def _told(found: list[Place]) -> str:
    """The first places, or that there is none: then it can go."""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(item.where for item in found[:_SHOWN]) + more if found else "nowhere: archive it"
