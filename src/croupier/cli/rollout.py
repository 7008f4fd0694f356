"""``croupier rollout …``: start a rollout, follow it, and do with it what people may do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli import meant
from croupier.cli.connection import Connection, segment
from croupier.cli.nothing import no_rollouts
from croupier.cli.output import (
    Exit,
    Json,
    Reason,
    counted,
    err,
    note,
    out,
    percent,
    plain,
    print_json,
    print_table,
    styled,
    when,
    working,
)
from croupier.core.rollout.state import Phase
from croupier.core.rollout.turns import Turns

if TYPE_CHECKING:
    from croupier.cli.client import Client

app = typer.Typer(help="Start, follow and steer rollouts.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[str, typer.Argument(help="The rollout, for example payments-3.", metavar="ROLLOUT")]


@app.command()
def start(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="The service.")],
    version: Annotated[str, typer.Argument(help="The release to roll out.")],
    strategy: Annotated[str | None, typer.Option(help="Which Rollout document, where the service has several.")] = None,
    reason: Reason = "",
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Roll a release out. One that is in progress for the service is superseded; the stable version keeps serving. To
    start the stable version itself gives up what is in progress.
    """
    from croupier.cli import watch

    connection: Connection = context.obj
    with connection.open() as client:
        body = {"service": service, "version": version, "reason": reason}
        answer = client.post("rollouts", body | ({"strategy": strategy} if strategy else {}))
        if not (follow and as_json):
            _show(answer, as_json)
        if not as_json:
            _tell_what_it_ends(client, answer, version)
        if follow:
            _end(watch.follow(client, answer["id"], as_json=as_json))


def _tell_what_it_ends(client: "Client", answer: dict[str, Any], version: str) -> None:
    """That the start gave up, or superseded, a rollout that was in progress."""
    name = f"{answer['id']} ({answer['canary']})"
    if answer["canary"] != version:
        out.print(f"{version} is the stable version: no rollout was started, and {name} is given up.", markup=False)
        return
    for before in client.get("rollouts", service=answer["service"], phase="superseded", limit=1)["items"]:
        if before["supersededBy"] == answer["id"]:
            out.print(f"It supersedes {before['id']} ({before['canary']}), which was in progress.", markup=False)


@app.command()
def plan(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(help="Files or directories with the rollout and its gates.", metavar="PATH…")
    ],
    rate: Annotated[
        list[str] | None,
        typer.Option(help="Traffic of both versions together: 20/s; of one gate's events: GATE=2/s.", metavar="RATE"),
    ] = None,
    usual: Annotated[
        list[str] | None, typer.Option(help="Good share today: 99.95%, or GATE=99.95%.", metavar="SHARE")
    ] = None,
    find: Annotated[
        list[str] | None,
        typer.Option(help="The fault to be found, as a good share: 99.5%, or GATE=99.5%.", metavar="SHARE"),
    ] = None,
    groups: Annotated[
        list[str] | None, typer.Option(help="How many groups a gate with 'by' has: 8, or GATE=8.", metavar="N")
    ] = None,
    rollout: Annotated[str | None, typer.Option(help="Only this Rollout of the files.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with 1 when there is a warning.")] = False,
    as_json: Json = False,
) -> None:
    """What a rollout would do, before it does it.

    Tells how long each weight takes, and what its gates can find there. Reads files and changes nothing. Gates are
    played some hundred times on the traffic that --rate says; without it a control plane is asked what the stable
    version has counted.
    """
    from croupier.cli import plan as planning
    from croupier.cli import plan_shown as shown
    from croupier.cli.plan_options import given

    asked = given(rate or [], usual or [], find or [], groups or [])
    bundle = planning.read(paths)
    found = planning.rollouts(bundle, rollout)
    asked.check(gate for _, gates in found for gate in gates)
    connection: Connection = context.obj
    counts = [planning.count(connection, bundle, spec, gates, asked) for spec, gates in found]
    with working("gates are played some hundred times on this traffic"):
        planned = [planning.look(bundle, spec, asked, seen) for (spec, _), seen in zip(found, counts, strict=True)]
    if as_json:
        print_json([shown.as_object(each) for each in planned])
    else:
        for index, each in enumerate(planned):
            if index:
                out.print("")
            shown.show(each)
    if strict and any(map(shown.warnings, planned)):
        raise typer.Exit(Exit.FAILED)


@app.command("list")
def list_(
    context: typer.Context,
    service: Annotated[str | None, typer.Option(help="Only of this service.")] = None,
    phase: Annotated[list[Phase] | None, typer.Option(help="Only in this phase; may be given several times.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at the most.")] = 20,
    as_json: Json = False,
) -> None:
    """Rollouts, newest first."""
    connection: Connection = context.obj
    with connection.open() as client:
        rollouts = client.pages("rollouts", limit, service=service, phase=phase)
        if not rollouts:
            note(no_rollouts(client, service, phase or ()))
    if as_json:
        print_json(rollouts)
        return
    rows = [
        (
            item["id"],
            item["phase"],
            f"{item['stable'] or 'nothing'} → {item['canary']}",
            item.get("exposure") or percent(item["weight"]),
            when(item["createdAt"]),
            item["waitingFor"] or (item["abort"] or {}).get("reason", ""),
        )
        for item in rollouts
    ]
    print_table(("ROLLOUT", "PHASE", "VERSIONS", "WEIGHT", "STARTED", "WHY"), rows)


