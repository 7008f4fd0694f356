"""``croupier gate explain``: why a gate says what it says, and how long until it says something else."""

from datetime import datetime
from typing import Annotated, Any

import typer

from croupier.cli import meant
from croupier.cli.connection import segment
from croupier.cli.output import Json, clock_time, counted, note, out, plain, print_json, print_table, styled
from croupier.errors import NotFound

_SO_SURE = 1_000_000
"""Larger odds say nothing more to people."""


def explain(
    context: typer.Context,
    rollout: Annotated[str, typer.Argument(help="The rollout, for example payments-3.", metavar="ROLLOUT")],
    gate: Annotated[str | None, typer.Argument(help="Only this gate.", metavar="GATE")] = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="An earlier attempt of a rollout that was started again.", metavar="N")
    ] = None,
    as_json: Json = False,
) -> None:
    """The evidence of a rollout's gates. Counts, estimates with intervals, odds, what is missing, and how long until a
    decision if everything goes on as it is. In a terminal also a small plot of the evidence over time.
    """
    with meant.opened(context, rollout) as client:
        path = f"rollouts/{segment(rollout)}"
        names = [gate] if gate else [item["name"] for item in client.get(path)["gates"]]
        if not names:
            raise NotFound(f"{rollout} has no gates.", hint="Nobody watched it but people.")
        which = {} if attempt is None else {"attempt": attempt}
        found = [client.get(f"{path}/gates/{segment(name)}/explanation", **which) for name in names]
    if as_json:
        print_json(found[0] if gate else found)
        return
    for index, item in enumerate(found):
        if index:
            out.print("")
        _show(item)
    if any(item["groups"] for item in found):
        note(found[0]["intervals"])
    now = found[0].get("attempt", 1)
    if attempt is None and now > 1:
        note(f"This is attempt {now}, which began with the whole budget; of the one before: --attempt {now - 1}")


def _show(item: dict[str, Any]) -> None:
    verdict = item["verdict"] or "not yet"
    out.print(f"[bold]{plain(item['gate'])}[/] {styled(verdict)} [dim]({item['rule']})[/] {plain(item['objective'])}")
    for line in item["text"]:
        word, _, _ = line.partition(" ")
        # A group's name is written as it is.
        out.print(f"  {plain(line if '=' in word else line[:1].upper() + line[1:])}.")
    if item["groups"]:
        _show_groups(item)
    if out.is_terminal:
        _draw(item)


def _show_groups(item: dict[str, Any]) -> None:
    """Groups next to each other; of the whole alone the sentences have said everything, but for programs."""
    if out.is_terminal and len(item["groups"]) < 2:
        return
    last = ("ODDS", "NEEDED", "RATIO") if item["rule"] == "sequential" else ("IN A ROW",)
    head = ("GROUP", "CANARY", "GOOD", "STABLE", "GOOD", *last)
    print_table(head, [_row(group, item["rule"]) for group in item["groups"]])


def _row(group: dict[str, Any], rule: str) -> tuple[str, ...]:
    name = " ".join(f"{label}={value}" for label, value in group["group"].items()) or "all"
    arms = (*_arm(group["canary"]), *_arm(group["baseline"]))
    if rule != "sequential":
        return (name, *arms, str(group["streak"]))
    ratio = "-" if group["ratio"] is None else f"{group['ratio']:g} ×"
    return (name, *arms, _odds(group["odds"]), f"{group['needed']:,.0f}", ratio)


def _odds(odds: float) -> str:
    """So many to one."""
    return f"{odds:.3g}" if odds < 1_000 else f"{odds:,.0f}" if odds < _SO_SURE else f"over {_SO_SURE:,}"


def _arm(estimate: dict[str, Any] | None) -> tuple[str, str]:
    """How many, and the good share; piped, with its interval."""
    if estimate is None or estimate["share"] is None:
        return "-", "-"
    between = "" if out.is_terminal else f" ({_share(estimate['low'])}–{_share(estimate['high'])})"
    return f"{estimate['total']:,}", f"{_share(estimate['share'])} %{between}"


def _share(share: float) -> str:
    """In percent, with as many digits as tell."""
    digits = 3 if share > 0.999 else 2 if share > 0.9 else 1
    text = f"{100 * share:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _draw(item: dict[str, Any]) -> None:
    """The evidence over time, against what convicts."""
    points, needed = item["points"], item["needed"]
    if len(points) < 2 or needed is None:
        return
    from croupier.cli.plot import Series, plot

    sequential = item["rule"] == "sequential"
    values = [max(point["odds"] or 0.0, 0.0) if sequential else float(point["streak"]) for point in points]
    times = [datetime.fromisoformat(point["at"]).timestamp() for point in points]
    labels = (f"{2.718281828**needed:,.0f}:1", "1:1") if sequential else (f"{needed:.0f} in a row", "0")
    out.print("")
    for line in plot(Series(times, values, needed, labels), out.console.width - 2):
        out.print(line)
    begin, end = clock_time(points[0]["at"]), clock_time(points[-1]["at"])
    what = "odds against the canary (a logarithmic scale), look by look" if sequential else "violations in a row"
    out.print(f"[dim]{begin} to {end}: {what} ({counted(len(points), 'look')})[/]")
