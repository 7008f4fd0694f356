"""``croupier validate``: every mistake in a set of files, with its place and what to write instead. Needs no control
plane.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from croupier.cli.output import Exit, Json, counted, err, note, out, plain, print_json

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle, Located


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Files or directories.", metavar="PATH…")],
    as_json: Json = False,
) -> None:
    """Check files, without a control plane. Every mistake is said with file, line, field and what to write instead.
    Leaves with 5 when there is one.

    Where the files refer to a service, gate or segment and hold none at all, they are taken for a part: that is a
    warning.
    """
    from croupier.adapters.manifests import read_paths

    bundle = read_paths(paths, partial=True)
    if as_json:
        print_json(
            {
                "ok": not bundle.errors,
                "problems": [as_object(item) for item in bundle.problems],
                "passedOver": list(bundle.foreign),
            }
        )
    else:
        show_problems(bundle)
        if not bundle.errors:
            warned = f", {counted(len(bundle.warnings), 'warning')}" if bundle.warnings else ""
            out.print(f"[green]✓[/] {counted(len(bundle.items), 'document')}, no mistakes{warned}.")
    if bundle.errors:
        raise typer.Exit(Exit.REJECTED)


def show_problems(bundle: "Bundle", *, end: str = ".") -> None:
    """What was passed over, and each problem on a line of its own, in the form that editors and terminals make
    clickable.
    """
    if bundle.foreign:
        more = f" and {len(bundle.foreign) - 1} more" if len(bundle.foreign) > 1 else ""
        note(f"passed over, not Croupier's: {bundle.foreign[0]}{more}")
    for item in bundle.problems:
        colour = "red" if item.severity == "error" else "yellow"
        place = f"{item.file}:{item.line}:{item.column}" if item.line else item.file
        field = f" {item.problem.field}:" if item.problem.path else ""
        err.print(
            f"[bold]{plain(place)}[/] [{colour}]{item.severity}[/]{plain(field)} {plain(item.problem.message)}"
            + (f" [dim]{plain(item.problem.hint)}[/]" if item.problem.hint else "")
        )
    if bundle.errors:
        err.print(f"[red]✗[/] {counted(len(bundle.errors), 'mistake')}{end}")


def as_object(item: "Located") -> dict[str, str | int]:
    """A problem as JSON."""
    return {
        "file": item.file,
        "line": item.line,
        "column": item.column,
        "field": item.problem.field,
        "severity": item.severity.value,
        "message": item.problem.message,
        "hint": item.problem.hint,
    }
