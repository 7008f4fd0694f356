"""``croupier flag kill``: the safe value for everybody, now. Sends first and loads everything else afterwards.

Of several control planes on one database each is told by itself, at the same time: while the database is away they
cannot tell each other. Then it shows who confirmed, since "sent" is not what somebody in an incident needs to know.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.flag.answers import Key
from croupier.cli.output import Exit, Json, clock_time, counted, err, exit_code, note, out, plain, print_json
from croupier.errors import CroupierError

if TYPE_CHECKING:
    from croupier.cli.client import Client

_FIRST_LOOK_S: Final = 0.05
_LONGEST_STEP_S: Final = 0.8
"""Counting ten thousand clients takes the control plane milliseconds that the kill needs itself: look less and less."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one control plane answered to the kill: the flag, or the error why there is no answer. ``client`` can ask it
    further.
    """

    url: str
    flag: dict[str, Any] | None = None
    error: CroupierError | None = None
    client: "Client | None" = None

    @property
    def code(self) -> Exit:
        if self.flag is not None:
            return Exit.OK if self.flag["recorded"] else Exit.UNRECORDED
        return exit_code(self.error) if self.error is not None else Exit.FAILED


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
    is in force and recorded, with 11 when it is in force and the record has to follow. Of several control planes (--url
    A --url B) each is told, and the worst answer counts.
    """
    connection: Connection = context.obj
    with ExitStack() as stack:
        told = _tell(connection, flag, reason, stack)
        if len(told) == 1 and told[0].error is not None:
            raise told[0].error
        if not as_json:
            _show(told)
        confirmed = _confirmed([item for item in told if item.code is Exit.OK], environment, wait)
    if as_json:
        print_json(_as_json(told, confirmed))
    elif confirmed is not None:
        out.print(_said(confirmed, wait))
    worst = max((item.code for item in told), key=lambda code: (code not in (Exit.OK, Exit.UNRECORDED), code))
    if worst is not Exit.OK:
        raise typer.Exit(worst)


def _tell(connection: Connection, flag: str, reason: str, stack: ExitStack) -> list[Told]:
    """Tell every control plane at the same time; what each said."""
    path = f"flags/{segment(flag)}/kill"
    body = {"reason": reason, "decidedAt": connection.begun_at or datetime.now(UTC).isoformat()}

    def opened(plane: Connection) -> Told:
        try:
            return Told(plane.urls[0], client=stack.enter_context(plane.open()))
        except CroupierError as error:
            return Told(plane.urls[0], error=error)

    def tell(plane: Told) -> Told:
        if plane.client is None:
            return plane
        try:
            return replace(plane, flag=plane.client.post(path, body))
        except CroupierError as error:
            return replace(plane, error=error)

    planes = [opened(plane) for plane in connection.each()]
    with ThreadPoolExecutor(len(planes)) as pool:
        return list(pool.map(tell, planes))


def _show(told: Sequence[Told]) -> None:
    flag = next((item.flag for item in told if item.flag is not None), None)
    if flag is not None:
        why = flag["killed"]
        out.print(
            f"[bold red]{plain(flag['key'])} is killed[/]: {plain(why['reason'])} "
            f"({plain(why['actor'])}, {clock_time(why['at'])})"
        )
    for item in told:
        where = f"{plain(item.url)}: " if len(told) > 1 else ""
        if item.error is not None:
            err.print(f"[bold red]{where}not killed there:[/] {plain(str(item.error))}")
        elif item.code is Exit.UNRECORDED:
            out.print(
                f"[yellow]{where}The store is out of reach: only the clients of this control plane have heard it; the "
                "record follows, and others hear of it then.[/]"
            )
        elif where:
            out.print(f"{where}killed and recorded")


def _as_json(told: Sequence[Told], confirmed: dict[str, Any] | None) -> dict[str, Any]:
    """The flag as the first says that killed it; of several control planes, what each answered."""
    flag = next((item.flag for item in told if item.flag is not None), None) or {}
    planes = [
        {"url": item.url, "recorded": item.flag and item.flag["recorded"], "error": item.error and str(item.error)}
        for item in told
    ]
    return {**flag, "confirmation": confirmed} | ({"planes": planes} if len(told) > 1 else {})


def _confirmed(planes: Sequence[Told], environment: str | None, wait: float) -> dict[str, Any] | None:
    """How many services said within the time that they run it; ``None`` where that cannot be asked."""
    from croupier.cli.flag.propagation import environments

    until, step = time.monotonic() + wait, _FIRST_LOOK_S
    try:
        asked = [
            (plane.client, place, plane.flag["version"])
            for plane in planes
            if plane.client is not None and plane.flag is not None
            for place in ([environment] if environment else environments(plane.client))
        ]
        while asked:
            found = _count(asked)
            left = until - time.monotonic()
            if found["confirmed"] >= found["clients"] or left <= 0:
                return found
            time.sleep(min(step, left))  # acknowledgements are no events: they are asked for, ever more rarely
            step = min(2 * step, _LONGEST_STEP_S)
    except CroupierError as trouble:  # the kill is in force all the same
        note(f"who confirmed cannot be said: {trouble}")
    return None


def _count(asked: "Sequence[tuple[Client, str, int]]") -> dict[str, Any]:
    """Over the environments of all control planes, each of which counts its own clients."""
    from croupier.cli.flag.propagation import summary

    found = [(summary(client, place), version) for client, place, version in asked]
    slow = [item["p99Ms"] for item, _ in found if item["p99Ms"] is not None]
    return {
        "clients": sum(item["clients"] for item, _ in found),
        "confirmed": sum(
            each["clients"] for item, version in found for each in item["versions"] if each["version"] >= version
        ),
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
