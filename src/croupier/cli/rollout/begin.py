"""``croupier rollout start|plan|approve``: what comes before any player has the new version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli import meant
from croupier.cli.connection import Connection, segment
from croupier.cli.output import Exit, Json, Reason, out, print_json, working
from croupier.cli.rollout.told import Id, leave, tell
from croupier.cli.together import versions

if TYPE_CHECKING:
    from croupier.cli.client import Client


def start(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="The service; or, of several that move as one, SERVICE=VERSION.")],
    version: Annotated[str, typer.Argument(help="The release to roll out; or another SERVICE=VERSION.")],
    more: Annotated[
        list[str] | None, typer.Argument(help="More of several services.", metavar="SERVICE=VERSION…")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Which Rollout document, where the service has several.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="In a freeze: wait for its end, or be refused.", show_default=False)
    ] = True,
    hotfix: Annotated[
        bool, typer.Option("--hotfix", help="In the lane for hotfixes: shorter, still gated (needs --reason).")
    ] = False,
    supersede: Annotated[bool, typer.Option("--supersede", help="Also where a hotfix is in progress.")] = False,
    reason: Reason = "",
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Roll a release out. One that is in progress for the service is superseded, a hotfix only with --supersede; the
    stable version keeps serving. To start the stable version itself gives up what is in progress.

    One that is less careful than its profile waits until somebody else has approved of it: 'rollout approve'.

    Several services move as one by a Rollout document that names them: rollout start wallet=2.0.0 payments=3.1.0.
    What is asked of one of these rollouts afterwards is asked of all.
    """
    from croupier.cli import watch

    connection: Connection = context.obj
    several = versions([service, version, *(more or [])])
    asked: dict[str, Any] = ({"strategy": strategy} if strategy else {}) | ({} if wait else {"wait": False})
    with connection.open() as client:
        if several:
            body: dict[str, Any] = {"versions": several, "reason": reason}
            answer = client.post("rollouts/together", body | asked)
            _started_together(client, answer, as_json=as_json, follow=follow)
            return
        body = {"service": service, "version": version, "reason": reason}
        body |= asked | {"hotfix": hotfix, "supersede": supersede}
        answer = client.post("rollouts", body)
        if not (follow and as_json):
            tell(answer, as_json)
        if not as_json:
            _tell_what_it_ends(client, answer, version)
        if follow:
            leave(watch.follow(client, answer["id"], as_json=as_json))


def _started_together(client: "Client", answer: dict[str, Any], *, as_json: bool, follow: bool) -> None:
    """The rollouts that began as one, and in what each is less careful; any of their names is that of all."""
    found = client.get(f"rollouts/{segment(answer['id'])}")
    if not (follow and as_json):
        tell(found, as_json)
    if not as_json:
        for other in found["together"]:
            if other["rollout"] != found["id"]:
                tell(client.get(f"rollouts/{segment(other['rollout'])}"), as_json)
        out.print("[dim]They move as one: what is asked of one of them is asked of all.[/]")
    if follow:
        from croupier.cli import watch

        leave(watch.follow(client, answer["id"], as_json=as_json))


def _tell_what_it_ends(client: "Client", answer: dict[str, Any], version: str) -> None:
    """That the start gave up, or superseded, a rollout that was in progress."""
    name = f"{answer['id']} ({answer['canary']})"
    if answer["canary"] != version:
        out.print(f"{version} is the stable version: no rollout was started, and {name} is given up.", markup=False)
        return
    for before in client.get("rollouts", service=answer["service"], phase="superseded", limit=1)["items"]:
        if before["supersededBy"] == answer["id"]:
            out.print(f"It supersedes {before['id']} ({before['canary']}), which was in progress.", markup=False)


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
    players: Annotated[
        int | None,
        typer.Option(min=1, max=10**9, help="How many players the service has: each step then says whom it exposes."),
    ] = None,
    rollout: Annotated[str | None, typer.Option(help="Only this Rollout of the files.")] = None,
    hotfix: Annotated[bool, typer.Option("--hotfix", help="The lane for hotfixes instead of its steps.")] = False,
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

    asked = given(rate or [], usual or [], find or [], groups or [], hotfix=hotfix)
    bundle = planning.read(paths)
    found = planning.rollouts(bundle, rollout, hotfix=hotfix)
    asked.check(gate for _, gates in found for gate in gates)
    connection: Connection = context.obj
    counts = [planning.count(connection, bundle, spec, gates, asked) for spec, gates in found]
    with working("gates are played some hundred times on this traffic"):
        planned = [planning.look(bundle, spec, asked, seen) for (spec, _), seen in zip(found, counts, strict=True)]
    planned = planning.with_ahead(connection, bundle, planned, players)
    if as_json:
        print_json([shown.as_object(each) for each in planned])
    else:
        for index, each in enumerate(planned):
            if index:
                out.print("")
            shown.show(each)
    if strict and any(map(shown.warnings, planned)):
        raise typer.Exit(Exit.FAILED)


def approve(
    context: typer.Context,
    rollout: Id,
    digest: Annotated[
        str | None, typer.Option(help="Only if it is still what has this digest; 'show --json' says it.")
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Approve of a rollout that somebody else started. Of exactly the plan that is shown, and nothing else."""
    with meant.opened(context, rollout) as client:
        path = f"rollouts/{segment(rollout)}"
        asked = client.get(path)
        seen = (asked["approval"] or {}).get("digest", "") if digest is None else digest
        answer = client.post(f"{path}/approve", {"digest": seen, "reason": reason})
    tell(answer, as_json)
