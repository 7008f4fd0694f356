"""How the comparison is shown: a table per rate, for the terminal and for the documentation, and as JSON."""

from collections.abc import Mapping, Sequence

from benchmarks.gates._reference import Target
from benchmarks.gates._result import Cell
from benchmarks.gates._scenarios import Scenario

RESERVED = "D (study)"
RATIO = "ours : D"


def shown(scenario: Scenario, cell: Cell | Target) -> str:
    """Bad: median/95th percentile of the seconds to rollback, mean harm; ``(x%)`` where fewer than half came back.
    Healthy: the share rolled back.
    """
    if not scenario.bad:
        return f"{cell.share:.1%}"
    if cell.median_s is None:
        return f"({cell.share:.0%})"
    late = "-" if cell.p95_s is None else f"{cell.p95_s:.0f}"
    few = f"{cell.share:.0%}: " if cell.share < 0.995 else ""
    return f"{few}{cell.median_s:.0f}/{late}, {cell.harm:.0f}"


def ratio(ours: Cell, target: Target) -> str:
    """Our median, 95th percentile and harm as multiples of the study's: below 1 is better."""
    if ours.median_s is None or target.median_s is None:
        return ""
    late = f"{ours.p95_s / target.p95_s:.2f}" if ours.p95_s is not None and target.p95_s else "-"
    harm = f", {ours.harm / target.harm:.2f}" if target.harm else ""
    return f"{ours.median_s / target.median_s:.2f}, {late}{harm}"


def rows(
    scenarios: Sequence[Scenario], cells: Mapping[str, Mapping[str, Cell]], targets: Mapping[str, Target]
) -> list[list[str]]:
    """Heading first. ``cells`` by scenario, then by rule."""
    rules = list(dict.fromkeys(rule for each in cells.values() for rule in each))
    compared = bool(targets) and "ours" in rules
    table = [["scenario", *rules, *([RESERVED, RATIO] if compared else [])]]
    for scenario in scenarios:
        mine = cells[scenario.name]
        row = [scenario.name, *(shown(scenario, mine[rule]) for rule in rules)]
        if compared:
            target = targets.get(scenario.name)  # the study has no outage of a provider
            row += [shown(scenario, target), ratio(mine["ours"], target)] if target is not None else ["", ""]
        table.append(row)
    if whole := cells.get("healthy"):
        times = ("never" if whole[rule].whole_s is None else f"{whole[rule].whole_s:.0f} s" for rule in rules)
        table.append(["healthy: time to the last weight", *times, *(["", ""] if compared else [])])
    return table


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The table as the documentation has it."""
    heading, *body = table
    lines = [heading, ["---"] * len(heading), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
