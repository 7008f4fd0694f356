"""A JSON text that holds flags and nothing else: one, or a list of very many. Read at once, without marks.

Marks cost a hundred times the reading; so they are made afterwards, only for the flags that have a mistake.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from croupier.adapters.manifests.flags import is_bare
from croupier.adapters.manifests.located import Mark, Path
from croupier.adapters.manifests.tree import parse_trees

MAX_FLAGS: Final = 100_000
"""Flags at a time."""


_SPACE: Final = re.compile(r"[ \t\n\r]*")


def bare_flags(text: str) -> list[dict[str, Any]] | None:
    """The flags in the text, or ``None`` where it is no JSON, says something twice, or holds anything else."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    found = data if isinstance(data, list) else [data]
    return found if found and all(map(is_bare, found)) else None


def spans(text: str) -> list[tuple[int, int]]:
    """Where each flag stands in a text that ``bare_flags`` could read: first character and end."""
    decoder = json.JSONDecoder()
    end = _blank(text, 0)
    if text[end] == "{":
        return [(end, decoder.raw_decode(text, end)[1])]
    found = []
    while text[end] != "]":
        start = _blank(text, end + 1)  # after "[" or ","
        found.append((start, decoder.raw_decode(text, start)[1]))
        end = _blank(text, found[-1][1])
    return found


def marks_in(text: str, span: tuple[int, int]) -> Mapping[Path, Mark]:
    """Where the values of the flag stand that stands there."""
    start, end = span
    line, column = text.count("\n", 0, start), start - text.rfind("\n", 0, start) - 1
    trees, _ = parse_trees(text[start:end], "")
    marks = trees[0].marks if trees else {}
    return {path: _shifted(mark, line, column) for path, mark in marks.items()}


def _blank(text: str, at: int) -> int:
    """The first character from there on that is no white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _shifted(mark: Mark, lines: int, columns: int) -> Mark:
    return replace(
        mark,
        line=mark.line + lines,
        column=mark.column + (columns if mark.line == 1 else 0),
        key_line=mark.key_line + lines,
        key_column=mark.key_column + (columns if mark.key_line == 1 else 0),
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is written twice")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(constant)
