"""``croupier rollout list|show|watch|history|pins|replay``: what there is, what happened, and whether it holds."""

from typing import Annotated

import typer

from croupier.cli import meant
from croupier.cli.connection import Connection, segment
from croupier.cli.nothing import no_rollouts
from croupier.cli.output import Exit, Json, counted, err, note, out, percent, plain, print_json, print_table, when
from croupier.cli.rollout.told import Id, leave
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.turns import Turns


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


def show(context: typer.Context, rollout: Id, as_json: Json = False) -> None:
    """One rollout: steps, weights, gates, and what it waits for."""
    with meant.opened(context, rollout) as client:
        found = client.get(f"rollouts/{segment(rollout)}")
    if as_json:
        print_json(found)
    else:
        from croupier.cli import watch

        if out.is_terminal:
            out.print(watch.picture(found))
        else:
            print_table(("WHAT", "NAME", "STATE", "TEXT"), watch.lines(found))


def watch_(
    context: typer.Context,
    rollout: Id,
    as_json: Json = False,
) -> None:
    """Follow a rollout live until it ends. Leaves with 0 when it succeeded and with 10 when it was aborted."""
    from croupier.cli import watch

    with meant.opened(context, rollout) as client:
        leave(watch.follow(client, rollout, as_json=as_json))


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


def pins(
    context: typer.Context,
    rollout: Id,
    moved: Annotated[bool, typer.Option("--moved", help="Those that this rollout moved in the middle.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at the most.")] = 20,
    as_json: Json = False,
) -> None:
    """Open rounds of the rollout's service. Where they were begun, and how long each may still take to end there."""
    from croupier.cli import pins as pinned

    with meant.opened(context, rollout) as client:
        found = pinned.look(client, rollout, limit, moved=moved)
    if as_json:
        print_json(found)
    else:
        pinned.show(found, limit)


def replay(context: typer.Context, rollout: Id, as_json: Json = False) -> None:
    """Make every verdict again, from the record. Each action on a group, too; leaves with 1 where one differs."""
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
