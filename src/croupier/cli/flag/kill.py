"""``croupier flag kill``: the safe value for everybody, now. Sends first and loads everything else afterwards.

Then it shows who confirmed, since "sent" is not what somebody in an incident needs to know.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.flag.answers import Key
from croupier.cli.output import Exit, Json, clock_time, counted, note, out, plain, print_json
from croupier.errors import CroupierError

if TYPE_CHECKING:
    from croupier.cli.client import Client

_FIRST_LOOK_S: Final = 0.05
_LONGEST_STEP_S: Final = 0.8
"""Counting ten thousand clients takes the control plane milliseconds that the kill needs itself: look less and less."""


def kill(
    context: typer.Context,
    flag: Key,
    reason: Annotated[str, typer.Option("--reason", "-r", help="What is wrong; it is kept in the journal.")],
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=600, help="So many seconds it waits for services to confirm.")
    ] = 3.0,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="Count the services of this one; it is killed in all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Stop a flag, everywhere and at once. It answers its safe value until 'flag restore'. Leaves with 0 when the kill
    is in force and recorded, with 11 when it is in force and the record has to follow.
    """
    connection: Connection = context.obj
    with connection.open() as client:
        killed = client.post(f"flags/{segment(flag)}/kill", {"reason": reason})
        if not as_json:
            _tell(killed)
        confirmed = _confirmed(client, environment, killed, wait) if killed["recorded"] else None
    if as_json:
        print_json({**killed, "confirmation": confirmed})
    elif confirmed is not None:
        out.print(_said(confirmed, wait))
    if not killed["recorded"]:
        raise typer.Exit(Exit.UNRECORDED)


def _tell(killed: dict[str, Any]) -> None:
    why = killed["killed"]
    out.print(
        f"[bold red]{plain(killed['key'])} is killed[/]: {plain(why['reason'])} "
        f"({plain(why['actor'])}, {clock_time(why['at'])})"
    )
    if not killed["recorded"]:
        out.print("[yellow]The store is out of reach: services are told now, the record follows.[/]")


def _confirmed(client: "Client", environment: str | None, killed: dict[str, Any], wait: float) -> dict[str, Any] | None:
    """How many services said within the time that they run it; ``None`` where that cannot be asked."""
    from croupier.cli.flag.propagation import environments

    until, step = time.monotonic() + wait, _FIRST_LOOK_S
    try:
        places = [environment] if environment else environments(client)
        while True:
            found = _count(client, places, killed["version"])
            left = until - time.monotonic()
            if found["confirmed"] >= found["clients"] or left <= 0:
                return found
            time.sleep(min(step, left))  # acknowledgements are no events: they are asked for, ever more rarely
            step = min(2 * step, _LONGEST_STEP_S)
    except CroupierError as trouble:  # the kill is in force all the same
        note(f"who confirmed cannot be said: {trouble}")
        return None


def _count(client: "Client", places: Sequence[str], version: int) -> dict[str, Any]:
    from croupier.cli.flag.propagation import summary

    found = [summary(client, place) for place in places]
    slow = [item["p99Ms"] for item in found if item["p99Ms"] is not None]
    return {
        "clients": sum(item["clients"] for item in found),
        "confirmed": sum(each["clients"] for item in found for each in item["versions"] if each["version"] >= version),
        "p99Ms": max(slow, default=None),
    }


def _said(confirmed: dict[str, Any], wait: float) -> str:
    from croupier.cli.flag.propagation import share

    clients, done = confirmed["clients"], confirmed["confirmed"]
    if not clients:
        return "No client is connected; whoever connects gets the safe value."
    times = "" if confirmed["p99Ms"] is None else f"; p99 {confirmed['p99Ms']:.0f} ms"
    missing = (
        ""
        if done >= clients
        else f"\n{counted(clients - done, 'client')} did not confirm within {wait:g} s: croupier flag propagation"
    )
    return f"{share(done, clients, 'answer')} with the safe value{times}{missing}"
