"""``croupier flag propagation``: which services run which version of the flags, and how fast a change gets there. The
same count tells ``flag kill`` who confirmed.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Json, counted, out, print_json, print_table

if TYPE_CHECKING:
    from croupier.cli.client import Client

Environment = Annotated[
    str | None, typer.Option("--environment", "-e", help="Which environment; without it the control plane's first.")
]


def propagation(context: typer.Context, environment: Environment = None, as_json: Json = False) -> None:
    """Say how many services run which version. Also who is behind, and how long changes take to arrive."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = summary(client, environment)
    if as_json:
        print_json(found)
        return
    out.print(said(found))
    rows = [(item["version"], item["clients"]) for item in found["versions"]]
    print_table(("VERSION", "CLIENTS"), rows)
    late = [(item["client"], item["version"], f"{item['behindS']:.0f} s") for item in found["laggards"]]
    if late:
        out.print("")
        print_table(("CLIENT", "VERSION", "BEHIND"), late)


def summary(client: "Client", environment: str | None) -> dict[str, Any]:
    """Who runs what, as the control plane has heard."""
    found: dict[str, Any] = client.get(f"environments/{segment(environment or 'production')}/propagation")
    return found


def said(found: dict[str, Any]) -> str:
    """The summary in one line."""
    if not found["clients"]:
        return "No client is connected."
    late = f", {counted(len(found['laggards']), 'client')} behind" if found["laggards"] else ""
    return (
        f"{found['current']:,} of {counted(found['clients'], 'client')} on version {found['version']}{late}"
        f"{_times(found)}"
    )


def _times(found: dict[str, Any]) -> str:
    p50, p99 = found.get("p50Ms"), found.get("p99Ms")
    return "" if p99 is None else f"; p50 {p50:.0f} ms, p99 {p99:.0f} ms"
