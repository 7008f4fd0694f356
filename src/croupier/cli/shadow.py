"""``croupier rollout shadow``: what is copied to a canary, and where its answers differ."""

from typing import Annotated, Any

import typer

from croupier.cli import meant
from croupier.cli.connection import segment
from croupier.cli.output import Json, note, out, plain, print_json, print_table


def shadow(
    context: typer.Context,
    rollout: Annotated[str, typer.Argument(help="The rollout, for example payments-3.", metavar="ROLLOUT")],
    as_json: Json = False,
) -> None:
    """How the canary answers copies of requests. What is copied now; where its answers differ, by path and field."""
    with meant.opened(context, rollout) as client:
        found = client.get(f"rollouts/{segment(rollout)}/shadow")
    if as_json:
        print_json(found)
        return
    for line in found["copies"]:
        out.print(f"{plain(line)}.")
    if not found["copies"]:
        note("Nothing is copied to the canary now.")
    if not found["comparisons"]:
        note("No answers were compared. In a shadow step write: compare: {sample: 5}")
    for comparison in found["comparisons"]:
        _show(comparison)


def _show(comparison: dict[str, Any]) -> None:
    until_now = "" if comparison["recorded"] else " up to now"
    out.print(f"[bold]Step {comparison['step'] + 1}[/]: {plain(comparison['text'])}{until_now}.")
    if comparison["noisy"]:
        out.print(f"[dim]{comparison['noisy']:,} had noise: the stable version's own two answers differ somewhere.[/]")
    for reason, count in comparison["skipped"].items():
        out.print(f"[dim]{count:,} not compared: {plain(reason)}.[/]")
    rows = [_row(item) for item in comparison["differences"]]
    if rows:
        print_table(("PATH", "FIELD", "ANSWERS", "SHARE", "STABLE", "CANARY"), rows)


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    stable, canary = item["examples"][0] if item["examples"] else ("-", "-")
    return item["path"], item["field"], f"{item['count']:,}", f"{100 * item['share']:.3g} %", stable, canary
