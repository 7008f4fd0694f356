"""``croupier flag propagation``: which services run which version of the flags, and how fast a change gets there. The
same count tells ``flag kill`` who confirmed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Json, exit_code, note, out, plain, print_json, print_table, report, when
from croupier.errors import CroupierError

if TYPE_CHECKING:
    from croupier.cli.client import Client

Environment = Annotated[
    str | None, typer.Option("--environment", "-e", help="Which environment; without it the control plane's first.")
]


def propagation(context: typer.Context, environment: Environment = None, as_json: Json = False) -> None:
    """Say how many services run which version. Also who is behind, and how long changes take to arrive. A control plane
    counts the services that listen to it: of several, name all (--url A --url B).
    """
    connection: Connection = context.obj
    planes = connection.each()
    if len(planes) > 1:
        _of_several(planes, environment, as_json)
        return
    found = _asked(connection, environment)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _asked(plane: Connection, environment: str | None) -> dict[str, Any]:
    with plane.open() as client:
        return summary(client, environment or environments(client)[0])


def _of_several(planes: Sequence[Connection], environment: str | None, as_json: bool) -> None:
    """Each with what it counts, and the sum. Leaves with the error of one that could not be asked."""
    found: dict[str, dict[str, Any]] = {}
    errors: list[CroupierError] = []
    for plane in planes:
        try:
            found[plane.urls[0]] = _asked(plane, environment)
        except CroupierError as trouble:
            errors.append(trouble)
    current, clients = (sum(item[name] for item in found.values()) for name in ("current", "clients"))
    if as_json:
        print_json({"clients": clients, "current": current, "planes": found})
    else:
        out.print(f"{share(current, clients, 'run')} the version of the control plane that they listen to")
        for url, item in found.items():
            out.print(f"\n[bold]{plain(url)}[/]")
            _show(item)
    for error in errors:
        report(error)
    if errors:
        raise typer.Exit(exit_code(errors[0]))


def _show(found: dict[str, Any]) -> None:
    out.print(_said(found))
    for name in found["differing"]:
        note(f"{name} says this version, but holds other flags.")
    if found["versions"]:
        out.print("")
        print_table(("VERSION", "CLIENTS"), [(item["version"], item["clients"]) for item in found["versions"]])
    late = [
        (item["client"], item["sdk"], item["version"], f"{item['behindS']:.0f} s", when(item["seenAt"]))
        for item in found["laggards"]
    ]
    if late:
        out.print("")
        print_table(("CLIENT", "SDK", "VERSION", "BEHIND", "SEEN"), late)


def environments(client: "Client") -> list[str]:
    """Which there are; the first is what services get that name none."""
    return list(client.get("environments"))


def summary(client: "Client", environment: str) -> dict[str, Any]:
    """Who runs what in the environment, as the services themselves said."""
    found: dict[str, Any] = client.get(f"environments/{segment(environment)}/propagation")
    return found


def _said(found: dict[str, Any]) -> str:
    if not found["clients"]:
        return f"No client is connected; {found['environment']} is on version {found['version']}."
    times = "" if found["p99Ms"] is None else f"; p50 {found['p50Ms']:.0f} ms, p99 {found['p99Ms']:.0f} ms"
    return f"{share(found['current'], found['clients'], 'run')} version {found['version']}{times}"


def share(some: int, clients: int, verb: str) -> str:
    """``1 of 1 client runs``, ``3 of 4 clients run``."""
    return f"{some:,} of {clients:,} client{'' if clients == 1 else 's'} {verb}{'s' if some == 1 else ''}"
