"""``croupier flag preview``: who gains and who loses by declarations, before they are saved. Used by ``set --dry-run``
and ``apply``, too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Json, note, print_json, print_table

if TYPE_CHECKING:
    from croupier.cli.client import Client


def preview(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files with flags.", metavar="FILE…")],
    as_json: Json = False,
) -> None:
    """Say how many players gain and lose by an edit. Nothing is saved."""
    from croupier.cli.flag.declared import flags_of, read_flags
    from croupier.core.flags.write import write_flag

    declarations = [write_flag(flag) for flag in flags_of(read_flags(paths))]
    connection: Connection = context.obj
    with connection.open() as client:
        found = [preview_of(client, declaration) for declaration in declarations]
    show_previews(found, as_json=as_json)


def preview_of(client: "Client", declaration: dict[str, Any]) -> dict[str, Any]:
    """What saving the declaration would do to players, as the control plane counts it."""
    found: dict[str, Any] = client.post(
        f"flags/{segment(declaration['feature'])}/preview", {"declaration": declaration}
    )
    return found


def show_previews(found: Sequence[dict[str, Any]], *, as_json: bool = False) -> None:
    """One line a flag; how far the numbers can be trusted goes to standard error."""
    if as_json:
        print_json(list(found))
        return
    rows = [(item["key"], item["players"], item["gain"], item["lose"], item["change"]) for item in found]
    print_table(("FLAG", "PLAYERS", "GAIN", "LOSE", "CHANGE"), rows)
    for item in found:
        for change in item["changes"]:
            note(f"{item['key']}: {change}")
        for warning in item["warnings"]:
            note(f"{item['key']}: warning: {warning['field']}: {warning['message']} {warning['hint']}".rstrip())
    for words in dict.fromkeys(item["confidence"] for item in found):
        note(words)
