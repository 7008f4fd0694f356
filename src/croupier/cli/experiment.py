"""``croupier experiment …``: start and stop experiments, and look at what they say, as often as you like."""

from datetime import datetime
from typing import Annotated, Any

import typer

from croupier.cli.complete import experiment_names
from croupier.cli.connection import Connection, segment
from croupier.cli.output import Json, Reason, note, out, plain, print_json, print_table, when

app = typer.Typer(
    help="Find out which variant of a flag does better.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        help="The experiment, for example lobby-order.", metavar="EXPERIMENT", autocompletion=experiment_names
    ),
]
Run = Annotated[str | None, typer.Option("--run", help="The id of a run; the newest one without it.")]

_COLOURS = {"better": "green", "worse": "red", "same": "cyan", "open": "yellow", "withheld": "red"}
_WIDTH = 48


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every experiment, and what its newest run says."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.pages("experiments", 10_000)
    if as_json:
        print_json(found)
        return
    if not found:
        note("No experiments yet. Declare one: croupier apply FILE, with a document of kind Experiment")
    rows = [(item["name"], item["flag"], _standing(item), item["said"]) for item in found]
    print_table(("EXPERIMENT", "FLAG", "STATE", "RESULT"), rows)


@app.command()
def show(context: typer.Context, experiment: Name, as_json: Json = False) -> None:
    """One experiment: what it asks, and its runs."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.get(f"experiments/{segment(experiment)}")
    if as_json:
        print_json(found)
        return
    out.print(f"[bold]{plain(found['name'])}[/] is {_standing(found)}  {plain(found['description'])}")
    out.print(f"flag      {plain(found['flag'])} in {plain(found['environment'])}")
    out.print(f"goal      {plain(found['goal'])}")
    out.print(f"owner     {plain(found['owner'] or '-')}")
    rows = [
        (run["id"], when(run["startedAt"]), run["startedBy"], when(run["stoppedAt"]) if run["stoppedAt"] else "runs")
        for run in found["runs"]
    ]
    print_table(("RUN", "STARTED", "BY", "STOPPED"), rows)


@app.command()
def start(context: typer.Context, experiment: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Take players in from now on. What is declared now holds until it is stopped."""
    connection: Connection = context.obj
    with connection.open() as client:
        run = client.post(f"experiments/{segment(experiment)}/start", {"reason": reason})
    if as_json:
        print_json(run)
        return
    shares = ", ".join(f"{name} {_percent(share)}" for name, share in run["shares"].items())
    out.print(f"{plain(experiment)} runs; {plain(run['rule'])} deals {plain(shares)}; until {when(run['endsAt'])}")
    note(f"Look at it whenever you like: croupier experiment result {experiment}")


@app.command()
def stop(context: typer.Context, experiment: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Count no longer. What was found is recorded; the players are forgotten."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.post(f"experiments/{segment(experiment)}/stop", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        _show(found)


@app.command()
def result(context: typer.Context, experiment: Name, run: Run = None, as_json: Json = False) -> None:
    """What it says now. The error level holds however often you look."""
    connection: Connection = context.obj
    chosen = {"run": run} if run else {}
    with connection.open() as client:
        found = client.get(f"experiments/{segment(experiment)}/result", **chosen)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    run = found["run"]
    standing = "runs since" if run["running"] else "ran from"
    ended = "" if run["running"] or not run["stoppedAt"] else f" to {when(run['stoppedAt'])}"
    out.print(f"[bold]{plain(found['experiment'])}[/] {standing} {when(run['startedAt'])}{ended}")
    out.print(f"[bold]{plain(found['said'])}[/]")
    rows = [
        (
            item["variant"],
            _percent(item["share"]),
            f"{item['exposed']:,}",
            f"{item['converted']:,}",
            _percent(item["rate"]),
            f"{_percent(item['low'])} to {_percent(item['high'])}",
        )
        for item in found["variants"]
    ]
    print_table(("VARIANT", "DUE", "PLAYERS", run["goal"].upper(), "RATE", "WITHIN"), rows)
    if not found["withheld"]:
        out.print("")
        for line in plot(found["comparisons"], run["minimumEffect"]):
            out.print(line)
    for guard in found["guards"]:
        if guard["verdict"] == "worse":
            note(f"guard: {guard['said']}")
    if found["crossed"]:
        note(f"{found['crossed']:,} players were given two variants, and are left out.")
    if found["lost"]:
        note(f"{found['lost']:,} reports were left out by applications that could not send them in time.")


def plot(comparisons: list[dict[str, Any]], minimum: float) -> list[str]:
    """Each comparison's interval on one scale of relative differences, no difference in the middle; rich markup."""
    most = max([2 * minimum, *(_reach(item) for item in comparisons)])
    names = max((len(item["treatment"]) for item in comparisons), default=0)

    def column(value: float) -> int:
        return round((min(max(value, -most), most) + most) / (2 * most) * (_WIDTH - 1))

    lines = []
    for item in comparisons:
        low, high = column(item["ratioLow"]), column(most if item["ratioHigh"] is None else item["ratioHigh"])
        cells = ["─" if low <= place <= high else " " for place in range(_WIDTH)]
        for edge in (column(-minimum), column(minimum)):
            cells[edge] = "┊" if cells[edge] == " " else cells[edge]
        cells[column(0.0)] = "│" if cells[column(0.0)] == " " else "┼"
        if item["ratio"] is not None:
            cells[column(item["ratio"])] = "●"
        colour = _COLOURS[item["verdict"]]
        lines.append(f"{plain(item['treatment']):<{names}} [{colour}]{''.join(cells)}[/] {item['verdict']}")
    scale = f"{_percent(-most)}{'0':^{_WIDTH - 2 * len(_percent(most)) - 1}}{_percent(most)}"
    return [*lines, f"{'':<{names}} [dim]{scale}[/]"]


def _reach(item: dict[str, Any]) -> float:
    """How far the scale must go for the estimate and the nearer end; not for the far end of one that knows nothing."""
    low, high = item["ratioLow"], item["ratioHigh"]
    nearer = min(abs(low), abs(low if high is None else high))
    return float(min(max(abs(item["ratio"] or 0.0) * 1.2, nearer), 1.0))


def _standing(found: dict[str, Any]) -> str:
    if found["running"]:
        since = datetime.fromisoformat(found["runs"][0]["startedAt"])
        return f"running since {since.date().isoformat()}"
    return "stopped" if found["runs"] else "not started"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"
