"""``croupier rollout watch``: a live picture in a terminal; ``watch_lines`` is for a pipe. Draws ``status`` too."""

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from croupier.cli.output import STYLES, out, percent, plain, styled, when
from croupier.cli.pins import rounds_of
from croupier.cli.together import side_by_side
from croupier.cli.watch_lines import follow_plainly, looks

if TYPE_CHECKING:
    from croupier.cli.client import Client

_MARKS = {"done": "[green]✓[/]", "current": "[cyan]●[/]", "stopped": "[red]✗[/]", "todo": "[dim]○[/]"}


def follow(client: "Client", rollout: str, *, as_json: bool) -> str:
    """Show the rollout until it ends; the phase that it ended in. A control plane that is away for a while is waited
    for.
    """
    if as_json or not out.is_terminal:
        return follow_plainly(client, rollout, as_json=as_json)
    with Live(console=out.console, auto_refresh=False) as live:
        found = None
        for found in looks(client, rollout):
            away = Text("the control plane does not answer; waiting for it", style="yellow")
            live.update(away if found is None else picture(found), refresh=True)
    assert found is not None  # noqa: S101 - the last look is the one that saw its end
    return str(found["phase"])


def lines(rollout: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The same for programs that read lines: what it is, its name, how it stands, and one sentence."""
    versions = f"{rollout['stable'] or 'nothing'} → {rollout['canary']}"
    weight = rollout.get("exposure") or percent(rollout["weight"])
    abort = rollout["abort"]
    return [
        ("rollout", rollout["id"], rollout["phase"], rollout["waitingFor"] or (abort["reason"] if abort else "")),
        ("versions", rollout["service"], versions, f"{weight} on {rollout['canary']}"),
        *(("step", str(item["index"] + 1), item["state"], item["text"]) for item in rollout["steps"]),
        *(("gate", item["name"], item["verdict"] or "", item["text"]) for item in rollout["gates"]),
        *(("freeze", item["id"], item["until"] or "", item["text"]) for item in rollout.get("frozen", [])),
        *(("member", item["rollout"], item["phase"], item["waitingFor"]) for item in rollout.get("together") or []),
        *(("stack", item["version"], item["colour"], item["text"]) for item in rollout.get("stacks", [])),
        *([("preview", rollout["canary"], "", rollout["preview"])] if rollout.get("preview") else []),
        *([("lane", "hotfix", "", "a hotfix")] if rollout.get("hotfix") else []),
        *(("loosened", "", "", each) for each in rollout.get("loosened", [])),
        *(("approval", item["actor"], item["at"], item["reason"]) for item in _approvals(rollout)),
        *(("held", item["segment"] or "", item["at"], item["text"]) for item in rollout.get("held", [])),
        *(("group", item["gate"], item["at"], item["text"]) for item in rollout["acted"]),
        *(("rounds", rollout["service"], "", line) for line in rounds_of(rollout)),
        *(
            ("smoke", result["check"], result["outcome"], f"at {run['exposure']}: {result['said']}")
            for run in rollout.get("smokes", [])
            for result in run["results"]
        ),
    ]


def _approvals(rollout: dict[str, Any]) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = (rollout.get("approval") or {}).get("given", [])
    return given


def picture(rollout: dict[str, Any]) -> RenderableType:
    """One rollout as people look at it: versions, weight, steps, gates, and what it waits for."""
    parts: list[RenderableType] = [_headline(rollout), _weight(rollout), _steps(rollout)]
    if rollout.get("together"):
        parts.append(side_by_side(rollout["together"], rollout["id"]))
    parts += [_stack(stack) for stack in rollout.get("stacks", [])]
    if rollout.get("preview"):
        parts.append(Text.from_markup(f"[dim]preview of {plain(rollout['canary'])}:[/] {plain(rollout['preview'])}"))
    parts += [
        Text.from_markup(f"[yellow]![/] [dim]less careful than its profile:[/] {plain(each)}")
        for each in rollout.get("loosened", ())
    ]
    parts += [
        Text.from_markup(f"[green]✓[/] {plain(each['actor'])} approved [dim]at {when(each['at'])}[/]")
        for each in _approvals(rollout)
    ]
    if rollout.get("pace"):
        parts.append(Text.from_markup(f"[dim]{plain(rollout['pace'])}[/]"))
    if rollout["gates"]:
        parts.append(_gates(rollout))
    parts += [
        Text.from_markup(f"[yellow]![/] {plain(held['text'])} [dim]since {when(held['at'])}[/]")
        for held in rollout.get("held", [])
    ]
    parts += [
        Text.from_markup(f"[yellow]![/] {plain(acted['text'])} [dim]at {when(acted['at'])}[/]")
        for acted in rollout.get("acted", [])
    ]
    parts += [Text.from_markup(f"[yellow]![/] {line}") for line in rounds_of(rollout)]
    parts += [_smoke(run) for run in rollout.get("smokes", []) if run["stands"] or not run["passed"]]
    if abort := rollout["abort"]:
        parts.append(Text.from_markup(f"[red]✗ {plain(abort['reason'])}[/] [dim]at {when(abort['at'])}[/]"))
        if rollout["phase"] == "aborted":
            parts.append(Text.from_markup(f"[dim]to start it again:[/] croupier rollout retry {plain(rollout['id'])}"))
    elif rollout["waitingFor"]:
        parts.append(Text.from_markup(f"[dim]now:[/] {plain(rollout['waitingFor'])}"))
    return Group(*parts)


def _smoke(run: dict[str, Any]) -> RenderableType:
    """One run of smoke checks: a line where it passed, each step where it did not."""
    names = ", ".join(result["check"] for result in run["results"])
    mark = "[green]✓[/]" if run["passed"] else "[red]✗[/]"
    earlier = "" if run["stands"] else " [dim](earlier)[/]"
    lines = [f"{mark} smoke {plain(names)} at {plain(run['exposure'])} [dim]{when(run['at'])}[/]{earlier}"]
    for result in run["results"] if not run["passed"] else []:
        for step in result["steps"]:
            sign = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}[step["outcome"]]
            lines.append(f"    {sign} {plain(step['name'])}" + (f": {plain(step['said'])}" if step["said"] else ""))
    return Text.from_markup("\n".join(lines))


def _headline(rollout: dict[str, Any]) -> RenderableType:
    versions = f"{rollout['stable'] or 'nothing'} → {rollout['canary']}"
    again = f" [dim]· attempt {rollout['attempt']}[/]" if rollout["attempt"] > 1 else ""
    lane = " [yellow]hotfix[/]" if rollout.get("hotfix") else ""
    return Text.from_markup(
        f"[bold]{plain(rollout['id'])}[/]  {plain(versions)}  {styled(rollout['phase'])}{lane}{again}"
    )


def _weight(rollout: dict[str, Any]) -> RenderableType:
    wanted, confirmed = rollout["weight"], rollout["confirmedWeight"]
    style = STYLES.get(rollout["phase"], "cyan")
    line = Table.grid(padding=(0, 1))
    text = plain(rollout.get("exposure") or percent(wanted)) + (
        "" if confirmed == wanted else " [dim](not confirmed yet)[/]"
    )
    line.add_row(ProgressBar(total=100, completed=wanted, width=40, complete_style=style), Text.from_markup(text))
    return line


def _stack(stack: dict[str, Any]) -> RenderableType:
    mark = "[green]●[/]" if stack["serves"] else "[dim]○[/]"
    return Text.from_markup(f"{mark} {plain(stack['colour'])} {plain(stack['version'])}: {plain(stack['text'])}")


def _steps(rollout: dict[str, Any]) -> RenderableType:
    items = [f"{_MARKS[step['state']]} {plain(step['text'])}" for step in rollout["steps"]]
    return Text.from_markup("  ".join(items))


def _gates(rollout: dict[str, Any]) -> RenderableType:
    table = Table(box=None, header_style="dim", pad_edge=False)
    budgets = any(gate.get("budget") for gate in rollout["gates"])
    for column in ("GATE", "VERDICT", *(["AGAINST IT"] if budgets else []), "WHY"):
        table.add_column(column)
    for gate in rollout["gates"]:
        verdict = "waived" if gate["waived"] else gate.get("standing") or gate["verdict"] or "not yet"
        evidence = [_evidence(gate.get("budget"))] if budgets else []
        name = gate["name"] + (" (advisory)" if gate.get("advisory") else "")
        table.add_row(
            plain(name), styled(verdict), *evidence, plain(gate.get("standingReason") or gate["reason"] or "")
        )
    return table


def _evidence(budget: dict[str, Any] | None) -> str:
    """How far a sequential gate has come to blaming the canary, and with what right to err."""
    return f"{budget['used']:.0%} [dim](errs in {budget['held']:.2%})[/]" if budget else ""
