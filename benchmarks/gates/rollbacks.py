"""How soon is a bad release found, what did it cost until then, and how often is a healthy one blamed?

All rules over the same seeded scenarios in one run: Croupier's through the real ``decide``, other people's as their
sources say. Run it by ``python -m benchmarks.gates.rollbacks``; it ends with 1 when healthy releases are blamed by the
sequential gates in more rollouts than their budget of 1 % explains, or any of them for an incident of both versions.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.gates._reference import targets
from benchmarks.gates._result import Cell, summed_up
from benchmarks.gates._rules import ASKED, MEANINGS, RULES
from benchmarks.gates._scenarios import SCENARIOS, Scenario
from benchmarks.gates._table import markdown, rows
from rich.console import Console
from rich.progress import track
from rich.table import Table

Figures = Mapping[float, Mapping[str, Mapping[str, Cell]]]
"""By rate, by scenario, by rule."""

_USUAL = [rule for rule in RULES if rule not in ASKED]
_OURS = ("ours", *ASKED)
_COMMON = {each.name for each in SCENARIOS if each.incident or each.outage}
_UNPLAYED = Cell(0, 0, None, None, 0.0, None)


class Job(NamedTuple):
    """One cell of a table: so many rollouts, seeds 0, 1, 2, …"""

    per_s: float
    scenario: Scenario
    rule: str
    rollouts: int


def done(job: Job) -> tuple[Job, Cell]:
    """The cell filled in."""
    play = RULES[job.rule]
    return job, summed_up([play(job.scenario, job.per_s, seed) for seed in range(job.rollouts)])


def run(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Cell]]:
    """All cells, in no particular order when several processes fill them."""
    if workers == 1:
        yield from map(done, jobs)
        return
    # Spawned, not forked: numpy has threads of its own.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(done, jobs)


def main() -> int:
    arguments = _arguments()
    console, began = Console(width=None if sys.stdout.isatty() else 220), time.monotonic()
    figures = _read(arguments.show) if arguments.show else _played(arguments)
    for per_s, cells in figures.items():
        table = rows([scenario for scenario in SCENARIOS if scenario.name in cells], cells, targets(per_s))
        if arguments.markdown:
            console.out(f"\n**{per_s:g} requests/s**\n\n{markdown(table)}\n")
        else:
            _show(console, per_s, table)
    if arguments.json:
        document = _document(figures, arguments.rollouts, time.monotonic() - began)
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return _judged(console, figures)


def _played(arguments: argparse.Namespace) -> Figures:
    """Every cell, filled in now."""
    chosen = [scenario for scenario in SCENARIOS if arguments.scenario in scenario.name]
    jobs = [
        Job(per_s, scenario, rule, arguments.rollouts if rule in _OURS else arguments.others or arguments.rollouts)
        for per_s in arguments.rates
        for scenario in chosen
        for rule in arguments.rules
    ]
    # All places first, in order: several processes fill them as they come.
    found: dict[float, dict[str, dict[str, Cell]]] = {}
    for job in jobs:
        found.setdefault(job.per_s, {}).setdefault(job.scenario.name, {})[job.rule] = _UNPLAYED
    progress = Console(stderr=True)
    for job, cell in track(run(jobs, arguments.workers), "playing", len(jobs), console=progress, transient=True):
        found[job.per_s][job.scenario.name][job.rule] = cell
    return found


def _read(paths: Sequence[Path]) -> Figures:
    """The figures of earlier runs, put together."""
    found: dict[float, dict[str, dict[str, Cell]]] = {}
    for path in paths:
        for per_s, scenarios in json.loads(path.read_text(encoding="utf-8"))["cells"].items():
            for name, cells in scenarios.items():
                place = found.setdefault(float(per_s), {}).setdefault(name, {})
                place.update({rule: Cell(**cell) for rule, cell in cells.items()})
    return found


def _arguments() -> argparse.Namespace:
    meanings = "\n".join(f"  {rule}: {MEANINGS[rule]}" for rule in RULES)
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"rules:\n{meanings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rollouts", type=int, default=20, help="a scenario, rate and rule")
    parser.add_argument("--others", type=int, help="the same of other people's rules, the first of the same seeds")
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 200, 2000], metavar="PER_S")
    parser.add_argument("--rules", nargs="+", choices=RULES, default=_USUAL, metavar="RULE")
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write every figure to this file as well")
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE", help="play nothing, show these runs")
    parser.add_argument("--markdown", action="store_true", help="tables as the documentation has them")
    return parser.parse_args()


def _show(console: Console, per_s: float, table: Sequence[Sequence[str]]) -> None:
    shown = Table(title=f"{per_s:g} requests/s: seconds to rollback (median/p95), harm; or rolled back falsely")
    for heading in table[0]:
        shown.add_column(heading)
    for line in table[1:]:
        shown.add_row(*line)
    console.print(shown)


def _document(figures: Figures, rollouts: int, took_s: float) -> dict[str, Any]:
    """Every figure, and what is needed to judge it."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607 - whichever git made the working copy
    return {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
        "took_s": round(took_s),
        "rollouts": rollouts,
        "cells": {
            f"{per_s:g}": {name: {rule: asdict(cell) for rule, cell in found.items()} for name, found in table.items()}
            for per_s, table in figures.items()
        },
    }


def _judged(console: Console, figures: Figures) -> int:
    """Whether the healthy were spared as promised."""
    ours = [
        (name, cell)
        for table in figures.values()
        for name, found in table.items()
        for rule, cell in found.items()
        if rule in _OURS
    ]
    healthy, blamed = _sums(cell for name, cell in ours if name.startswith("healthy"))
    common, accused = _sums(cell for name, cell in ours if name in _COMMON)
    allowed = 0.01 * healthy + 3 * math.sqrt(0.01 * 0.99 * healthy)
    console.print(f"healthy releases blamed by evidence: {blamed} of {healthy} (at most {allowed:.1f} are chance)")
    console.print(f"releases blamed by evidence for an incident of both versions: {accused} of {common}")
    return int(blamed > allowed or accused > 0)


def _sums(cells: Iterable[Cell]) -> tuple[int, int]:
    cells = tuple(cells)
    return sum(cell.rollouts for cell in cells), sum(cell.back for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
