"""Does an import understand whatever is valid there, and does its report name every field once?

``python -m benchmarks.imports.manifests`` imports the manifests of the tests: every shape that Argo Rollouts' examples
and Flagger's documentation have, and what either refuses, with its place. ``... argo FILE ...`` does so with files of
yours. Leaves with 1 if something is not understood, not said once, or not refused for what its first line says.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.imports._counted import TOOLS, Count, count_of

from croupier.cli.output import counted

ROOT = Path(__file__).parents[2] / "tests/adapters/imports"
FOLDERS = ("samples", "refused")
HEADINGS = ("file", "documents", "understood", "fields", "with one line", "files made", "refused at")


def given() -> list[tuple[str, Path]]:
    """The tests' files, each with its tool."""
    return [(tool, path) for folder in FOLDERS for tool in TOOLS for path in sorted((ROOT / folder / tool).glob("*"))]


def _row(name: str, counts: Sequence[Count], refused: str) -> tuple[str, ...]:
    """Of what is refused, nothing is said field by field."""
    valid = not all(each.promised for each in counts)
    sums = [sum(getattr(each, field) for each in counts) for field in ("documents", "understood")]
    fields = [sum(getattr(each, field) for each in counts) for field in ("fields", "said_once", "made")]
    return (name, *map(str, sums), *(str(each) if valid else "-" for each in fields), refused)


def rows(counts: Sequence[Count]) -> list[tuple[str, ...]]:
    """A line for each file, and one for all that are valid, and all that are not, of each tool."""
    found: list[tuple[str, ...]] = [HEADINGS]
    for each in counts:
        place = each.mistakes[0].partition(" ")[0] if each.mistakes else "-"
        found.append(_row(f"{each.tool}/{each.file}{'' if each.is_whole else '  FELL SHORT'}", [each], place))
    for tool in TOOLS:
        for name, wrong in (("valid", False), ("not valid", True)):
            some = [each for each in counts if each.tool == tool and bool(each.promised) is wrong]
            refused = sum(bool(each.mistakes) for each in some)
            if some:
                found.append(_row(f"{tool}, {counted(len(some), 'file')}, {name}", some, counted(refused, "file")))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tool", nargs="?", choices=sorted(TOOLS), help="whose manifests the files are")
    parser.add_argument("files", nargs="*", type=Path, help="manifests of yours")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    asked = parser.parse_args()
    files = [(asked.tool, path) for path in asked.files] or given()
    counts = [count_of(tool, path) for tool, path in files]
    if asked.json:
        print(json.dumps([dataclasses.asdict(each) for each in counts], indent=2))
    else:
        table = rows(counts)
        widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
        for row in table:
            cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            print("  ".join((row[0].ljust(widths[0]), *cells)))
    for each in counts:
        if not each.is_whole:
            words = f"promised {each.promised!r}, found {each.mistakes}" if each.promised else str(each.mistakes)
            print(f"{each.tool}/{each.file}: {words}", file=sys.stderr)
    return 0 if all(each.is_whole for each in counts) else 1


if __name__ == "__main__":
    sys.exit(main())
