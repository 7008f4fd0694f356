"""``croupier flag refs``: where code names flags, which flags it no longer names, and which it names that do not exist.

Needs a control plane or ``--file`` for the keys; the code is read here and goes nowhere.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from croupier.cli.connection import Connection, Denied, segment
from croupier.cli.output import Exit, Json, counted, note, print_json, print_table
from croupier.errors import NotFound, Transient

if TYPE_CHECKING:
    from croupier.cli.flag.sources import Tree

Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave out files and directories of this name, like '*.md'."),
]

# Calls that ask for a flag: ours, and those of the OpenFeature clients in several languages.
_ASKS: Final = re.compile(
    r"""(?:\b(?:is_?[eE]nabled|get_?(?:[bB]oolean|[sS]tring|[iI]nteger|[nN]umber|[fF]loat|[oO]bject)_?(?:[vV]alue|[dD]etails)"""
    r"""(?:_?[aA]sync)?)|\bflags?\.(?:value|details))\(\s*(["'`])([A-Za-z0-9][A-Za-z0-9._-]{0,127})\1"""
)


@dataclass(frozen=True, slots=True)
class Place:
    """One mention of a flag; ``known`` is false where there is no such flag."""

    key: str
    file: str
    line: int
    column: int
    text: str
    known: bool

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


def refs(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Source files or directories.", metavar="PATH…")],
    flag: Annotated[
        list[str] | None, typer.Option("--flag", help="Only this flag; may be given several times.")
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option("--file", "-f", help="Take the flags of these files, not a control plane's.")
    ] = None,
    exclude: Exclude = None,
    check: Annotated[bool, typer.Option("--check", help="Leave with 5 where code asks for an unknown flag.")] = False,
    as_json: Json = False,
) -> None:
    """Find the code that names flags. Lists each place, the flags that no code names any more (ready to be removed),
    and the flags that code asks for although they do not exist.
    """
    from croupier.cli.flag.sources import Tree

    keys = _named(flag, file, context.obj) if flag else _declared(file) if file else _recorded(context.obj)
    tree = Tree(tuple(paths), tuple(exclude or ()))
    found = list(places(tree, keys))
    if flag:
        found = [place for place in found if place.known]
    unused = sorted(keys - {place.key for place in found})
    unknown = sorted({place.key for place in found if not place.known})
    if as_json:
        listed = [
            {name: getattr(place, name) for name in ("key", "file", "line", "column", "text", "known")}
            for place in found
        ]
        print_json({"references": listed, "unused": unused, "unknown": unknown, "files": tree.files})
    else:
        _show(found, unused, unknown)
    tell_left_out(tree)
    if check and unknown:
        raise typer.Exit(Exit.REJECTED)


def places(tree: "Tree", keys: Collection[str]) -> Iterable[Place]:
    """Every mention of the keys, and every question for another key."""
    from croupier.core.flags.references import find_references

    for file, text in tree.texts():
        asked = {found[2] for found in _ASKS.finditer(text)}
        for place in find_references(text, asked.union(keys)):
            yield Place(place.key, file, place.line, place.column, place.text, place.key in keys)


def tell_left_out(tree: "Tree") -> None:
    """What was too large to be read."""
    if tree.too_large:
        note(
            f"left out, larger than 1 MiB: {', '.join(map(str, tree.too_large[:5]))}" + "…" * (len(tree.too_large) > 5)
        )


def _show(found: list[Place], unused: list[str], unknown: list[str]) -> None:
    rows: list[tuple[Any, ...]] = [
        (item.key, "used" if item.known else "unknown", item.where, item.text) for item in found
    ]
    print_table(("FLAG", "STATUS", "PLACE", "CODE"), [*rows, *((key, "unused", "", "") for key in unused)])
    if unused:
        note(f"{counted(len(unused), 'flag')} without a reference, ready to be removed: croupier flag archive FLAG")
    if unknown:
        note(f"asked for, but not there: {', '.join(unknown)}")


def _named(flags: list[str], files: list[Path] | None, connection: Connection) -> set[str]:
    """The flags that are asked for; archived ones may be named in code, too. Raises ``NotFound`` for one that there is
    not. Where nobody can be asked, code is searched all the same.
    """
    if files:
        if missing := sorted(set(flags) - _declared(files)):
            raise NotFound(
                f"There is no flag '{missing[0]}' in these files.", hint="Look for another, or name its file."
            )
        return set(flags)
    try:
        with connection.open() as client:
            for key in flags:
                client.get(f"flags/{segment(key)}")
    except (Denied, Transient) as trouble:
        note(f"whether there are such flags could not be asked: {trouble}")
    return set(flags)


def _declared(files: list[Path]) -> set[str]:
    from croupier.cli.flag.declared import flags_of, read_flags

    return {flag.key for flag in flags_of(read_flags(files))}


def _recorded(connection: Connection) -> set[str]:
    """The keys of all flags, as services get them: one answer, however many there are."""
    from croupier.cli.flag.propagation import environments
    from croupier.core.flags.line import SEGMENT
    from croupier.core.flags.snapshot import MEDIA_TYPE, decode

    with connection.open() as client:
        whole = decode(client.content(f"environments/{segment(environments(client)[0])}/flags", MEDIA_TYPE))
    return {key for key in whole.lines if not key.startswith(SEGMENT)}
