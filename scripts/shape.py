"""Prints how big modules and functions are: median, p90, maximum, and each one that outgrew its screen.

Called by `make shape`. Reviewers read the trend; nothing fails here.
"""

import ast
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "examples/casino/src")
LONG_MODULE = 350
LONG_FUNCTION = 60


def main() -> int:
    for folder in FOLDERS:
        paths = sorted((ROOT / folder).rglob("*.py"))
        # An empty __init__ is no module anybody reads; counting it would flatter the median.
        modules = {path.relative_to(ROOT): path.read_text() for path in paths if path.stat().st_size > 0}
        if not modules:
            continue
        module_lines = {str(path): len(text.splitlines()) for path, text in modules.items()}
        function_lines = {place: lines for path, text in modules.items() for place, lines in functions(path, text)}
        print(f"{folder:<24} {'count':>6} {'median':>7} {'p90':>6} {'max':>6} {'total':>7}")
        print(_row("  lines of a module", list(module_lines.values())))
        print(_row("  lines of a function", list(function_lines.values())))
        for what, sizes, limit in (
            ("modules", module_lines, LONG_MODULE),
            ("functions", function_lines, LONG_FUNCTION),
        ):
            for place, lines in sorted(sizes.items(), key=lambda item: -item[1]):
                if lines > limit:
                    print(f"  {what} > {limit}: {lines:>5}  {place}")
    return 0


def functions(path: Path, text: str) -> Iterator[tuple[str, int]]:
    """``path:line name`` and the lines of every function and method, decorators left out."""
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def p90(sizes: Sequence[int]) -> int:
    """The smallest size that nine in ten do not exceed (nearest rank)."""
    return sorted(sizes)[math.ceil(len(sizes) * 0.9) - 1]


def _row(name: str, sizes: Sequence[int]) -> str:
    if not sizes:
        return f"{name:<24} {0:>6}"
    return f"{name:<24} {len(sizes):>6} {median(sizes):>7.0f} {p90(sizes):>6} {max(sizes):>6} {sum(sizes):>7}"


if __name__ == "__main__":
    sys.exit(main())
