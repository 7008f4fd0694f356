"""What the commands of ``rollout`` share: its name, asking something of it, and what is told then."""

from typing import Annotated, Any

import typer

from croupier.cli import meant
from croupier.cli.connection import segment
from croupier.cli.output import Exit, out, percent, plain, print_json, styled, when
from croupier.cli.pins import rounds_of

Id = Annotated[str, typer.Argument(help="The rollout, for example payments-3.", metavar="ROLLOUT")]


def act(context: typer.Context, rollout: str, verb: str, as_json: bool, **body: Any) -> None:
    with meant.opened(context, rollout) as client:
        answer = client.post(f"rollouts/{segment(rollout)}/{verb}", body)
    tell(answer, as_json)


def tell(rollout: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rollout)
        return
    waits = f": {plain(rollout['waitingFor'])}" if rollout["waitingFor"] else ""
    shares = plain(rollout.get("exposure") or percent(rollout["weight"]))
    what = " (hotfix)" if rollout.get("hotfix") else ""
    out.print(f"{plain(rollout['id'])}{what} is {styled(rollout['phase'])} at {shares}{waits}")
    if rollout.get("hold") == "approval":
        for each in rollout["loosened"]:
            out.print(f"  [yellow]![/] less careful than its profile: {plain(each)}")
        out.print(f"  [dim]to approve of it:[/] croupier rollout approve {plain(rollout['id'])} --reason TEXT")
    for held in rollout.get("held", ()):
        out.print(f"  [yellow]![/] {plain(held['text'])} [dim]since {when(held['at'])}[/]")
    for acted in rollout["acted"]:
        out.print(f"  [yellow]![/] {plain(acted['text'])} [dim]at {when(acted['at'])}[/]")
    for line in rounds_of(rollout):
        out.print(f"  [yellow]![/] {line}")
    if not rollout["recorded"]:
        out.print("[yellow]The store has not answered yet: traffic is moved now, the record follows.[/]")


def leave(phase: str) -> None:
    raise typer.Exit(
        {"succeeded": Exit.OK, "aborted": Exit.ABORTED, "superseded": Exit.ABORTED}.get(phase, Exit.FAILED)
    )