@app.command("status", help="The same as show.")
@app.command()
def show(context: typer.Context, rollout: Id, as_json: Json = False) -> None:
    """One rollout: steps, weights, gates, and what it waits for."""
    with meant.opened(context, rollout) as client:
        found = client.get(f"rollouts/{segment(rollout)}")
    if as_json:
        print_json(found)
    else:
        from croupier.cli import watch

        out.print(watch.picture(found))


@app.command("watch")
def watch_(
    context: typer.Context,
    rollout: Id,
    as_json: Json = False,
) -> None:
    """Follow a rollout live until it ends. Leaves with 0 when it succeeded and with 10 when it was aborted."""
    from croupier.cli import watch

    with meant.opened(context, rollout) as client:
        _end(watch.follow(client, rollout, as_json=as_json))


@app.command()
def promote(
    context: typer.Context,
    rollout: Id,
    full: Annotated[bool, typer.Option("--full", help="Skip all remaining steps.")] = False,
    waive: Annotated[
        list[str] | None, typer.Option("--waive", help="Take this gate out of the rollout (needs --reason).")
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Leave the present step now. Refused while a gate that guards the canary does not say pass."""
    _act(context, rollout, "promote", as_json, full=full, waive=waive or [], reason=reason)


@app.command()
def pause(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Hold at the present weight. Gates go on watching, and can still roll back."""
    _act(context, rollout, "pause", as_json, reason=reason)


@app.command()
def resume(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Go on after a pause."""
    _act(context, rollout, "resume", as_json, reason=reason)


@app.command()
def abort(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Give up: everybody back to the stable version, at once. Whatever else is going on has to wait."""
    _act(context, rollout, "abort", as_json, reason=reason)


@app.command()
def retry(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Start an aborted rollout again. It begins with its first step and other players, and its gates with nothing held
    against the release and their whole budget for errors; 'gate explain --attempt' has what they had found before.
    """
    _act(context, rollout, "retry", as_json, reason=reason)


@app.command()
def history(
    context: typer.Context,
    rollout: Id,
    looks: Annotated[bool, typer.Option("--looks", help="Also the looks of gates that changed no verdict.")] = False,
    as_json: Json = False,
) -> None:
    """What happened to a rollout, when, by whom and why."""
    with meant.opened(context, rollout) as client:
        events = client.pages(f"rollouts/{segment(rollout)}/history", 10_000)
    if as_json:
        print_json(events)
        return
    turns = Turns()
    shown = [item for item in events if turns.is_turn(item["type"], item.get("gate"), item.get("standing")) or looks]
    rows = [(when(item["at"]), item["type"], item["actor"], item["text"]) for item in shown]
    print_table(("TIME", "EVENT", "BY", "WHAT"), rows)
    if left := len(events) - len(shown):
        note(f"{counted(left, 'look')} of gates that gather evidence changed no verdict; --looks shows them too.")


@app.command()
def replay(context: typer.Context, rollout: Id, as_json: Json = False) -> None:
    """Make every verdict and group action again, from the record. Leaves with 1 where one comes out otherwise."""
    with meant.opened(context, rollout) as client:
        found = client.get(f"rollouts/{segment(rollout)}/replay")
    verdicts, actions = found["mistakes"], found["actionMistakes"]
    made = counted(found["verdicts"], "verdict")
    made += f" and {counted(found['actions'], 'action')} on groups" if found["actions"] else ""
    if as_json:
        print_json(found)
    elif not found["verdicts"]:
        out.print(f"There is nothing to make again: no gate has judged {plain(rollout)}.")
    elif not verdicts and not actions:
        out.print(f"[green]✓[/] {made} made again; all came out the same.")
    else:
        err.print(f"[red]✗[/] of {made} made again {len(verdicts) + len(actions)} came out otherwise:")
        rows = [(when(item["at"]), item["gate"], item["recorded"], item["again"]) for item in verdicts]
        rows += [(when(item["at"]), "(action)", item["recorded"], item["again"]) for item in actions]
        print_table(("TIME", "GATE", "RECORDED", "AGAIN"), rows)
    if verdicts or actions:
        raise typer.Exit(Exit.FAILED)


def _act(context: typer.Context, rollout: str, verb: str, as_json: bool, **body: Any) -> None:
    with meant.opened(context, rollout) as client:
        answer = client.post(f"rollouts/{segment(rollout)}/{verb}", body)
    _show(answer, as_json)


def _show(rollout: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rollout)
        return
    waits = f": {plain(rollout['waitingFor'])}" if rollout["waitingFor"] else ""
    shares = plain(rollout.get("exposure") or percent(rollout["weight"]))
    out.print(f"{plain(rollout['id'])} is {styled(rollout['phase'])} at {shares}{waits}")
    for acted in rollout["acted"]:
        out.print(f"  [yellow]![/] {plain(acted['text'])} [dim]at {when(acted['at'])}[/]")
    if not rollout["recorded"]:
        out.print("[yellow]The store is out of reach: traffic is moved now, the record follows.[/]")


def _end(phase: str) -> None:
    raise typer.Exit(
        {"succeeded": Exit.OK, "aborted": Exit.ABORTED, "superseded": Exit.ABORTED}.get(phase, Exit.FAILED)
    )
